"""The stream's own part, without Kafka and without a store: events a second of CPU time, by step.

python -m bench.pipeline [--events N] [--per-message K] [--members M]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from bench.workload import member, messages
from schemas.days import LocalDays
from schemas.reference import Member, Organisation, Roster
from schemas.tables import BRANCH_DAY, EVENTS, MEMBER_DAY, Table
from streams.cache import MemberCache
from streams.contributions import Contribution
from streams.pipeline import MemberPipeline, Tally
from streams.records import Record, RecordBatch
from streams.rules import Generation

BATCH_EVENTS = 20_000


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

    def contribute(self, contribution: Contribution) -> None:
        """Counts."""
        self.sent += 1

    def flush(self) -> None:
        """Nothing to wait for."""


class _Source:
    def __init__(self, value: Any) -> None:
        self.value = value

    def current(self) -> Any:
        """The value."""
        return self.value


def run(events: int, per_message: int, members: int) -> dict[str, Any]:
    """One run; CPU seconds of this process, so that what else the machine does matters less."""
    nowhere = Nowhere(members)
    pipeline = MemberPipeline(
        nowhere,  # type: ignore[arg-type]
        _Source(nowhere.generation),
        _Source((1, nowhere.roster)),
        nowhere,  # type: ignore[arg-type]
        cluster="bench",
        partition_for=lambda _: 0,
        cache=MemberCache(10**9),
    )
    records = [
        Record(i, 1_800_000_000_000, m.encode(), b"\n".join(lines))
        for i, (m, lines) in enumerate(messages(events, per_message, members))
    ]
    size = max(1, BATCH_EVENTS // per_message)
    batches = [RecordBatch("events", 0, records[i : i + size]) for i in range(0, len(records), size)]
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
    return {
        "events": counted,
        "per_message": per_message,
        "members": members,
        "events_per_cpu_second": round(counted / cpu),
        "microseconds_per_event": round(cpu / counted * 1e6, 2),
        "steps_share": {k: round(v / sum(steps.values()), 3) for k, v in steps.items()},
        "rows_per_event": round(sum(nowhere.rows.values()) / (counted + BATCH_EVENTS), 2),
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=120_000)
    parser.add_argument("--per-message", type=int, default=1)
    parser.add_argument("--members", type=int, default=100_000)
    given = parser.parse_args()
    print(json.dumps(run(given.events, given.per_message, given.members), indent=2))


if __name__ == "__main__":
    main()
