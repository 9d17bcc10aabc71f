"""The member pipeline: record batches in, durable rows and branch contributions out.

A batch is begun – decoded, admitted, folded in memory – and finished, which makes its effects durable in the order
that ``effects`` tells; only then does the caller acknowledge. The next batch may be begun while one is finished.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Protocol

import numpy as np

from schemas.erased import Erased, ErasedSource, NobodyErased
from schemas.ports import Sink

from .admission import Admitted, Body, Homes, admit
from .archive import archive_table
from .cache import MemberCache
from .effects import Effects, Outbox, RosterSource, Writer, no_effects
from .flights import Flight, Flights, Overtaken
from .lines import Arrivals, Lines, read
from .merge import Batch, Wait, effects, merge
from .records import RecordBatch
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
    """time by step: decode, load, merge, table, fold when it is begun; archive, publish, ledger when it is finished"""


@dataclass(slots=True)
class Begun:
    """A batch whose effects are known and not durable yet."""

    lines: Lines
    seconds: dict[str, float]
    flight: Flight = field(default_factory=Flight)
    refused: dict[Body, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    roster_version: int = 0
    admitted: Admitted | None = None
    parts: list[Batch] = field(default_factory=list)
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
        erased: ErasedSource | None = None,
    ) -> None:
        """``pool`` has threads for inserts side by side; without it they go one after the other."""
        self.erasures = erased or NobodyErased()
        self.erased: Erased = NobodyErased().current()
        self.sink, self.source, self.rosters, self.outbox = sink, generations, rosters, outbox
        self.generations: Sequence[Generation] = ()
        self.cluster, self.cache, self.now_us = cluster, cache, now_us
        self.homes = Homes(partition_for)
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

    def prepare(self, batches: Sequence[RecordBatch]) -> Lines:
        """Decode and validate. Depends on nothing but the bytes."""
        return read(self.cluster, batches)

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
            effects = self._fold_members(part, begun.tally, lap, lambda _: None)
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
        tally, lines, admitted = begun.tally, begun.lines, begun.admitted
        assert admitted is not None
        lap = _Laps(tally.seconds)
        for a in map(lines.arrival, admitted.forwards):
            self.outbox.forward(a.event.member_id, a.raw, a.received_ms, a.skew_ms)
        self._writer().close(begun.roster_version, admitted.refusals, lines.probes, admitted.ledger, self.now_us)
        lap("ledger")
        tally.messages, tally.lines = len(lines.offset), len(lines.raw)
        tally.forwarded, tally.probes = len(admitted.forwards), len(lines.probes)
        for r in admitted.refusals:
            tally.rejected[r.reason] = tally.rejected.get(r.reason, 0) + 1
        return tally

    def _fold(self, begun: Begun) -> None:
        self._admit_all(begun)
        if len(begun.parts) > 1:
            # More than memory holds: read and written part by part, in ``finish``.
            self._flights.alone(begun.flight)
            return
        begun.effects = no_effects()
        for part in begun.parts:
            lap = _Laps(begun.tally.seconds)
            self._flights.wait_until_archived(begun.flight, self.cache.cold(part.members))
            begun.flight.members = part.members
            wait = partial(self._flights.wait_until_archived, begun.flight)
            begun.effects = self._fold_members(part, begun.tally, lap, wait)
        self.cache.trim()

    def _admit_all(self, begun: Begun) -> None:
        begun.tally = Tally(seconds=dict(begun.seconds))
        lap = _Laps(begun.tally.seconds)
        # Asked before the archive is read or written: a rebuild that announces a generation later waits until
        # batches that began before are committed, and finds their events in the archive.
        self.generations = self.source.current()
        self.cache.use(self.generations)
        self._use_erased()
        self.cache.drop_forgotten(self.homes.of)
        begun.roster_version, roster = self.rosters.current()
        open_from = max((g.open_from for g in self.generations), default=-(2**63))
        begun.admitted = admit(begun.lines, self.homes, roster, open_from, begun.refused, self.erased)
        begun.parts = list(self._parts(begun.lines, begun.admitted))
        lap("decode")

    def _use_erased(self) -> None:
        """Asked at the beginning of each batch: an erasure that is recorded later waits until this one is committed,
        and deletes what it wrote."""
        found = self.erasures.current()
        if found is not self.erased:
            # Facts of who was erased must not stay in memory. That happens rarely: everybody's are read again.
            self.cache.clear()
            self.erased = found

    def _parts(self, lines: Lines, admitted: Admitted) -> Iterator[Batch]:
        """The lines that count, by member, in parts that fit memory."""
        member = admitted.member[admitted.chosen]
        there, of = np.unique(member, return_inverse=True)
        names = [admitted.members[i] for i in there.tolist()]
        parts = list(self.cache.parts(names))
        if len(parts) == 1 and parts[0] == names:
            yield Batch(Arrivals(lines, admitted.chosen), names, of)
            return
        place = {m: i for i, m in enumerate(names)}
        for part in parts:
            number = np.full(len(names), -1)
            number[[place[m] for m in part]] = np.arange(len(part))
            mine = number[of] >= 0
            yield Batch(Arrivals(lines, admitted.chosen[mine]), part, number[of[mine]])

    def _fold_members(self, part: Batch, tally: Tally, lap: _Laps, wait: Wait) -> Effects:
        """Add the arrivals of some members to their facts in memory; the rows that this makes."""
        self.cache.load(self.sink, part.members)
        lap("load")
        merged = merge(part, self.cache, self.sink, wait)
        tally.new += len(merged.fresh)
        tally.duplicates += len(merged.duplicates)
        tally.redelivered += merged.redelivered
        lap("merge")
        events = archive_table(part.arrivals.take(merged.fresh), self.now_us())
        lap("table")
        found = effects(part, merged, events, self.generations)
        lap("fold")
        return found


class _Laps:
    """Adds the time since the last call to a step's seconds."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def __call__(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.last
        self.last = now
