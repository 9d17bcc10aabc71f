"""The member pipeline: record batches in, durable rows and branch contributions out.

Order of effects, the reason why nothing is lost or counted twice: read what the archive holds of the
batch's members, archive what is new, write the rows, hand on to the branches, write the ledger; only then
does the caller acknowledge. A crash anywhere repeats the batch, and every effect is idempotent.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import pyarrow as pa

from schemas.decode import (
    MAX_LINE_BYTES,
    PROBE_HEADER,
    RECEIVED_HEADER,
    SIZE_HEADER,
    SKEW_HEADER,
    Arrival,
    Position,
    Refusal,
    decode_line,
    split_lines,
)
from schemas.ports import Refused, Sink
from schemas.reference import Roster
from schemas.tables import ANSWERS, DUPLICATES, EVENTS, LEDGER, MEMBER_DAY, PROBES, REJECTED, Table

from .archive import archive_table, duplicate_row, refusal_row
from .cache import MemberCache
from .contributions import Contribution, contributions
from .facts import Fact, fact_of, id_of
from .member import MemberFacts, Seen
from .records import Record, RecordBatch
from .rows import Row, answer_rows, day_rows
from .rules import Generation

Body = tuple[str, bytes, bytes]
"""(member_id, event_id, body_hash)"""

LATE_MS = 24 * 3_600_000
LAST_RECEIPT = 5_648_745_600_000
"""2149-01-01 in ms: what lies far after it, ClickHouse's days cannot hold."""
LARGEST_SKEW = 366 * 86_400_000
"""Clocks that are off by more than a year are not corrected: the event's own time stands."""


class Outbox(Protocol):
    """Where the pipeline sends what leaves it. ``flush`` returns when all of it is acknowledged, or raises."""

    def forward(self, member_id: str, line: bytes, received_ms: int, skew_ms: int) -> None:
        """Send a line to the partition of its member, on the topic of events."""

    def contribute(self, contribution: Contribution) -> None:
        """Send a member's day to the branch it counts for."""

    def flush(self) -> None:
        """Wait until Kafka has acknowledged everything sent so far."""


class RosterSource(Protocol):
    """The current roster and its version, re-read when an import has changed it."""

    def current(self) -> tuple[int, Roster]:
        """``(version, roster)`` as the store has them now."""


class GenerationSource(Protocol):
    """The generations that are written now: the active one, and one that a rebuild is filling."""

    def current(self) -> Sequence[Generation]:
        """As the store has them now; the same object while nothing changed."""


@dataclass(slots=True)
class Tally:
    """What one call processed, for metrics and logs."""

    messages: int = 0
    lines: int = 0
    new: int = 0
    duplicates: int = 0
    redelivered: int = 0
    forwarded: int = 0
    probes: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """time by step: decode, load, merge, archive, fold, publish, ledger"""


