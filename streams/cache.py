"""A bounded cache of members' facts. The archive is the state; this only spares reading it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

from schemas.ports import Sink

from .facts import FACT_COLUMNS, facts_from_archive
from .member import MemberFacts
from .rules import Generation


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
        for member_id, partition in partitions.items():
            self._members.move_to_end(member_id)
            self._partition[member_id] = partition
        return {m: self._members[m] for m in partitions}

    def trim(self) -> None:
        """Evict least recently used members down to the bound, never all of them."""
        total = sum(len(f.bodies) for f in self._members.values())
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
