"""Faust as its tutorial has it: one event a message, a table set per event. No store behind it.

python -m bench.rivals.faust_tutorial BOOTSTRAP TOPIC EVENTS
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid

import faust
import msgspec

bootstrap, topic_name, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
app = faust.App(
    f"tutorial-{uuid.uuid4().hex[:8]}",
    broker=f"kafka://{bootstrap}",
    store="memory://",
    topic_partitions=4,
    topic_replication_factor=1,
    topic_disable_leader=True,
    web_enabled=False,
    datadir=tempfile.mkdtemp(),
    broker_session_timeout=10,
    broker_heartbeat_interval=2,
)
topic = app.topic(topic_name, value_type=bytes, key_type=bytes, value_serializer="raw", key_serializer="raw")
minutes = app.Table("minutes", default=int, partitions=4)
done, began = 0, 0.0
SKIPPED = 2000


@app.agent(topic)
async def count(stream: faust.Stream) -> None:
    """Add an event's study time to its member's total."""
    global done, began
    async for value in stream:
        event = msgspec.json.decode(value)
        minutes[event["member_id"]] += event.get("duration_ms", 0)
        done += 1
        if done == SKIPPED:
            began = time.perf_counter()
        if done >= total:
            seconds = time.perf_counter() - began
            # Not print: Faust sends what is printed to its log.
            os.write(1, json.dumps({"events": total - SKIPPED, "seconds": seconds}).encode() + b"\n")
            os._exit(0)


if __name__ == "__main__":
    sys.argv = ["bench", "worker", "-l", "error", "--without-web"]
    app.main()
