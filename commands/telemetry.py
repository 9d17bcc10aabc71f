"""What a worker tells about itself: Prometheus metrics, readiness and liveness, lag, and the probe."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from http.server import ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from producers.kafka_admin import lag
from producers.kafka_client import EventProducer, partition_for
from schemas.decode import PROBE_HEADER
from schemas.errors import XuejingError
from schemas.settings import Settings
from sinks.clickhouse import ClickHouseSink
from streams.pipeline import Tally
from streams.records import PartitionSet

from .status_server import serve_routes, told

log = logging.getLogger(__name__)

SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
WATCH_SECONDS = 15.0
Place = tuple[str, int]
"""(topic, partition)"""


class Telemetry:
    """The metrics of one worker process. Base units (seconds, bytes, lines), counters end in ``_total``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        new: dict[str, Any] = {"registry": self.registry}
        self.lines = Counter("xuejing_lines", "Lines by verdict; the rejected are counted apart", ["verdict"], **new)
        self.rejected = Counter("xuejing_rejected_lines", "Rejected lines by reason", ["reason"], **new)
        self.batch = Histogram(
            "xuejing_batch_lines", "Lines in a batch", buckets=(1, 10, 100, 1000, 10_000, 100_000), **new
        )
        self.seconds = Histogram(
            "xuejing_step_seconds",
            "Time of a batch by step: decode, load, merge, archive, fold, publish, ledger, branches",
            ["step"],
            buckets=SECONDS,
            **new,
        )
        self.last = Gauge("xuejing_last_batch_timestamp_seconds", "When the last batch was durable (Unix time)", **new)
        self.lag = Gauge(
            "xuejing_consumer_lag_messages", "Messages not yet committed by the group", ["topic", "partition"], **new
        )
        self.assigned = Gauge("xuejing_assigned_partitions", "Partitions that this worker has", **new)
        self.latency = Histogram(
            "xuejing_event_to_visible_seconds", "Probe: from sending to visible in the store", buckets=SECONDS, **new
        )
        self.probes = Counter("xuejing_probes", "Probes by what became of them", ["outcome"], **new)
        self.waiting = Gauge("xuejing_store_waiting_seconds", "How long the store has been away; 0: it is there", **new)
        self.wedged = Gauge("xuejing_wedged_seconds", "How long messages have waited without a batch ending", **new)
        self.members = Gauge("xuejing_cached_members", "Members whose facts are in memory", **new)

    def batch_done(self, tally: Tally, cached: int) -> None:
        """Count a batch of events that is durable."""
        for verdict in ("new", "duplicates", "redelivered", "forwarded"):
            self.lines.labels(verdict).inc(getattr(tally, verdict))
        for reason, count in tally.rejected.items():
            self.rejected.labels(reason).inc(count)
        for step, seconds in tally.seconds.items():
            self.seconds.labels(step).observe(seconds)
        self.batch.observe(tally.lines)
        self.last.set(time.time())
        self.members.set(cached)