class MemberPipeline:
    """Processes batches of the topic of events. Not thread-safe: one call at a time."""

    def __init__(
        self,
        sink: Sink,
        generations: GenerationSource,
        rosters: RosterSource,
        outbox: Outbox,
        *,
        cluster: str,
        partition_for: Callable[[str], int],
        cache: MemberCache,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.sink, self.source, self.rosters, self.outbox = sink, generations, rosters, outbox
        self.generations: Sequence[Generation] = ()
        self._open_from = -(2**63)
        self.cluster, self.partition_for, self.cache, self.now_us = cluster, partition_for, cache, now_us

    def process(self, batches: Sequence[RecordBatch]) -> Tally:
        """Make the effects of the batches durable. Raises when that is not possible; the caller must not
        acknowledge then."""
        refused: dict[Body, str] = {}
        try:
            while (tally := self._process(batches, refused)) is None:
                # The store refused events. What memory made of them must go: once more, with them rejected.
                self.cache.clear()
            return tally
        except BaseException:
            # Facts in memory that the archive may lack would make a repetition look like a redelivery.
            self.cache.clear()
            raise

    def _process(self, batches: Sequence[RecordBatch], refused: dict[Body, str]) -> Tally | None:
        """None: the store refused events, which are in ``refused`` now."""
        tally = Tally()
        lap = _Laps(tally.seconds)
        # Asked before the archive is read or written: a rebuild that announces a generation later waits until
        # batches that began before are committed, and finds their events in the archive.
        self.generations = self.source.current()
        self.cache.use(self.generations)
        version, roster = self.rosters.current()
        self._open_from = max((g.open_from for g in self.generations), default=-(2**63))
        read = [self._read(batch, record, roster) for batch in batches for record in batch.records]
        for message in read if refused else ():
            message.refuse(refused)
        by_member: dict[str, list[Arrival]] = {}
        for message in read:
            for a in message.arrivals:
                by_member.setdefault(a.event.member_id, []).append(a)
        lap("decode")
        for part in self.cache.parts(by_member):
            if not self._process_members([a for m in part for a in by_member[m]], refused, tally, lap):
                return None
            self.cache.trim()
        self._write(REJECTED, REJECTED.rows([refusal_row(r) for message in read for r in message.refusals]))
        known = self._known_by_now(version, read)
        # Also what was forwarded while reading: nothing is acknowledged before Kafka has it.
        self.outbox.flush()
        self._write(REJECTED, REJECTED.rows([refusal_row(r) | {"status": "retried", "version": 1} for r in known]))
        probes = [p | {"seen_us": self.now_us()} for m in read for p in m.probes]
        self._write(PROBES, PROBES.rows(probes))
        self._write(LEDGER, LEDGER.rows([m.ledger for m in read]))
        lap("ledger")
        for message in read:
            tally.messages += 1
            tally.lines += message.ledger["lines"]
            tally.forwarded += message.ledger["forwarded"]
            tally.probes += len(message.probes)
            for r in message.refusals:
                tally.rejected[r.reason] = tally.rejected.get(r.reason, 0) + 1
        return tally

    def _process_members(
        self, arrivals: Sequence[Arrival], refused: dict[Body, str], tally: Tally, lap: Callable[[str], None]
    ) -> bool:
        """Archive the arrivals of some members, whole, and write their rows. False: the store refused events."""
        partitions = {a.event.member_id: a.position.partition for a in arrivals}
        members = self.cache.load(self.sink, partitions)
        lap("load")
        touched, fresh, duplicates, disputed = self._merge(arrivals, members, tally)
        lap("merge")
        now = self.now_us()
        table = archive_table(fresh, now)
        if found := self._write(EVENTS, table):
            bodies = table.select(["member_id", "event_id", "body_hash"]).take([n for n, _ in found]).to_pylist()
            refused.update((tuple(b.values()), text) for b, (_, text) in zip(bodies, found, strict=True))
            return False
        self._write(DUPLICATES, DUPLICATES.rows([duplicate_row(a) for a in duplicates]))
        self._write(REJECTED, REJECTED.rows(self._losers(disputed, members)))
        lap("archive")
        self._write_metrics(touched, members, lap)
        return True

    def _read(self, batch: RecordBatch, record: Record, roster: Roster) -> _Message:
        headers = dict(record.headers) if record.headers else _NO_HEADERS
        stamped = min(max(record.timestamp_ms, 0), LAST_RECEIPT)
        received = _integer(headers.get(RECEIVED_HEADER), stamped, 0, LAST_RECEIPT)
        skew = _integer(headers.get(SKEW_HEADER), 0, -LARGEST_SKEW, LARGEST_SKEW)
        message = _Message(
            {
                "cluster": self.cluster,
                "topic": batch.topic,
                "partition": batch.partition,
                "offset": record.offset,
                "lines": 0,
                "valid": 0,
                "rejected": 0,
                "forwarded": 0,
                "late": 0,
                "received_at": received,
            }
        )
        if probe := headers.get(PROBE_HEADER):
            # Travels like an event and is nobody's: it only leaves the time at which its batch was visible.
            message.probes.append({"probe": probe.decode("ascii", "replace"), "partition": batch.partition})
            return message
        for number, line in split_lines(record.value or b""):
            message.ledger["lines"] += 1
            position = Position(self.cluster, batch.topic, batch.partition, record.offset, number)
            if size := headers.get(SIZE_HEADER):
                detail = (
                    f"{size.decode('ascii', 'replace')} bytes, at most {MAX_LINE_BYTES}; only its beginning is kept"
                )
                found: Arrival | Refusal = Refusal("too_large", detail, line, position, received)
            else:
                found = decode_line(line, position, received, skew)
            if isinstance(found, Arrival):
                member = found.event.member_id
                if self.partition_for(member) != batch.partition:
                    self.outbox.forward(member, line, received, skew)
                    message.ledger["forwarded"] += 1
                    continue
                if found.at_ms < self._open_from:
                    detail = f"occurred_at: {found.event.occurred_at.isoformat()} lies in a closed period"
                    event_id = str(found.event.event_id)
                    found = Refusal("period_closed", detail, line, position, received, member, event_id)
                elif not roster.known(member):
                    detail = f"member_id: {member!r} is not in the roster"
                    event_id = str(found.event.event_id)
                    found = Refusal("unknown_member", detail, line, position, received, member, event_id)
            if isinstance(found, Refusal):
                found.skew_ms = skew
                message.refusals.append(found)
                message.ledger["rejected"] += 1
            else:
                message.arrivals.append(found)
                message.ledger["valid"] += 1
                message.ledger["late"] += received - found.at_ms > LATE_MS
        return message

    def _merge(
        self, arrivals: Iterable[Arrival], members: dict[str, MemberFacts], tally: Tally
    ) -> tuple[dict[str, list[Fact]], list[Arrival], list[Arrival], set[tuple[str, int]]]:
        """Add the arrivals to the members' sets. Repeated ones are touched too: their rows may be the part
        of an interrupted batch that never was written."""
        touched: dict[str, list[Fact]] = {}
        fresh: list[Arrival] = []
        duplicates: list[Arrival] = []
        disputed: set[tuple[str, int]] = set()
        for arrival in arrivals:
            member_id = arrival.event.member_id
            facts, fact = members[member_id], fact_of(arrival)
            seen = facts.add(fact)
            touched.setdefault(member_id, []).append(fact)
            if seen is Seen.DUPLICATE:
                duplicates.append(arrival)
                tally.duplicates += 1
            elif seen is Seen.REDELIVERED:
                tally.redelivered += 1
            else:
                fresh.append(arrival)
                tally.new += 1
            if len(facts.bodies[fact.event_id]) > 1 and _several_hashes(facts.bodies[fact.event_id]):
                disputed.add((member_id, fact.event_id))
        return touched, fresh, duplicates, disputed

    def _known_by_now(self, version: int, read: Iterable[_Message]) -> list[Refusal]:
        """Send lines again that were refused by a roster that an import has replaced meanwhile.

        An import tries the rejected lines again that it finds. Asked after they are durable: one that is recorded
        later finds them. They are marked behind the acknowledgement (``flush``)."""
        now, roster = self.rosters.current()
        if now == version:
            return []
        refusals = (r for message in read for r in message.refusals)
        known = [r for r in refusals if r.reason == "unknown_member" and roster.known(r.member_id)]
        for r in known:
            self.outbox.forward(r.member_id, r.raw, r.received_ms, r.skew_ms)
        return known

    def _losers(self, disputed: set[tuple[str, int]], members: dict[str, MemberFacts]) -> list[dict[str, Any]]:
        """Rejected rows for every known line whose body lost to a smaller hash under the same id."""
        if not disputed:
            return []
        lines = self.sink.lines_of([(m, i.to_bytes(16, "big")) for m, i in sorted(disputed)]).to_pylist()
        rows = []
        for line in lines:
            event_id = id_of(line["event_id"])
            winner = members[line["member_id"]].bodies[event_id][0]
            if line["body_hash"] == winner.rank[:16]:
                continue
            position = Position(line["cluster"], line["topic"], line["partition"], line["offset"], line["line"])
            received = round(line["received_at"].timestamp() * 1000)
            text = str(UUID(int=event_id))
            detail = f"event_id: {text} has another body with a smaller hash, which counts"
            refusal = Refusal(
                "conflict", detail, line["raw"], position, received, line["member_id"], text, line["skew_ms"]
            )
            rows.append(refusal_row(refusal))
        return rows

    def _write_metrics(
        self, touched: dict[str, list[Fact]], members: dict[str, MemberFacts], lap: Callable[[str], None]
    ) -> None:
        days: list[Row] = []
        answers: list[Row] = []
        for member_id, new in touched.items():
            facts = members[member_id]
            # By identity: equal bodies of different positions are one, and a Fact is not hashable.
            concerned = {id(f): f for fact in new for f in facts.concerned(fact)}.values()
            for generation in self.generations:
                numbers = sorted({d for f in concerned for d in facts.days(f, generation)})
                for day in numbers[bisect_left(numbers, generation.first_open) :]:
                    days.extend(day_rows(member_id, facts, day, generation))
                answers.extend(answer_rows(member_id, facts, concerned, generation))
        self._write(MEMBER_DAY, MEMBER_DAY.tuples(days))
        self._write(ANSWERS, ANSWERS.tuples(answers))
        lap("fold")
        # Read again after the rows are durable: an import recorded before this moment is seen here, and one
        # recorded later finds the rows. Either way the branches of a moved member learn of them.
        _, roster = self.rosters.current()
        for contribution in contributions(days, roster):
            self.outbox.contribute(contribution)
        self.outbox.flush()
        lap("publish")

    def _write(self, table: Table, rows: pa.Table) -> Sequence[Refused]:
        return self.sink.insert(table, rows) if rows.num_rows else ()


_NO_HEADERS: dict[str, bytes] = {}


@dataclass(slots=True)
class _Message:
    ledger: dict[str, Any]
    arrivals: list[Arrival] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, refused: Mapping[Body, str]) -> None:
        """Reject the arrivals whose bodies the store refused."""
        for a in self.arrivals:
            member_id, event_id = a.event.member_id, a.event.event_id
            if (text := refused.get((member_id, event_id.bytes, a.body_hash))) is not None:
                found = Refusal(
                    "store_refused", text, a.raw, a.position, a.received_ms, member_id, str(event_id), a.skew_ms
                )
                self.refusals.append(found)
                self.ledger["valid"] -= 1
                self.ledger["rejected"] += 1
                self.ledger["late"] -= a.received_ms - a.at_ms > LATE_MS
        gone = {r.position for r in self.refusals}
        self.arrivals = [a for a in self.arrivals if a.position not in gone]


class _Laps:
    """Adds the time since the last call to a step's seconds."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def __call__(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.last
        self.last = now


def _several_hashes(bodies: Sequence[Fact]) -> bool:
    return len({b.rank[:16] for b in bodies}) > 1


def _integer(header: bytes | None, default: int, least: int, most: int) -> int:
    """A header's number. One that makes no sense is as good as none: it must not stop a partition."""
    try:
        found = int(header) if header is not None else default
    except ValueError:
        return default
    return found if least <= found <= most else default
