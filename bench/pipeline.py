"""The stream's own part, without Kafka and without a store: events a second of CPU time, by step.

python -m bench.pipeline [--events N] [--per-message K] [--members M]
python -m bench.pipeline --memory
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench import machine
from bench.workload import body, member, messages
from schemas.days import LocalDays
from schemas.reference import Member, Organisation, Roster
from schemas.tables import BRANCH_DAY, EVENTS, MEMBER_DAY, Table
from streams.cache import MemberCache
from streams.pipeline import MemberPipeline, Tally
from streams.records import Record, RecordBatch
from streams.rules import Generation

BATCH_EVENTS = 20_000
MEMORY_CASES = ((10_000, 10), (5_000, 20), (1_000, 100), (200, 1_000))
"""(members, facts of each)"""
GC_THRESHOLDS = (200_000, 50, 1000)
"""As the worker sets them."""


class Nowhere:
    """A store that is empty and forgets, an outbox, a roster and a generation: what the pipeline needs."""

    def __init__(self, members: int) -> None:
        organisation = Organisation(org_id="b", name="b")
        self.roster = Roster(
            [organisation], [Member(member_id=member(m), name="-", org_id="b") for m in range(members)]
        )
        self.generation = (Generation(1, LocalDays("Asia/Shanghai")),)
        self.rows: dict[str, int] = {}
        self.sent = 0

    def insert(self, table: Table, rows: pa.Table) -> None:
        """Counts."""
        self.rows[table.name] = self.rows.get(table.name, 0) + rows.num_rows

    def facts(self, members: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """Nothing."""
        return EVENTS.rows([]).select(list(columns))

    def lines_of(self, events: Sequence[tuple[str, bytes]]) -> pa.Table:
        """Nothing."""
        return EVENTS.rows([])

    def member_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """Nothing."""
        return MEMBER_DAY.rows([])

    def branch_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """Nothing."""
        return BRANCH_DAY.rows([])

    def contribute(self, rows: pa.Table) -> None:
        """Counts."""
        self.sent += rows.num_rows

    def flush(self) -> None:
        """Nothing to wait for."""


class _Source:
    def __init__(self, value: Any) -> None:
        self.value = value

    def current(self) -> Any:
        """The value."""
        return self.value


def pipeline_of(nowhere: Nowhere, max_facts: int = 10**9) -> MemberPipeline:
    """A member pipeline over nothing."""
    return MemberPipeline(
        nowhere,  # type: ignore[arg-type]
        _Source(nowhere.generation),
        _Source((1, nowhere.roster)),
        nowhere,  # type: ignore[arg-type]
        cluster="bench",
        partition_for=lambda _: 0,
        cache=MemberCache(max_facts),
    )


def batches_of(events: int, per_message: int, members: int) -> list[RecordBatch]:
    """Synthetic events in batches of the size that a worker takes under load."""
    records = [
        Record(i, 1_800_000_000_000, m.encode(), b"\n".join(lines))
        for i, (m, lines) in enumerate(messages(events, per_message, members))
    ]
    size = max(1, BATCH_EVENTS // per_message)
    return [RecordBatch("events", 0, records[i : i + size]) for i in range(0, len(records), size)]


def run(events: int, per_message: int, members: int) -> dict[str, Any]:
    """One run; CPU seconds of this process, so that what else the machine does matters less."""
    gc.set_threshold(*GC_THRESHOLDS)
    nowhere = Nowhere(members)
    pipeline = pipeline_of(nowhere)
    batches = batches_of(events, per_message, members)
    # The first batch warms up what Python and Arrow load lazily; it is not counted.
    pipeline.process(batches[:1])
    tallies: list[Tally] = []
    began = time.process_time()
    for batch in batches[1:]:
        tallies.append(pipeline.process([batch]))
    cpu = time.process_time() - began
    counted = sum(t.lines for t in tallies)
    steps: dict[str, float] = {}
    for tally in tallies:
        for step, seconds in tally.seconds.items():
            steps[step] = steps.get(step, 0) + seconds
    each = cpu / counted * 1e6
    shares = {k: v / sum(steps.values()) for k, v in steps.items()}
    return {
        "events": counted,
        "per_message": per_message,
        "members": members,
        "events_per_cpu_second": round(counted / cpu),
        "microseconds_per_event": round(each, 2),
        "microseconds_by_step": {k: round(each * v, 2) for k, v in shares.items()},
        "steps_share": {k: round(v, 3) for k, v in shares.items()},
        "rows_per_event": round(sum(nowhere.rows.values()) / (counted + BATCH_EVENTS), 2),
    }


def memory(members: int, facts_a_member: int) -> dict[str, Any]:
    """Bytes of a fact in memory, everything included: keys, headers of objects, the table of details.

    Python's allocations as tracemalloc counts them, so that the figure is the same on every machine.
    """
    nowhere = Nowhere(members)
    pipeline = pipeline_of(nowhere)
    events = members * facts_a_member
    rounds = [
        RecordBatch(
            "events",
            0,
            [
                Record(first + i, 1_800_000_000_000, None, body(first + i, (first + i) % members))
                for i in range(min(BATCH_EVENTS, events - first))
            ],
        )
        for first in range(0, events, BATCH_EVENTS)
    ]
    pipeline.process(rounds[:1])
    pipeline.cache.clear()
    gc.collect()
    tracemalloc.start()
    try:
        for batch in rounds:
            pipeline.process([batch])
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        details = len(pipeline.cache.details)
        pipeline.cache.clear()
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return {
        "members": members,
        "facts_a_member": facts_a_member,
        "details_a_fact": round(details / events, 3),
        "bytes_a_fact": round((held - left) / events, 1),
    }


def work(events: int = 12_000, per_message: int = 1, members: int = 2_000) -> dict[str, Any]:
    """What processing an event takes, in counts that do not depend on the machine: calls of Python and C functions,
    and rows written."""
    nowhere = Nowhere(members)
    pipeline = pipeline_of(nowhere)
    batches = batches_of(events, per_message, members)
    batches = [RecordBatch("events", 0, b.records[i::4]) for b in batches for i in range(4)]
    pipeline.process(batches[:1])
    nowhere.rows.clear()
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    lines = 0
    sys.setprofile(count)
    try:
        for batch in batches[1:]:
            lines += pipeline.process([batch]).lines
    finally:
        sys.setprofile(None)
    return {
        "events": lines,
        "per_message": per_message,
        "members": members,
        "calls_per_event": round(calls / lines, 2),
        "rows_per_event": round(sum(nowhere.rows.values()) / lines, 3),
    }


def main() -> None:
    """Print or write one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=120_000)
    parser.add_argument("--per-message", type=int, default=1)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--memory", action="store_true", help="bytes of a fact in memory instead of speed")
    parser.add_argument("--all", action="store_true", help="speed at 1, 20 and 100 a message, memory and counts")
    parser.add_argument("--out", type=Path, help="write the result there")
    given = parser.parse_args()
    if given.all:
        found: Any = {
            "machine": machine.describe("python -m bench.pipeline " + " ".join(sys.argv[1:])),
            "pipeline": [run(given.events, k, given.members) for k in (1, 20, 100)],
            "memory": [memory(*case) for case in MEMORY_CASES],
            "work": [work(per_message=k) for k in (1, 20)],
        }
    elif given.memory:
        found = [memory(*case) for case in MEMORY_CASES]
    else:
        found = run(given.events, given.per_message, given.members)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    else:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
