"""Runs the stream's pure part in one process: wire lines in, rows out, on the in-memory store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pyarrow as pa

from schemas.days import LocalDays
from schemas.decode import RECEIVED_HEADER
from schemas.families import FAMILIES
from schemas.ports import Sink
from schemas.reference import Member, Organisation, Roster
from schemas.tables import ANSWERS, BRANCH_DAY, MEMBER_DAY
from sinks.memory import MemorySink
from streams.branch import BranchPipeline
from streams.cache import MemberCache
from streams.contributions import encode
from streams.pipeline import MemberPipeline
from streams.records import Record, RecordBatch
from streams.rules import Generation

FAMILY_TABLES = tuple(f.table for f in FAMILIES.values())

RECEIVED = 1_790_000_000_000
"""2026-09-21T13:33:20Z: a receipt after everything that tests let happen."""


class FixedRoster:
    """A roster that tests change by hand."""

    def __init__(self, organisations: Sequence[Organisation], members: Sequence[Member], version: int = 1) -> None:
        self.version, self.roster = version, Roster(organisations, members)

    def current(self) -> tuple[int, Roster]:
        return self.version, self.roster


class FixedGenerations:
    """Generations that tests change by hand."""

    def __init__(self, *generations: Generation) -> None:
        self.all = generations

    def current(self) -> Sequence[Generation]:
        return self.all


class Loop:
    """An outbox that keeps what was sent."""

    def __init__(self) -> None:
        self.contributions: list[pa.Table] = []
        """one row each: any order and any division into messages may happen"""
        self.forwarded: list[tuple[str, bytes]] = []

    def forward(self, member_id: str, line: bytes, received_ms: int, skew_ms: int) -> None:
        self.forwarded.append((member_id, line))

    def contribute(self, rows: pa.Table) -> None:
        self.contributions += (rows.slice(i, 1) for i in range(rows.num_rows))

    def flush(self) -> None: ...


def small_roster(members: Iterable[str] = ("m1", "m2"), org: str = "b1", version: int = 1) -> FixedRoster:
    """One branch with the members, for ever."""
    return FixedRoster(
        [Organisation(org_id=org, name=org)],
        [Member(member_id=m, name=m, org_id=org) for m in members],
        version,
    )


class Harness:
    """A member pipeline and a branch pipeline over one store."""

    def __init__(
        self, sink: Sink | None = None, rosters: Any = None, zone: str = "Asia/Shanghai", max_facts: int = 10**6
    ) -> None:
        self.sink: Any = sink or MemorySink()
        self.rosters = rosters or small_roster()
        self.generation = Generation(1, LocalDays(zone))
        self.generations = FixedGenerations(self.generation)
        self.outbox = Loop()
        self.offset = 0
        self.max_facts = max_facts
        self.restart()

    def restart(self) -> None:
        """A new process: nothing is left but the store."""
        self.cache = MemberCache(self.max_facts)
        self.members = MemberPipeline(
            self.sink,
            self.generations,
            self.rosters,
            self.outbox,
            cluster="test",
            partition_for=lambda _: 0,
            cache=self.cache,
            now_us=lambda: RECEIVED * 1000,
        )
        self.branches = BranchPipeline(self.sink, self.rosters)

    def batch(self, messages: Sequence[Sequence[bytes]], received: int = RECEIVED) -> RecordBatch:
        """Messages of some lines each, at the next offsets."""
        records = []
        for lines in messages:
            headers = ((RECEIVED_HEADER, str(received).encode()),)
            records.append(Record(self.offset, received, b"m", b"\n".join(lines), headers))
            self.offset += 1
        return RecordBatch("events", 0, records)

    def send(self, *messages: Sequence[bytes], received: int = RECEIVED) -> None:
        """Process messages as one batch, branches included."""
        self.deliver(self.batch(messages, received))

    def deliver(self, batch: RecordBatch) -> None:
        self.members.process([batch])
        sent, self.outbox.contributions = self.outbox.contributions, []
        if sent:
            records = [Record(i, RECEIVED, b"b", encode(c)) for i, c in enumerate(sent)]
            self.branches.process([RecordBatch("contributions", 0, records)])

    def member_days(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.sink.rows(MEMBER_DAY)
        return rows

    def figures(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every metrics table."""
        return {t.name: self.sink.rows(t) for t in (MEMBER_DAY, ANSWERS, BRANCH_DAY, *FAMILY_TABLES)}

    def day(self, day: str, course: str = "", member: str = "m1") -> dict[str, Any]:
        """One member-day row; KeyError if there is none."""
        for row in self.member_days():
            if (row["member_id"], row["day"], row["course_id"]) == (member, date.fromisoformat(day), course):
                return row
        raise KeyError((member, day, course))


def uid(n: int) -> str:
    """A readable UUID."""
    return str(UUID(int=n))


def event(n: int, kind: str, at: str, member: str = "m1", course: str = "c1", **fields: Any) -> bytes:
    """A wire line; ``n`` becomes its id."""
    body = {"event_id": uid(n), "event_type": kind, "member_id": member, "course_id": course, "occurred_at": at}
    return json.dumps(body | fields).encode()
