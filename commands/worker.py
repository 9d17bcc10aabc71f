"""The worker process: Kafka to metrics, composed from producers, streams and sinks."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from producers.kafka_client import EventProducer, partition_for
from schemas.days import LocalDays
from schemas.settings import Settings
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.erased import StoreErased
from sinks.member_key import member_key
from sinks.read.generations import GenerationInfo, written_generations
from sinks.rosters import StoreRosters
from streams.branch import BranchPipeline
from streams.cache import MemberCache
from streams.faust_shell import build_app, run_app, run_blocking
from streams.pipeline import MemberPipeline
from streams.records import PartitionSet, RecordBatch, Rest
from streams.rules import Generation, Rules

from .batches import Gate
from .connect import store_folder
from .logs import TellingSink
from .moved import complete
from .outbox import KafkaOutbox
from .producing import event_producer, topics
from .telemetry import WATCH_SECONDS, Health, Probe, Telemetry, Watch, serve

__all__ = ["StoreGenerations", "event_producer", "generation", "run_worker", "topics"]

log = logging.getLogger(__name__)
B = TypeVar("B")
T = TypeVar("T")


class StoreGenerations:
    """``streams.pipeline.GenerationSource`` on a store. One small query a call."""

    def __init__(self, sink: ClickHouseSink) -> None:
        self.sink = sink
        self._known: list[GenerationInfo] = []
        self._current: Sequence[Generation] = ()

    def current(self) -> Sequence[Generation]:
        """See ``streams.pipeline.GenerationSource``."""
        found = self.sink.patiently("generations", lambda: written_generations(self.sink.store))
        if found != self._known:
            self._known = found
            self._current = tuple(generation(g) for g in found)
        return self._current


def generation(info: GenerationInfo) -> Generation:
    """A generation of the store as the folds take it."""
    days, rules = LocalDays(info.timezone), Rules.from_json(info.rules)
    if not info.closed_to:
        return Generation(info.number, days, rules)
    # A day is open when its whole window is: the first one that begins a window after what was dropped.
    return Generation(info.number, days, rules, days.day_of(info.closed_to + rules.before) + 1)


def run_worker(settings: Settings, store: Store, *, embedded: bool) -> int:
    """Run until SIGTERM; returns the exit code. Needs a migrated store and existing topics."""
    # Facts live long and hold no cycles: collecting them again and again cost a fifth of the time.
    gc.set_threshold(200_000, 50, 1000)
    sink = TellingSink(store)
    rosters = StoreRosters(sink)
    telemetry, health = Telemetry(), Health(sink, settings.wedged_seconds)
    # A backup of the embedded store is taken between batches. Servers have their own means.
    gate = Gate(store_folder(settings)) if embedded and store_folder(settings).is_dir() else None

    def whole(write: Callable[[B], T], batch: B) -> T:
        with gate.batch() if gate else nullcontext():
            return write(batch)

    with (
        event_producer(settings, linger_ms=5) as events,
        event_producer(settings, settings.contributions_topic, linger_ms=5) as contributions,
        ThreadPoolExecutor(3, thread_name_prefix="insert") as inserts,
    ):
        count = events.partitions
        if (done := complete(sink, events, contributions)).imports:
            log.warning("roster imports that waited for a broker: %s", done)
        members = MemberPipeline(
            sink,
            StoreGenerations(sink),
            rosters,
            KafkaOutbox(events, contributions),
            cluster=settings.kafka_cluster or settings.kafka_bootstrap,
            partition_for=lambda member_id: partition_for(member_id, count),
            cache=MemberCache(settings.cache_facts),
            pool=inserts,
            erased=StoreErased(sink, lambda: member_key(settings)),
        )
        branches = BranchPipeline(sink, rosters)

        async def on_events(batches: Sequence[RecordBatch]) -> Rest:
            begun = await run_blocking(members.begin, batches)

            async def rest() -> None:
                tally = await run_blocking(whole, members.finish, begun)
                telemetry.batch_done(tally, len(members.cache))
                health.batch_ended()
                log.info("batch: %s", tally)

            return rest

        async def on_contributions(batches: Sequence[RecordBatch]) -> None:
            begun = time.perf_counter()
            await run_blocking(whole, branches.process, batches)
            telemetry.seconds.labels("branches").observe(time.perf_counter() - begun)
            health.batch_ended()

        async def assigned(places: PartitionSet) -> None:
            await revoked(places)
            health.assign(places)

        async def revoked(places: PartitionSet) -> None:
            members.cache.forget({p for topic, p in places if topic == settings.events_topic})
            branches.forget()

        app = build_app(
            app_id=settings.consumer_group,
            bootstrap=settings.kafka_bootstrap,
            routes={settings.events_topic: on_events, settings.contributions_topic: on_contributions},
            partitions={settings.events_topic: count, settings.contributions_topic: contributions.partitions},
            embedded=embedded,
            max_batch_records=settings.batch_records,
            max_batch_bytes=settings.batch_bytes,
            concurrency=2,
            on_assigned=assigned,
            on_revoked=revoked,
            security=settings.kafka_security(),
        )
        with _told(settings, telemetry, health, sink, events):
            return run_app(app, settings.log_level)


@contextmanager
def _told(
    settings: Settings, telemetry: Telemetry, health: Health, sink: ClickHouseSink, producer: EventProducer
) -> Iterator[None]:
    """Metrics, health and probes for the time of the block, as the settings ask for them."""
    server = None
    # Often enough to notice in time.
    often = min(WATCH_SECONDS, max(1.0, settings.wedged_seconds / 4)) if settings.wedged_seconds else WATCH_SECONDS
    watch = Watch(settings, telemetry, health, often)
    if settings.metrics_port:
        server = serve(telemetry, health, settings.metrics_host, settings.metrics_port)
        watch.start()
    probe = Probe(telemetry, sink, producer, settings.probe_seconds)
    if settings.probe_seconds:
        probe.start()
    try:
        yield
    finally:
        watch.stopped.set()
        probe.stopped.set()
        if server is not None:
            server.shutdown()
