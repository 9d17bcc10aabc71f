"""All facts of one member, as sets, and which days and questions a fact concerns.

The state is a union of bodies by event id: adding is idempotent, commutative and associative. Every figure
is a function of it (see ``rows.py``), so that neither order nor repetition of arrival can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from .facts import ANSWER, ERROR, STUDY, WITHDRAW, Fact
from .fold_answers import cohort
from .rules import Generation

Group = tuple[str, str]
"""(course_id, question_id)"""


class Seen(Enum):
    """What ``add`` found out about a fact."""

    NEW = "new"
    REDELIVERED = "redelivered"
    """The same line of the same message again: it is already counted in the ledger."""
    DUPLICATE = "duplicate"
    """The same body at another position."""
    CONFLICT = "conflict"
    """A further body under an id that has another one: at most one of them counts."""


class DayIndex:
    """Which ids concern a local day, in one generation."""

    __slots__ = ("groups", "study")

    def __init__(self) -> None:
        self.study: dict[int, set[int]] = {}
        self.groups: dict[int, set[Group]] = {}


def group_of(fact: Fact) -> Group | None:
    """The question that a fact is about, if it is an answer or an error."""
    return (fact.course, fact.question) if fact.kind in (ANSWER, ERROR) else None


def window_days(fact: Fact, generation: Generation) -> range:
    """The local days whose window a study fact touches."""
    rules, days = generation.rules, generation.days
    start = max(fact.start, fact.at - rules.longest_interval) - rules.beat_gap
    first = days.day_of(start)
    end = fact.at + rules.before
    # Nearly always within one day: its end is known, so ask for the last day only when it lies beyond.
    return range(first, first + 1) if end < days.bounds(first)[1] else range(first, days.day_of(end) + 1)


class MemberFacts:
    """Every body of every event of one member that is in the archive."""

    __slots__ = ("bodies", "by_group", "index", "plain", "takers")

    def __init__(self, generations: Iterable[Generation]) -> None:
        self.bodies: dict[int, tuple[Fact, ...]] = {}
        """id → bodies, the one that counts first."""
        self.takers: dict[int, tuple[Fact, ...]] = {}
        """id → bodies that take it back."""
        self.by_group: dict[Group, list[Fact]] = {}
        """(course, question) → all bodies about it"""
        self.plain = True
        """No event has several bodies and none is taken back: every body counts."""
        self.index = {g.number: (g, DayIndex()) for g in generations}

    def add(self, fact: Fact) -> Seen:
        """Add one fact to the set and say whether it was news."""
        have = self.bodies.get(fact.event_id, ())
        for other in have:
            if other.rank == fact.rank:
                return Seen.REDELIVERED if other.position == fact.position else Seen.DUPLICATE
        if have:
            self.plain = False
            self.bodies[fact.event_id] = tuple(sorted((*have, fact), key=lambda f: f.rank))
        else:
            self.bodies[fact.event_id] = (fact,)
        if fact.target:
            self.plain = False
            self.takers[fact.target] = (*self.takers.get(fact.target, ()), fact)
        if group := group_of(fact):
            self.by_group.setdefault(group, []).append(fact)
        for generation, index in self.index.values():
            if fact.kind == STUDY:
                for day in window_days(fact, generation):
                    index.study.setdefault(day, set()).add(fact.event_id)
            elif group:
                index.groups.setdefault(generation.days.day_of(fact.at), set()).add(group)
        return Seen.CONFLICT if have else Seen.NEW

    def counts(self, fact: Fact) -> bool:
        """Whether this body is the one that counts under its id and has not been taken back."""
        return self.bodies[fact.event_id][0] is fact and not self.taken(fact.event_id)

    def taken(self, event_id: int) -> bool:
        """Whether an event was taken back by a body that itself counts under its id."""
        return any(self.bodies[t.event_id][0] is t for t in self.takers.get(event_id, ()))

    def behind(self, ids: set[int]) -> int:
        """Number of distinct bodies under ``ids`` or taking one of them back: the version of a row whose
        content depends on these ids. It grows with every change, and never ties with another content."""
        if self.plain:
            return len(ids)
        found: set[tuple[int, bytes]] = set()
        for i in ids:
            found.update((f.event_id, f.rank) for f in self.bodies.get(i, ()))
            for taker in self.takers.get(i, ()):
                # All bodies of the taker, because which of them counts decides whether it takes anything.
                found.update((f.event_id, f.rank) for f in self.bodies[taker.event_id])
        return len(found)

    def cohort(self, fact: Fact) -> Sequence[Fact]:
        """The bodies whose outcome depends on ``fact``, an answer or an error."""
        group = group_of(fact)
        assert group is not None
        return cohort(fact, self.by_group[group])

    def concerned(self, fact: Fact) -> Iterator[Fact]:
        """The bodies whose rows may change because ``fact`` has been added (itself included)."""
        if self.plain:
            # The common case, without a search for relatives.
            group = group_of(fact)
            yield from (fact,) if group is None or len(self.by_group[group]) == 1 else self.cohort(fact)
            return
        related = list(self.bodies[fact.event_id])
        for body in list(related):
            if body.target:
                related.extend(self.bodies.get(body.target, ()))
        for body in related:
            if body.kind in (ANSWER, ERROR):
                yield from self.cohort(body)
            elif body.kind != WITHDRAW:
                yield body

    def days(self, fact: Fact, generation: Generation) -> Iterable[int]:
        """The local days on whose rows a body stands."""
        if fact.kind == STUDY:
            return window_days(fact, generation)
        return (generation.days.day_of(fact.at),)
