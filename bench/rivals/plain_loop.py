"""The floor: a confluent-kafka loop that calls this project's fold and sink, without Faust and without branches.

python -m bench.rivals.plain_loop BOOTSTRAP TOPIC EVENTS CLICKHOUSE_URL PER_MESSAGE  (XUEJING_BENCH_PASSWORD is set)
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import uuid
from typing import Any

from confluent_kafka import Consumer

from commands.worker import StoreGenerations
from producers.kafka_client import partition_for
from schemas.decode import RECEIVED_HEADER
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.rosters import StoreRosters
from streams.cache import MemberCache
from streams.pipeline import MemberPipeline
from streams.records import Record, RecordBatch


class Nobody:
    """An outbox that drops what a branch agent would get."""

    def contribute(self, _: Any) -> None:
        """Dropped."""

    def flush(self) -> None:
        """Nothing to wait for."""


def main() -> None:
    """Consume until all events are durable; print events and seconds after the first batch."""
    bootstrap, topic, total, url, per_message = (
        sys.argv[1],
        sys.argv[2],
        int(sys.argv[3]),
        sys.argv[4],
        int(sys.argv[5]),
    )
    gc.set_threshold(200_000, 50, 1000)
    sink = ClickHouseSink(Store(Endpoint(url, "default", os.environ["XUEJING_BENCH_PASSWORD"])))
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"plain-{uuid.uuid4().hex[:8]}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
        }
    )
    consumer.subscribe([topic])
    count = len(consumer.list_topics(topic).topics[topic].partitions)
    pipeline = MemberPipeline(
        sink,
        StoreGenerations(sink),
        StoreRosters(sink),
        Nobody(),  # type: ignore[arg-type]
        cluster=f"plain-{uuid.uuid4().hex[:8]}",
        partition_for=lambda m: partition_for(m, count),
        cache=MemberCache(10**9),
    )
    done = first = 0
    began = 0.0
    while done < total:
        messages = [m for m in consumer.consume(max(1, 60_000 // per_message), 0.3) if not m.error()]
        by_partition: dict[int, list[Record]] = {}
        for m in messages:
            headers = tuple(m.headers() or [])
            stamp = next((int(v) for k, v in headers if k == RECEIVED_HEADER), m.timestamp()[1])
            by_partition.setdefault(m.partition(), []).append(Record(m.offset(), stamp, m.key(), m.value(), ()))
        if not by_partition:
            continue
        tally = pipeline.process([RecordBatch(topic, p, r) for p, r in by_partition.items()])
        consumer.commit(asynchronous=False)
        done += tally.lines
        if not began:
            began, first = time.perf_counter(), done
    print(json.dumps({"events": done - first, "seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
