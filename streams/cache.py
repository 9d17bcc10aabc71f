"""A bounded cache of members' facts. The archive is the state; this only spares reading it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock

from schemas.ports import Sink

from .facts import FACT_COLUMNS, facts_from_archive
from .member import MemberFacts
from .rules import Generation

FACTS_OF_A_MEMBER = 1000
"""How many a cold member is taken to have before any was read."""


class MemberCache:
    """Facts by member, least recently used out first, at most ``max_facts`` bodies in all after ``trim``.

    ``forget`` may be called from another thread (partitions move at any moment); it takes effect at the
    next ``load``, when no batch is in hand.
    """

    def __init__(self, max_facts: int = 2_000_000) -> None:
        self.max_facts = max_facts
        self._generations: Sequence[Generation] = ()
        self._members: OrderedDict[str, MemberFacts] = OrderedDict()
        self._partition: dict[str, int] = {}
        self._lock = Lock()
        self._forget: set[int] = set()
        self.loads = self.hits = 0
        self._weight = float(FACTS_OF_A_MEMBER)
        """facts that a cold member held lately"""
        self._mean = 0.0
        """facts of a member in memory: new members are cold and empty, one who was evicted is not"""

    def forget(self, partitions: set[int]) -> None:
        """Drop the members of partitions that moved: another worker may add to their facts."""
        with self._lock:
            self._forget |= partitions

    def use(self, generations: Sequence[Generation]) -> None:
        """Index facts by the local days of these generations; drops everything when they changed."""
        if [(g.number, g.first_open) for g in generations] != [(g.number, g.first_open) for g in self._generations]:
            self.clear()
            self._generations = tuple(generations)

    def clear(self) -> None:
        """Drop everything."""
        self._members.clear()
        self._partition.clear()

    def parts(self, members: Iterable[str]) -> Iterator[list[str]]:
        """The members in parts to load one after the other, so that not all facts of all members of a large batch are
        in memory at once: those that are there already, then cold ones, about ``max_facts`` at a time."""
        self._apply_forget()
        cold: list[str] = []
        part: list[str] = []
        for member_id in members:
            (part if member_id in self._members else cold).append(member_id)
        expected = 0.0
        for member_id in cold:
            weight = max(self._weight, self._mean)
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

    def load(self, sink: Sink, partitions: Mapping[str, int]) -> dict[str, MemberFacts]:
        """The facts of the members named by ``partitions`` (member → its partition), reading what is cold
        from the archive in one query."""
        self._apply_forget()
        cold = [m for m in partitions if m not in self._members]
        self.hits += len(partitions) - len(cold)
        self.loads += len(cold)
        if cold:
            found = {m: MemberFacts(self._generations) for m in cold}
            for member_id, fact in facts_from_archive(sink.facts(cold, FACT_COLUMNS)):
                found[member_id].add(fact)
            self._members.update(found)
            self._weight = (self._weight + sum(len(f.bodies) for f in found.values()) / len(cold)) / 2
        for member_id, partition in partitions.items():
            self._members.move_to_end(member_id)
            self._partition[member_id] = partition
        return {m: self._members[m] for m in partitions}

    def trim(self) -> None:
        """Evict least recently used members down to the bound, never all of them."""
        total = sum(len(f.bodies) for f in self._members.values())
        self._mean = total / len(self._members) if self._members else 0.0
        while total > self.max_facts and len(self._members) > 1:
            member_id, facts = self._members.popitem(last=False)
            self._partition.pop(member_id, None)
            total -= len(facts.bodies)

    def _apply_forget(self) -> None:
        with self._lock:
            gone, self._forget = self._forget, set()
        if gone:
            for member_id in [m for m, p in self._partition.items() if p in gone]:
                self._members.pop(member_id, None)
                del self._partition[member_id]

    def __len__(self) -> int:
        return len(self._members)
