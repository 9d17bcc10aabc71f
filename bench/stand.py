"""Where ingest is measured: Apache Kafka (from Maven artifacts) and the embedded engine on this machine, topics that
are filled before a run, and workers whose commits, CPU and memory are watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer

from bench.workload import member, messages
from commands.connect import environment
from commands.stack import prepare
from producers.kafka_admin import committed_offsets, end_offsets
from producers.kafka_client import ensure_topics
from schemas.decode import RECEIVED_HEADER
from schemas.reference import Member, Organisation, ReferenceTables
from schemas.settings import Settings
from schemas.tables import ANSWERS, BRANCH_DAY, DUPLICATES, EVENTS, LEDGER, MEMBER_DAY, PROBES, REJECTED
from sinks.client import Endpoint, Store
from sinks.embedded.process import EngineProcess
from sinks.reference import write_reference
from tests.kafka_server import ApacheKafka

PARTITIONS = 4
BRANCH_SIZE = 40
WRITTEN = (EVENTS, DUPLICATES, REJECTED, MEMBER_DAY, ANSWERS, LEDGER, BRANCH_DAY, PROBES)
RECEIVED = 1_800_000_000_000
"""Receipt of every event, ms UTC: later than they occurred, whenever the benchmark runs."""
EVERYTHING = 10**8
"""A cache that never evicts."""


class Stand:
    """Broker and store of one run."""

    def __init__(self, kafka: ApacheKafka, engine: EngineProcess, members: int, folder: Path) -> None:
        self.kafka, self.engine, self.members, self.folder = kafka, engine, members, folder
        self.store = Store(Endpoint(engine.url, engine.user, engine.password))
        self.settings = Settings(
            kafka_bootstrap=kafka.bootstrap,
            clickhouse_url=engine.url,
            clickhouse_password=engine.password,
            data_dir=str(folder),
            partitions=PARTITIONS,
            cache_facts=EVERYTHING,
            log_level="WARNING",
        )
        prepare(self.settings, self.store)
        orgs = [Organisation(org_id=f"b{i}", name=f"b{i}") for i in range(members // BRANCH_SIZE + 1)]
        rows = [Member(member_id=member(m), name="-", org_id=f"b{m // BRANCH_SIZE}") for m in range(members)]
        present = frozenset({"organisations", "members"})
        tables = ReferenceTables(organisations=tuple(orgs), members=tuple(rows), present=present)
        write_reference(self.store, tables, datetime.now(UTC))

    def topic(self, name: str, partitions: int = PARTITIONS) -> str:
        """A new topic; returns its name."""
        name = f"{name}-{uuid.uuid4().hex[:6]}"
        ensure_topics(self.kafka.bootstrap, {name: partitions}, replication_factor=1)
        return name

    def fill(self, events: int, per_message: int, partitions: int = PARTITIONS, seed: int = 7) -> str:
        """A new topic with the events; returns its name."""
        topic = self.topic(f"bench-{per_message}", partitions)
        producer = producer_for(self.kafka.bootstrap)
        for i, (key, lines) in enumerate(messages(events, per_message, self.members, seed)):
            producer.produce(topic, key=key.encode(), value=b"\n".join(lines), headers=STAMP)
            if i % 5000 == 0:
                producer.poll(0.01)
        producer.flush()
        return topic

    def clear(self) -> None:
        """Empty what consumers write."""
        for table in WRITTEN:
            self.store.command(f"TRUNCATE TABLE {table.name}")

    def figures(self) -> list[Any]:
        """What must be the same whoever computed it."""
        return self.store.rows(
            "SELECT count(), sum(study_ms), sum(answers), sum(correct), sum(wrong_questions), sum(events) "
            "FROM member_day FINAL WHERE course_id = ''"
        )

    def committed(self, settings: Settings) -> int:
        """Messages of the topic of events that the group has done with."""
        found = committed_offsets(self.kafka.bootstrap, settings.consumer_group, settings.events_topic)
        return sum(found.values())

    def worker_settings(self, topic: str, **changes: Any) -> Settings:
        """Settings of a group that has not read anything yet."""
        name = uuid.uuid4().hex[:6]
        return replace(
            self.settings,
            events_topic=topic,
            contributions_topic=f"days-{name}",
            consumer_group=f"bench-{name}",
            kafka_cluster=f"bench-{name}",
            **changes,
        )

    @contextmanager
    def workers(self, settings: Settings, count: int = 1) -> Iterator[list[psutil.Popen]]:
        """This project's worker processes, for the time of the block."""
        processes = [worker(settings) for _ in range(count)]
        try:
            yield processes
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(60)

    def drain(self, settings: Settings, per_message: int, count: int = 1, warm_up: float = 0.02) -> dict[str, Any]:
        """Let workers read a filled topic to its end, branches included.

        Counted from the first commit at which ``warm_up`` of the topic was done and every worker takes part, so that
        starting up is left out."""
        total = sum(end_offsets(self.kafka.bootstrap, settings.events_topic).values())
        engine = psutil.Process(self.engine.pid)
        first: tuple[float, int, float, float] | None = None
        peak = 0
        with self.workers(settings, count) as processes:
            while True:
                done, now = self.committed(settings), time.perf_counter()
                peak = max(peak, *(p.memory_info().rss for p in processes))
                at = now, done, sum(map(seconds, processes)), seconds(engine)
                if first is None and done >= warm_up * total:
                    first = at
                if done >= total:
                    break
                if any(p.poll() is not None for p in processes):
                    raise RuntimeError("a worker ended before it had read everything")
                time.sleep(0.05)
            assert first is not None
            if at[1] == first[1]:
                raise RuntimeError(f"{total} messages were done before the clock could start: ask for more --events")
            self._branches(settings)
            return {
                "events": (at[1] - first[1]) * per_message,
                "seconds": at[0] - first[0],
                "cpu_seconds": at[2] - first[2],
                "engine_cpu_seconds": at[3] - first[3],
                "peak_mib": round(peak / 2**20),
                "branches_behind_seconds": round(time.perf_counter() - at[0], 2),
            }

    def _branches(self, settings: Settings) -> None:
        topic = settings.contributions_topic
        ends = sum(end_offsets(self.kafka.bootstrap, topic).values())
        while sum(committed_offsets(self.kafka.bootstrap, settings.consumer_group, topic).values()) < ends:
            time.sleep(0.05)


