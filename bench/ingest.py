"""The whole ingest path, Kafka record to visible metric, beside other ways to do it, in one run.

    python -m bench.ingest [--events N] [--members M] [--repeat R] [--out FILE]

Apache Kafka (from Maven artifacts), the embedded engine and each consumer share this machine. A topic is filled
first; the rate counts from the first commit to the last, so that starting up is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from bench import machine
from bench.workload import member, messages
from commands.connect import environment
from commands.stack import prepare
from producers.kafka_admin import committed_offsets, end_offsets
from producers.kafka_client import ensure_topics
from schemas.decode import RECEIVED_HEADER
from schemas.reference import Member, Organisation, ReferenceTables
from schemas.settings import Settings
from schemas.tables import ANSWERS, BRANCH_DAY, DUPLICATES, EVENTS, LEDGER, MEMBER_DAY, REJECTED
from sinks.client import Endpoint, Store
from sinks.embedded.process import EngineProcess
from sinks.reference import write_reference
from tests.kafka_server import ApacheKafka

PARTITIONS = 4
BRANCH_SIZE = 40
FEW = 30_000
"""Events for the way that is slowest by far."""
WRITTEN = (EVENTS, DUPLICATES, REJECTED, MEMBER_DAY, ANSWERS, LEDGER, BRANCH_DAY)


class Bench:
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
            cache_facts=10**8,
            log_level="WARNING",
        )
        prepare(self.settings, self.store)
        orgs = [Organisation(org_id=f"b{i}", name=f"b{i}") for i in range(members // BRANCH_SIZE + 1)]
        rows = [Member(member_id=member(m), name="-", org_id=f"b{m // BRANCH_SIZE}") for m in range(members)]
        tables = ReferenceTables(
            organisations=tuple(orgs), members=tuple(rows), present=frozenset({"organisations", "members"})
        )
        write_reference(self.store, tables, datetime.now(UTC))

    def fill(self, events: int, per_message: int) -> str:
        """A new topic with the events; returns its name."""
        topic = f"bench-{per_message}-{uuid.uuid4().hex[:6]}"
        ensure_topics(self.kafka.bootstrap, {topic: PARTITIONS}, replication_factor=1)
        producer = Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        stamp = [(RECEIVED_HEADER, b"1800000000000")]
        for i, (key, lines) in enumerate(messages(events, per_message, self.members)):
            producer.produce(topic, key=key.encode(), value=b"\n".join(lines), headers=stamp)
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

    def xuejing(self, topic: str, events: int, per_message: int) -> dict[str, Any]:
        """This project's worker, branches included; peak memory and CPU of its process."""
        name = uuid.uuid4().hex[:6]
        settings = replace(
            self.settings,
            events_topic=topic,
            contributions_topic=f"days-{name}",
            consumer_group=f"bench-{name}",
            kafka_cluster=f"bench-{name}",
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "worker"], env={**os.environ, **environment(settings)}, cwd=Path.cwd()
        )
        try:
            return self._watch(process, settings, topic, events, per_message)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def _watch(
        self, process: subprocess.Popen[bytes], settings: Settings, topic: str, events: int, per_message: int
    ) -> dict[str, Any]:
        import psutil

        ends = end_offsets(self.kafka.bootstrap, topic)
        total = sum(ends.values())
        seen = psutil.Process(process.pid)
        first: tuple[float, int, float] | None = None
        peak = 0
        while True:
            done = sum(committed_offsets(self.kafka.bootstrap, settings.consumer_group, topic).values())
            now = time.perf_counter()
            peak = max(peak, seen.memory_info().rss)
            cpu = sum(seen.cpu_times()[:2])
            if done and first is None:
                first = now, done, cpu
            if done >= total:
                assert first is not None
                counted = (done - first[1]) * per_message
                return {
                    "events": counted,
                    "seconds": now - first[0],
                    "cpu_seconds": cpu - first[2],
                    "peak_mib": round(peak / 2**20),
                }
            if process.poll() is not None:
                raise RuntimeError(f"the worker ended with {process.returncode}")
            time.sleep(0.1)

    def rival(self, module: str, topic: str, events: int, *more: str) -> dict[str, Any]:
        """Another program's own figures, printed as its last line."""
        done = subprocess.run(
            [sys.executable, "-m", f"bench.rivals.{module}", self.kafka.bootstrap, topic, str(events), *more],
            env={**os.environ, "XUEJING_BENCH_PASSWORD": self.engine.password},
            stdout=subprocess.PIPE,
            timeout=900,
            check=True,
        )
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith("{")]
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def engine_limit(self, events: int) -> dict[str, Any]:
        """The rows that a run has just written, inserted from Arrow in the same batches, with nothing before."""
        began = 0.0
        for table in WRITTEN:
            rows = self.store.arrow(f"SELECT * FROM {table.name}", settings={"output_format_arrow_string_as_string": 0})
            self.store.command(f"CREATE OR REPLACE TABLE bench_copy AS {table.name}")
            step = max(1, round(rows.num_rows / max(1, events / 20_000)))
            start = time.perf_counter()
            for i in range(0, rows.num_rows, step):
                self.store.insert("bench_copy", rows.slice(i, step))
            began += time.perf_counter() - start
        return {"events": events, "seconds": began}


def rate(measured: dict[str, Any]) -> float:
    """Events a second."""
    return float(measured["events"]) / float(measured["seconds"])


def run(events: int, members: int, repeat: int) -> dict[str, Any]:
    """All ways, ``repeat`` times each, on events of one, 20 and 100 a message."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, ApacheKafka() as kafka, EngineProcess(Path(name) / "store") as engine:
        bench = Bench(kafka, engine, members, Path(name))
        for per_message in (1, 20, 100):
            topic = bench.fill(events, per_message)
            runs: dict[str, list[dict[str, Any]]] = {}

            def measure(way: str, call: Callable[[], dict[str, Any]], runs: Any = runs, k: int = per_message) -> None:
                found = call()
                runs.setdefault(way, []).append(found)
                print(f"{way} {k}/message: {rate(found):,.0f} events/s", file=sys.stderr, flush=True)

            expected: list[Any] = []
            for _ in range(repeat):
                bench.clear()
                measure("xuejing", lambda t=topic, k=per_message: bench.xuejing(t, events, k))
                figures = bench.figures()
                assert expected in ([], figures), "a run gave other figures"
                expected = figures
                measure("engine insert limit", lambda: bench.engine_limit(events))
                bench.clear()
                measure("plain loop, same fold", lambda t=topic: bench.rival("plain_loop", t, events, engine.url))
                assert bench.figures() == figures, "the plain loop gave other figures"
                if per_message == 1:
                    measure("faust tutorial", lambda t=topic: bench.rival("faust_tutorial", t, min(events, FEW)))
                    measure("quixstreams, state", lambda t=topic: bench.rival("quix", t, events, engine.url))
            results[str(per_message)] = {
                way: {
                    "events_per_second": round(statistics.median(rate(f) for f in found)),
                    "spread": [round(min(map(rate, found))), round(max(map(rate, found)))],
                    **{k: found[-1][k] for k in ("cpu_seconds", "peak_mib") if k in found[-1]},
                    "events": found[-1]["events"],
                }
                for way, found in runs.items()
            }
    return results


def main() -> None:
    """Run and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench/results/ingest.json"))
    given = parser.parse_args()
    command = f"python -m bench.ingest --events {given.events} --members {given.members} --repeat {given.repeat}"
    about = machine.describe(command)
    result = {"machine": about, "ingest": run(given.events, given.members, given.repeat)}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(json.dumps(result["ingest"], indent=2))


if __name__ == "__main__":
    main()
