"""quixstreams as a person would use it for the same work: state for each member, the same store behind.

Of each member it keeps the ids it has seen, the covered study time, the questions answered wrong and the figures of
the day, in its state store with a changelog; per checkpoint it archives the events and writes the newest
``member_day`` row of each member. Answers, branches, a ledger, late and withdrawn events it leaves out: it relies on
events in order.

python -m bench.rivals.quix BOOTSTRAP TOPIC EVENTS CLICKHOUSE_URL PER_MESSAGE  (XUEJING_BENCH_PASSWORD is set)
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
from quixstreams import Application, State
from quixstreams.sinks import BatchingSink, SinkBatch

from schemas.days import LocalDays, day_date
from schemas.tables import EVENTS, MEMBER_DAY
from sinks.client import Endpoint, Store

bootstrap, topic_name, total, url, per_message = (
    sys.argv[1],
    sys.argv[2],
    int(sys.argv[3]),
    sys.argv[4],
    int(sys.argv[5]),
)
store = Store(Endpoint(url, "default", os.environ["XUEJING_BENCH_PASSWORD"]))
DAYS = LocalDays("Asia/Shanghai")
BATCH = 60_000
ARCHIVED = ["member_id", "at", "event_id", "body_hash", "event_type", "course_id", "received_at", "raw"]
FIGURES = ["study_ms", "answers", "graded", "correct", "wrong_questions", "events"]
decode = msgspec.json.Decoder().decode


class ToClickHouse(BatchingSink):
    """Writes each checkpoint's events as one insert, and its member days as another."""

    def __init__(self) -> None:
        super().__init__()
        self.done = self.first = 0
        self.began = 0.0

    def write(self, batch: SinkBatch) -> None:
        """Write one partition's batch."""
        days: dict[str, list[Any]] = {}
        events: list[tuple[Any, ...]] = []
        for item in batch:
            found = item.value
            events += found["events"]
            days[found["day"][1]] = found["day"]
        self._insert(EVENTS, ARCHIVED, events)
        names = ["generation", "member_id", "day", "course_id", *FIGURES, "version"]
        self._insert(MEMBER_DAY, names, list(days.values()))
        self.done += len(events)
        if not self.began:
            self.began, self.first = time.perf_counter(), self.done
        if self.done >= total:
            seconds = time.perf_counter() - self.began
            print(json.dumps({"events": self.done - self.first, "seconds": seconds}), flush=True)
            os._exit(0)

    def _insert(self, table: Any, names: list[str], rows: list[Any]) -> None:
        types = {c.name: c.arrow for c in table.columns}
        columns = zip(*rows, strict=True)
        store.insert(table.name, pa.table({n: pa.array(v, types[n]) for n, v in zip(names, columns, strict=True)}))


def add(value: bytes, state: State) -> dict[str, Any]:
    """Add a message's events to its member's day."""
    day = state.get("day") or {"covered": 0, **dict.fromkeys(FIGURES, 0)}
    events = []
    for line in value.split(b"\n"):
        event = decode(line)
        event_id = event["event_id"]
        if state.exists(event_id):
            continue
        state.set(event_id, 1)
        at = round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)
        count(event, at, day, state)
        member_id, course = event["member_id"], event["course_id"]
        key = uuid.UUID(event_id).bytes
        events.append((member_id, at, key, key, event["event_type"], course, at, line))
    state.set("day", day)
    row = [1, member_id, day_date(DAYS.day_of(at)), "", *(day[f] for f in FIGURES), day["events"]]
    return {"events": events, "day": row}


def count(event: dict[str, Any], at: int, day: dict[str, int], state: State) -> None:
    """One event's part in the figures. An error counts when no wrong answer came before it."""
    day["events"] += 1
    if event["event_type"] == "study":
        day["study_ms"] += at - max(at - event["duration_ms"], min(day["covered"], at))
        day["covered"] = max(day["covered"], at)
        return
    question = event["question_id"]
    if event["event_type"] == "error" and state.exists(f"answered {question}"):
        return
    day["answers"] += 1
    day["graded"] += 1
    if event.get("correct"):
        day["correct"] += 1
        return
    if event["event_type"] == "answer":
        state.set(f"answered {question}", 1)
    if not state.exists(f"wrong {question}"):
        state.set(f"wrong {question}", 1)
        day["wrong_questions"] += 1


if __name__ == "__main__":
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
        commit_every=max(1, BATCH // per_message),
        commit_interval=2.0,
        use_changelog_topics=True,
    )
    frame = app.dataframe(app.topic(topic_name, value_deserializer="bytes", key_deserializer="str"))
    frame.apply(add, stateful=True).sink(ToClickHouse())
    app.run()
