"""The member pipeline: record batches in, durable rows and branch contributions out.

A batch is begun – decoded, admitted, folded in memory – and finished, which makes its effects durable in the order
that ``effects`` tells; only then does the caller acknowledge. The next batch may be begun while one is finished.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from schemas.decode import Arrival
from schemas.ports import Sink
from schemas.tables import ANSWERS, DUPLICATES, MEMBER_DAY

from .admission import Body, Message, admit, decode_record
from .archive import archive_table, duplicate_row
from .cache import MemberCache
from .effects import Effects, Outbox, RosterSource, Writer
from .facts import Fact, fact_of
from .families.rows import Rows, add_rows, family_rows, family_tables
from .flights import Flight, Flights, Overtaken
from .member import MemberFacts, Seen
from .records import RecordBatch
from .rows import Row, answer_rows, day_rows
from .rules import Generation

__all__ = ["Begun", "GenerationSource", "MemberPipeline", "Outbox", "RosterSource", "Tally"]


class GenerationSource(Protocol):
    """The generations that are written now: the active one, and one that a rebuild is filling."""

    def current(self) -> Sequence[Generation]:
        """As the store has them now; the same object while nothing changed."""


@dataclass(slots=True)
class Tally:
    """What one batch brought, for metrics and logs."""

    messages: int = 0
    lines: int = 0
    new: int = 0
    duplicates: int = 0
    redelivered: int = 0
    forwarded: int = 0
    probes: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """time by step: decode, load, merge, fold when it is begun; archive, publish, ledger when it is finished"""


@dataclass(slots=True)
class Begun:
    """A batch whose effects are known and not durable yet."""

    messages: list[Message]
    seconds: dict[str, float]
    flight: Flight = field(default_factory=Flight)
    refused: dict[Body, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    roster_version: int = 0
    parts: list[dict[str, list[Arrival]]] = field(default_factory=list)
    """arrivals by member, in parts whose facts fit memory one after the other"""
    effects: Effects | None = None
    """of the only part, when there is no more than one"""


class MemberPipeline:
    """Processes batches of the topic of events: ``begin`` one at a time, ``finish`` one at a time in the same order.

    One thread may begin a batch while another finishes the one before. ``begin`` waits for it where members are cold.
    """

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
        pool: Executor | None = None,
    ) -> None:
        """``pool`` has threads for inserts side by side; without it they go one after the other."""
        self.sink, self.source, self.rosters, self.outbox = sink, generations, rosters, outbox
        self.generations: Sequence[Generation] = ()
        self.cluster, self.partition_for, self.cache, self.now_us = cluster, partition_for, cache, now_us
        self.pool = pool
        self._folding = Lock()
        self._flights = Flights()

    def process(self, batches: Sequence[RecordBatch]) -> Tally:
        """Make the effects of the batches durable. Raises when that is not possible; the caller must not
        acknowledge then."""
        return self.finish(self.begin(batches))

    def begin(self, batches: Sequence[RecordBatch]) -> Begun:
        """Decode and fold in memory. Reads the archive where members are cold; writes nothing."""
        began = time.perf_counter()
        begun = Begun(self.prepare(batches), {"decode": time.perf_counter() - began})
        self._flights.start(begun.flight)
        try:
            self._flights.wait_until_whole(begun.flight)
            with self._folding:
                try:
                    self._fold(begun)
                except BaseException:
                    self.cache.clear()
                    raise
        except Overtaken:
            pass  # an earlier batch was not taken as it was folded: this one is folded behind it, in ``finish``
        except BaseException:
            self._flights.end(begun.flight)
            raise
        return begun

    def finish(self, begun: Begun) -> Tally:
        """Make the effects durable. Raises when that is not possible; the caller must not acknowledge then."""
        lap = _Laps(begun.tally.seconds)
        try:
            if begun.effects is None or not self._flights.valid(begun.flight):
                self._finish_again(begun)
            elif refused := self._archive(begun.effects, lap):
                # What memory made of refused events must go, in the batch behind this one too: once more, rejected.
                begun.refused.update(refused)
                self._flights.overtake()
                self._finish_again(begun)
            else:
                self._flights.archived(begun.flight)
                self._writer().publish(begun.effects)
                lap("publish")
            return self._close(begun)
        except BaseException:
            # Facts in memory that the archive may lack would make a repetition look like a redelivery.
            self._flights.overtake()
            with self._folding:
                self.cache.clear()
            raise
        finally:
            self._flights.end(begun.flight)

    def prepare(self, batches: Sequence[RecordBatch]) -> list[Message]:
        """Decode and validate. Depends on nothing but the bytes."""
        return [decode_record(self.cluster, batch, record) for batch in batches for record in batch.records]

    def _writer(self) -> Writer:
        return Writer(self.sink, self.rosters, self.outbox, self.pool)

    def _finish_again(self, begun: Begun) -> None:
        """Fold and write part by part, with nothing else in memory that the archive lacks."""
        with self._folding:
            if not self._flights.valid(begun.flight):
                self._begin_again(begun)
            while refused := self._write_parts(begun):
                begun.refused.update(refused)
                self._begin_again(begun)

    def _begin_again(self, begun: Begun) -> None:
        self.cache.clear()
        begun.effects = None
        self._admit_all(begun)

    def _write_parts(self, begun: Begun) -> list[tuple[Body, str]]:
        """What the store refused; then nothing of that part and of those behind it is written."""
        for part in begun.parts:
            lap = _Laps(begun.tally.seconds)
            effects = self._fold_members(part, begun.tally, lap)
            if refused := self._archive(effects, lap):
                return refused
            self._writer().publish(effects)
            lap("publish")
            self.cache.trim()
        return []

    def _archive(self, effects: Effects, lap: _Laps) -> list[tuple[Body, str]]:
        refused = self._writer().archive(effects)
        lap("archive")
        return refused

    def _close(self, begun: Begun) -> Tally:
        tally, messages = begun.tally, begun.messages
        lap = _Laps(tally.seconds)
        for message in messages:
            for a in message.forwards:
                self.outbox.forward(a.event.member_id, a.raw, a.received_ms, a.skew_ms)
        self._writer().close(
            begun.roster_version,
            [r for m in messages for r in m.refusals],
            [p for m in messages for p in m.probes],
            [m.ledger for m in messages],
            self.now_us,
        )
        lap("ledger")
        for message in messages:
            tally.messages += 1
            tally.lines += message.ledger["lines"]
            tally.forwarded += message.ledger["forwarded"]
            tally.probes += len(message.probes)
            for r in message.refusals:
                tally.rejected[r.reason] = tally.rejected.get(r.reason, 0) + 1
        return tally

    def _fold(self, begun: Begun) -> None:
        self._admit_all(begun)
        if len(begun.parts) > 1:
            # More than memory holds: read and written part by part, in ``finish``.
            self._flights.alone(begun.flight)
            return
        lap = _Laps(begun.tally.seconds)
        part = begun.parts[0] if begun.parts else {}
        self._flights.wait_until_archived(begun.flight, self.cache.cold(part))
        begun.flight.members = part.keys()
        begun.effects = self._fold_members(part, begun.tally, lap)
        self.cache.trim()

    def _admit_all(self, begun: Begun) -> None:
        begun.tally = Tally(seconds=dict(begun.seconds))
        lap = _Laps(begun.tally.seconds)
        # Asked before the archive is read or written: a rebuild that announces a generation later waits until
        # batches that began before are committed, and finds their events in the archive.
        self.generations = self.source.current()
        self.cache.use(self.generations)
        begun.roster_version, roster = self.rosters.current()
        open_from = max((g.open_from for g in self.generations), default=-(2**63))
        by_member: dict[str, list[Arrival]] = {}
        for message in begun.messages:
            admit(message, self.partition_for, roster, open_from, begun.refused)
            for a in message.arrivals:
                by_member.setdefault(a.event.member_id, []).append(a)
        begun.parts = [{m: by_member[m] for m in part} for part in self.cache.parts(by_member)]
        lap("decode")

    def _fold_members(
        self, by_member: Mapping[str, list[Arrival]], tally: Tally, lap: Callable[[str], None]
    ) -> Effects:
        """Add the arrivals of some members to their facts in memory; the rows that this makes."""
        partitions = {member_id: arrivals[-1].position.partition for member_id, arrivals in by_member.items()}
        members = self.cache.load(self.sink, partitions)
        lap("load")
        arrivals = [a for of_member in by_member.values() for a in of_member]
        touched, fresh, duplicates, disputed = self._merge(arrivals, members, tally)
        lap("merge")
        days, answers, families = self._rows(touched, members)
        effects = Effects(
            archive_table(fresh, self.now_us()),
            DUPLICATES.rows([duplicate_row(a) for a in duplicates]),
            MEMBER_DAY.tuples(days),
            ANSWERS.tuples(answers),
            {(m, i): members[m].bodies[i][0].rank[:16] for m, i in disputed},
            family_tables(families),
        )
        lap("fold")
        return effects

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

    def _rows(
        self, touched: Mapping[str, list[Fact]], members: Mapping[str, MemberFacts]
    ) -> tuple[list[Row], list[Row], Rows]:
        days: list[Row] = []
        answers: list[Row] = []
        families: Rows = {}
        for member_id, new in touched.items():
            facts = members[member_id]
            # By identity: equal bodies of different positions are one, and a Fact is not hashable.
            concerned = {id(f): f for fact in new for f in facts.concerned(fact)}.values()
            for generation in self.generations:
                numbers = sorted({d for f in concerned for d in facts.days(f, generation)})
                for day in numbers[bisect_left(numbers, generation.first_open) :]:
                    days.extend(day_rows(member_id, facts, day, generation))
                answers.extend(answer_rows(member_id, facts, concerned, generation))
                add_rows(families, family_rows(member_id, facts, concerned, generation))
        return days, answers, families


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
