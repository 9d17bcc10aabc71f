"""Members whose facts are not all plain, one after the other, by the definitions in ``member`` and ``rows``."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.decode import Arrival

from .facts import Fact, fact_of
from .families.rows import Rows, add_rows, family_rows
from .member import MemberFacts, Seen
from .rows import Row, answer_rows, day_rows
from .rules import Generation


@dataclass(slots=True)
class Sorted:
    """What arrivals brought; lines by their number among the arrivals."""

    touched: dict[str, list[Fact]] = field(default_factory=dict)
    fresh: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    redelivered: int = 0
    disputed: dict[tuple[str, int], bytes] = field(default_factory=dict)
    """(member, event_id) of events that have several bodies → first half of the hash of the one that counts"""


def merge(arrivals: Iterable[tuple[int, Arrival]], members: Mapping[str, MemberFacts]) -> Sorted:
    """Add arrivals to the members' sets. Repeated ones are touched too: their rows may be the part
    of an interrupted batch that never was written."""
    found = Sorted()
    disputed: set[tuple[str, int]] = set()
    for number, arrival in arrivals:
        member_id = arrival.event.member_id
        facts, fact = members[member_id], fact_of(arrival)
        seen = facts.add(fact)
        found.touched.setdefault(member_id, []).append(fact)
        if seen is Seen.DUPLICATE:
            found.duplicates.append(number)
        elif seen is Seen.REDELIVERED:
            found.redelivered += 1
        else:
            found.fresh.append(number)
        if len(facts.bodies[fact.event_id]) > 1 and _several_hashes(facts.bodies[fact.event_id]):
            disputed.add((member_id, fact.event_id))
    found.disputed = {(m, i): members[m].bodies[i][0].rank[:16] for m, i in disputed}
    return found


def rows(
    touched: Mapping[str, list[Fact]], members: Mapping[str, MemberFacts], generations: Sequence[Generation]
) -> tuple[list[Row], list[Row], Rows]:
    """Rows of ``member_day``, of ``answers`` and of further families that may have changed."""
    days: list[Row] = []
    answers: list[Row] = []
    families: Rows = {}
    for member_id, new in touched.items():
        facts = members[member_id]
        # By identity: equal bodies of different positions are one, and a Fact is not hashable.
        concerned = {id(f): f for fact in new for f in facts.concerned(fact)}.values()
        for generation in generations:
            numbers = sorted({d for f in concerned for d in facts.days(f, generation)})
            for day in numbers[bisect_left(numbers, generation.first_open) :]:
                days.extend(day_rows(member_id, facts, day, generation))
            answers.extend(answer_rows(member_id, facts, concerned, generation))
            add_rows(families, family_rows(member_id, facts, concerned, generation))
    return days, answers, families


def _several_hashes(bodies: Sequence[Fact]) -> bool:
    return len({b.rank[:16] for b in bodies}) > 1
