"""A bounded cache of members' facts. The archive is the state; this only spares reading it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock

import numpy as np
import pyarrow as pa

from schemas.ports import Sink

from .distinct import distinct
from .facts import FACT_COLUMNS, facts_from_archive
from .member import MemberFacts
from .pack import pack_archive
from .packed import RECORD, Details
from .rules import Generation

FACTS_OF_A_MEMBER = 1000
"""How many a cold member is taken to have before any was read."""
UNPACKED = 12
"""Packed facts that take the memory of one in ``MemberFacts``."""
FACTS_A_DETAIL = 4
"""For so many facts one detail is kept; a detail takes the memory of about ten facts."""
CHARACTERS_A_DETAIL = 500

State = bytes | MemberFacts
"""A member's facts: a run of packed records while all of them are plain, else ``MemberFacts``."""


class MemberCache:
    """Facts by member, least recently used out first, at most ``max_facts`` bodies in all after ``trim``.

    ``forget`` may be called from another thread (partitions move at any moment); it takes effect at the
    next ``drop_forgotten``, when no batch is in hand.
    """

    def __init__(self, max_facts: int = 2_000_000) -> None:
        self.max_facts = max_facts
        self.details = Details()
        self._generations: Sequence[Generation] = ()
        self._members: dict[str, State] = {}
        """least recently used first"""
        self._lock = Lock()
        self._forget: set[int] = set()
        self.loads = self.hits = 0
        self._loose: dict[str, int] = {}
        """members whose facts are not packed, and what ``_facts`` holds of them"""
        self._facts = 0
        """bodies in memory, those that are not packed at what they take"""
        self._weight = float(FACTS_OF_A_MEMBER)
        """facts that a cold member held lately"""
        self._mean = 0.0
        """facts of a member in memory: new members are cold and empty, one who was evicted is not"""

    def forget(self, partitions: set[int]) -> None:
        """Drop the members of partitions that moved: another worker may add to their facts."""
        with self._lock:
            self._forget |= partitions

    def drop_forgotten(self, partition_of: Callable[[str], int]) -> None:
        """Drop what ``forget`` asked for; ``partition_of`` a member."""
        with self._lock:
            gone, self._forget = self._forget, set()
        if gone:
            for member_id in [m for m in self._members if partition_of(m) in gone]:
                self._drop(member_id)

    def use(self, generations: Sequence[Generation]) -> None:
        """Index facts by the local days of these generations; drops everything when they changed."""
        if [(g.number, g.first_open) for g in generations] != [(g.number, g.first_open) for g in self._generations]:
            self.clear()
            self._generations = tuple(generations)

    def clear(self) -> None:
        """Drop everything."""
        self._members.clear()
        self._loose.clear()
        self.details = Details()
        self._facts = 0

    def parts(self, members: Iterable[str]) -> Iterator[list[str]]:
        """The members in parts to load one after the other, so that not all facts of all members of a large batch are
        in memory at once: those that are there already, then cold ones, about ``max_facts`` at a time."""
        cold: list[str] = []
        part: list[str] = []
        for member_id in members:
            (part if member_id in self._members else cold).append(member_id)
        expected = 0.0
        weight = max(self._weight, self._mean)
        for member_id in cold:
            if part and expected + weight > self.max_facts:
                yield part
                part, expected = [], 0.0
            part.append(member_id)
            expected += weight
        if part:
            yield part

    def cold(self, members: Iterable[str]) -> list[str]:
        """Those of the members that ``load`` would read from the archive."""
        return [m for m in members if m not in self._members]

    def load(self, sink: Sink, members: Sequence[str]) -> None:
        """Bring the facts of members into memory, reading what is cold from the archive in one query."""
        cold = self.cold(members)
        self.hits += len(members) - len(cold)
        self.loads += len(cold)
        if cold:
            before = self._facts
            table = sink.facts(cold, FACT_COLUMNS)
            odd = self._pack(cold, table)
            self._unpacked(odd, table)
            self._weight = (self._weight + (self._facts - before) / len(cold)) / 2
        for member_id in members:
            # The order of the dictionary is that of use.
            self._members[member_id] = self._members.pop(member_id)

    def unpack(self, sink: Sink, members: Sequence[str]) -> None:
        """Bring the facts of members in memory into the form that can hold anything, read from the archive again."""
        if members:
            self._unpacked(members, sink.facts(members, FACT_COLUMNS))

    def state(self, member_id: str) -> State:
        """The facts of a member in memory."""
        return self._members[member_id]

    def put(self, member_id: str, run: bytes) -> None:
        """The packed facts of a member in memory have grown."""
        old = self._members[member_id]
        assert isinstance(old, bytes)
        self._facts += (len(run) - len(old)) // RECORD.itemsize
        self._members[member_id] = run

    def trim(self) -> None:
        """Evict least recently used members down to the bound, never all of them. Details that only facts of the past
        had are not told apart from others: when there are too many, everything is read again as it is needed."""
        for member_id, counted in self._loose.items():
            self._loose[member_id] = now = _weight(self._members[member_id])
            self._facts += now - counted
        self._mean = self._facts / len(self._members) if self._members else 0.0
        while self._facts > self.max_facts and len(self._members) > 1:
            member_id = next(iter(self._members))
            self._drop(member_id)
        limit = max(self.max_facts // FACTS_A_DETAIL, 10_000)
        if len(self.details) + self.details.characters // CHARACTERS_A_DETAIL > limit:
            self.clear()

    def _pack(self, members: Sequence[str], table: pa.Table) -> list[str]:
        """Put members into memory by their rows of the archive; returns those whose facts can't be packed."""
        numbers = {m: i for i, m in enumerate(members)}
        owner = np.array([numbers[m] for m in table["member_id"].to_pylist()], np.int64)
        records, fits = pack_archive(table, self.details)
        first, same = distinct(owner, records)
        odd = np.unique(owner[~(fits & same)])
        kept = np.flatnonzero(first == np.arange(len(first)))
        kept = kept[np.argsort(owner[kept], kind="stable")]
        ends = np.cumsum(np.bincount(owner[kept], minlength=len(members))) * RECORD.itemsize
        packed, start = records[kept].tobytes(), 0
        for member_id, end in zip(members, ends.tolist(), strict=True):
            self._members[member_id] = packed[start:end]
            start = end
        self._facts += len(kept)
        return [members[i] for i in odd.tolist()]

    def _unpacked(self, members: Sequence[str], table: pa.Table) -> None:
        if not members:
            return
        found = {m: MemberFacts(self._generations) for m in members}
        for member_id, fact in facts_from_archive(table):
            if member_id in found:
                found[member_id].add(fact)
        for member_id, facts in found.items():
            self._loose[member_id] = weight = _weight(facts)
            self._facts += weight - _weight(self._members[member_id])
            self._members[member_id] = facts

    def _drop(self, member_id: str) -> None:
        weight = _weight(self._members.pop(member_id))
        self._facts -= self._loose.pop(member_id, weight)

    @property
    def facts(self) -> int:
        """Facts in memory; one that is not packed counts as ``UNPACKED``."""
        return self._facts

    def __len__(self) -> int:
        return len(self._members)


def _weight(state: State) -> int:
    if isinstance(state, bytes):
        return len(state) // RECORD.itemsize
    return len(state.bodies) * UNPACKED
