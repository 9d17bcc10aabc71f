"""quixstreams with state: a member's total kept in its state store, rows into ClickHouse in batches.

python -m bench.rivals.quix BOOTSTRAP TOPIC EVENTS CLICKHOUSE_URL     (password in XUEJING_BENCH_PASSWORD)
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from typing import Any

import msgspec
import pyarrow as pa
from quixstreams import Application, State
from quixstreams.sinks import BatchingSink, SinkBatch

from sinks.client import Endpoint, Store

bootstrap, topic_name, total, url = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
store = Store(Endpoint(url, "default", os.environ["XUEJING_BENCH_PASSWORD"]))
store.command(
    "CREATE TABLE IF NOT EXISTS bench_quix (member_id String, total Int64) ENGINE = MergeTree ORDER BY member_id"
)
done, began = 0, 0.0
SKIPPED = 2000


class ToClickHouse(BatchingSink):
    """Writes each checkpoint's rows as one insert."""

    def write(self, batch: SinkBatch) -> None:
        """Write one partition's batch."""
        global done, began
        rows = [item.value for item in batch]
        store.insert("bench_quix", pa.Table.from_pylist(rows))
        done += len(rows)
        if not began:
            began = time.perf_counter()
            self.first = done
        if done >= total:
            seconds = time.perf_counter() - began
            print(json.dumps({"events": done - self.first, "seconds": seconds}), flush=True)
            os._exit(0)


def add(value: bytes, state: State) -> dict[str, Any]:
    """Add an event's study time to its member's total."""
    event = msgspec.json.decode(value)
    sum_ms = state.get("total", 0) + event.get("duration_ms", 0)
    state.set("total", sum_ms)
    return {"member_id": event["member_id"], "total": sum_ms}


if __name__ == "__main__":
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
        commit_every=20_000,
        commit_interval=2.0,
        use_changelog_topics=True,
    )
    frame = app.dataframe(app.topic(topic_name, value_deserializer="bytes", key_deserializer="str"))
    frame.apply(add, stateful=True).sink(ToClickHouse())
    app.run()