class Health:
    """Ready: partitions are assigned and the store is there. Alive: no stream of ours is wedged.

    Wedged: messages wait on a partition that this worker has, the store is there, and for ``wedged_after`` seconds
    no batch ended. A store or a broker that is away is no reason to end a worker: starting it again would not help.
    Called from several threads.
    """

    def __init__(
        self, sink: ClickHouseSink, wedged_after: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.sink, self.wedged_after, self._clock = sink, wedged_after, clock
        self._lock = threading.Lock()
        self._places: PartitionSet = frozenset()
        self._behind_since: float | None = None

    @property
    def assigned(self) -> bool:
        """Whether this worker has partitions."""
        return bool(self._places)

    @property
    def partitions(self) -> int:
        """How many."""
        return len(self._places)

    def assign(self, places: PartitionSet) -> None:
        """The group gave this worker these partitions."""
        with self._lock:
            self._places, self._behind_since = places, None

    def batch_ended(self) -> None:
        """A batch of any topic is durable."""
        with self._lock:
            if self._behind_since is not None:
                self._behind_since = self._clock()

    def saw_lag(self, behind: Mapping[Place, int]) -> None:
        """The group's lag as it was a moment ago."""
        with self._lock:
            if not any(behind.get(place, 0) for place in self._places) or self.sink.waiting_since is not None:
                self._behind_since = None
            elif self._behind_since is None:
                self._behind_since = self._clock()

    def stalled(self) -> float:
        """Seconds for which messages have waited without a batch ending; 0 while the store is away."""
        with self._lock:
            if self._behind_since is None or self.sink.waiting_since is not None:
                return 0.0
            return self._clock() - self._behind_since

    def live(self) -> dict[str, Any]:
        """What ``/live`` answers."""
        stalled = self.stalled()
        wedged = bool(self.wedged_after) and stalled >= self.wedged_after
        return {"alive": not wedged, "stalled_seconds": round(stalled, 1)}

    def ready(self) -> dict[str, Any]:
        """What ``/ready`` answers."""
        away = self.sink.waiting_since
        return {
            "ready": self.assigned and away is None,
            "assigned": self.assigned,
            "store_away_seconds": None if away is None else round(time.time() - away, 1),
        }


def serve(telemetry: Telemetry, health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Answer ``/metrics``, ``/ready`` and ``/live`` in a thread. Raises XuejingError when the port is taken."""

    return serve_routes(
        {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, _metrics(telemetry, health)),
            "/live": lambda: told(health.live(), "alive"),
            "/ready": lambda: told(health.ready(), "ready"),
        },
        host,
        port,
    )


def _metrics(telemetry: Telemetry, health: Health) -> bytes:
    telemetry.waiting.set(health.ready()["store_away_seconds"] or 0)
    telemetry.wedged.set(health.stalled())
    telemetry.assigned.set(health.partitions)
    return generate_latest(telemetry.registry)


class Watch(threading.Thread):
    """Asks Kafka for the group's lag now and then: for the metrics, and to notice a stream that is wedged."""

    def __init__(self, settings: Settings, telemetry: Telemetry, health: Health, every: float = WATCH_SECONDS) -> None:
        super().__init__(name="watch", daemon=True)
        self.settings, self.telemetry, self.health, self.every = settings, telemetry, health, every
        self.stopped = threading.Event()

    def run(self) -> None:
        """Until ``stopped``. A broker that is away is reported by the stream itself."""
        while not self.stopped.wait(self.every):
            try:
                self.look()
            except XuejingError as error:
                log.warning("lag: %s", error)

    def look(self) -> None:
        """Once. Raises BrokerUnavailable."""
        s = self.settings
        behind: dict[Place, int] = {}
        for topic in (s.events_topic, s.contributions_topic):
            found = lag(s.kafka_bootstrap, s.consumer_group, topic, security=s.kafka_security())
            behind |= {(topic, partition): count for partition, count in found.items()}
        for (topic, partition), count in behind.items():
            self.telemetry.lag.labels(topic, str(partition)).set(count)
        self.health.saw_lag(behind)


class Probe(threading.Thread):
    """Sends a probe to every partition now and then, and measures until it is visible in the store."""

    def __init__(
        self, telemetry: Telemetry, sink: ClickHouseSink, producer: EventProducer, every: float, timeout: float = 60
    ) -> None:
        super().__init__(name="probe", daemon=True)
        self.telemetry, self.sink, self.producer = telemetry, sink, producer
        self.every, self.timeout = every, timeout
        self.stopped = threading.Event()

    def run(self) -> None:
        """Until ``stopped``; trouble is logged once a round: the stream itself reports it in full."""
        while not self.stopped.wait(self.every):
            self.round()

    def round(self) -> None:
        """One probe for each partition."""
        try:
            found = measure(self.sink, self.producer, timeout=self.timeout)
        except XuejingError as error:
            log.warning("probe: %s", error)
            found = []
        for seconds in found:
            self.telemetry.latency.observe(seconds)
        self.telemetry.probes.labels("visible").inc(len(found))
        self.telemetry.probes.labels("lost").inc(self.producer.partitions - len(found))


def measure(sink: ClickHouseSink, producer: EventProducer, *, timeout: float) -> list[float]:
    """Seconds from sending to visible, one for each partition's probe that came through within ``timeout``.

    Raises XuejingError when none did.
    """
    sent = time.time()
    name, keys = send_probes(producer, timeout)
    seen: dict[int, float] = {}
    while len(seen) < len(keys) and time.time() - sent < timeout:
        rows = sink.store.rows("SELECT partition, seen_us FROM probes WHERE probe = {p:String}", {"p": name})
        seen = {int(p): int(us) / 1e6 - sent for p, us in rows}
        if len(seen) < len(keys):
            time.sleep(0.02)
    if not seen:
        raise XuejingError(f"no probe came through within {timeout:.0f} s", hint="is a worker running?")
    return sorted(seen.values())


def send_probes(producer: EventProducer, timeout: float) -> tuple[str, list[str]]:
    """Send a probe to every partition of the topic; returns its name and their keys."""
    name, keys = f"{time.time_ns():x}", keys_of_partitions(producer)
    for key in keys:
        producer.send(key, [b" "], headers=((PROBE_HEADER, name.encode()),))
    producer.flush(timeout)
    return name, keys


def keys_of_partitions(producer: EventProducer) -> list[str]:
    """One key for each partition of the topic, by trying."""
    found: dict[int, str] = {}
    n = 0
    while len(found) < producer.partitions:
        key = f"probe-{n}"
        found.setdefault(partition_for(key, producer.partitions), key)
        n += 1
    return [found[p] for p in sorted(found)]