STAMP = [(RECEIVED_HEADER, b"%d" % RECEIVED)]


def producer_for(bootstrap: str) -> Producer:
    """A fast producer that puts members where this project's does."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )


def worker(settings: Settings) -> psutil.Popen:
    """``xuejing worker`` with these settings."""
    return psutil.Popen([sys.executable, "-m", "cli", "worker"], env={**os.environ, **environment(settings)})


def seconds(process: psutil.Process) -> float:
    """CPU time of a process so far, its threads together."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def stand(members: int) -> Iterator[Stand]:
    """Broker and store for the time of the block."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        kafka = exits.enter_context(ApacheKafka())
        engine = exits.enter_context(EngineProcess(folder / "store"))
        yield Stand(kafka, engine, members, folder)


def rival(found: Stand, module: str, topic: str, *more: str) -> dict[str, Any]:
    """Another program's own figures, printed as its last line; CPU and peak memory as seen from here."""
    command = [sys.executable, "-m", f"bench.rivals.{module}", found.kafka.bootstrap, topic, *more]
    process = psutil.Popen(
        command, env={**os.environ, "XUEJING_BENCH_PASSWORD": found.engine.password}, stdout=subprocess.PIPE
    )
    out, _ = process.communicate(timeout=1800)
    lines = [line for line in out.decode().splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{module} ended with {process.returncode} and without figures")
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures
