"""A random world, and who sees what in it by walking the tree day by day. Of the program it has plain values only."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from schemas.access import Principal, new_principal
from schemas.reference import Course, Exam, Member, Organisation, ReferenceTables
from sinks.read import Filters

FIRST, DAYS = date(2026, 3, 1), 12
CATEGORIES = ("staff", "student")
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


class Period(NamedTuple):
    """From ``since`` (included) to ``until`` (not), as numbers of days; None is open."""

    since: int | None
    until: int | None

    def holds(self, n: int) -> bool:
        return (self.since is None or self.since <= n) and (self.until is None or n < self.until)

    def dates(self) -> dict[str, date | None]:
        return {
            "valid_from": None if self.since is None else day(self.since),
            "valid_to": None if self.until is None else day(self.until),
        }


def periods(chance: random.Random) -> Iterator[Period]:
    """One to three periods one after the other, some with gaps between them."""
    cuts = sorted(chance.sample(range(1, DAYS), chance.choice([0, 0, 1, 2])))
    starts: list[int | None] = [
        None if chance.random() < 0.7 else chance.randrange(1 + (cuts[0] if cuts else 3)),
        *cuts,
    ]
    for i, start in enumerate(starts):
        end = starts[i + 1] if i + 1 < len(starts) else (None if chance.random() < 0.7 else DAYS - 1)
        if end is not None and end - (start or 0) > 2 and chance.random() < 0.3:
            end -= 1
        if end is None or start is None or start < end:
            yield Period(start, end)


class Row(NamedTuple):
    """A figure or an answer of a member on a day; ``exam`` of an answer."""

    member: str
    day: int
    course: str
    value: int
    exam: str = ""


LISTED = ("x1", "x2")
"""Exams of the catalogue; an app took the second one for a contest."""
EXAMS = ("", *LISTED, "x3", "k1", "k2", "k3")
"""Exams that answers name; ``x3`` is in no catalogue."""
CONTESTS = ("x2", "k1", "k2", "k3")
"""What events of contests name."""


@dataclass(frozen=True)
class World:
    """``places``: periods of each organisation with what it is below; ``homes``: those of each member with organisation
    and category; ``days`` and ``answers``: what was recorded; ``entered``: contests that somebody entered, by member:
    whether that still counts."""

    places: dict[str, list[tuple[Period, str]]]
    homes: dict[str, list[tuple[Period, str, str]]]
    days: list[Row]
    answers: list[Row]
    entered: dict[tuple[str, str], bool]

    def private(self, exam: str) -> bool:
        """Whether an exam is a contest, whose results each member is told alone."""
        return exam not in LISTED and any(counts for (_, name), counts in self.entered.items() if name == exam)

    def home(self, member: str, n: int) -> tuple[str, str] | None:
        """Organisation and category of a member on a day."""
        found = [(org, category) for period, org, category in self.homes.get(member, ()) if period.holds(n)]
        return found[0] if found else None

    def within(self, org: str, node: str, n: int) -> bool:
        """Whether an organisation is a node or below it on a day."""
        while True:
            above = [parent for period, parent in self.places.get(org, ()) if period.holds(n)]
            if not above:
                return False
            if org == node:
                return True
            org = above[0]

    def sees(self, principal: Principal, filters: Filters, member: str, n: int) -> bool:
        """Whether a principal gets a row of a member and a day, with these filters."""
        home, on = self.home(member, n), day(n)
        if (filters.first and on < filters.first) or (filters.last and filters.last < on):
            return False
        if filters.member not in (None, member) or (principal.member_id not in (None, member)):
            return False
        if filters.category is not None and (home is None or home[1] != filters.category):
            return False
        return all(home is not None and self.within(home[0], node, n) for node in (principal.node, filters.org) if node)

    def tables(self) -> ReferenceTables:
        """For an import."""
        organisations = tuple(
            Organisation(org_id=org, parent_id=parent, **period.dates())
            for org, listed in self.places.items()
            for period, parent in listed
        )
        members = tuple(
            Member(member_id=member, name=member, org_id=org, category=category, **period.dates())
            for member, listed in self.homes.items()
            for period, org, category in listed
        )
        return ReferenceTables(
            organisations=organisations,
            members=members,
            courses=(Course(course_id="c1", title="c1"),),
            exams=tuple(Exam(exam_id=exam, course_id="c1", title=exam) for exam in LISTED),
            present=frozenset({"organisations", "members", "courses", "exams"}),
        )


def world(chance: random.Random) -> World:
    """A tree of 2 to 9 organisations that changes, members who move, and some who are in no roster."""
    orgs = [f"o{n}" for n in range(chance.randrange(2, 10))]
    places = {
        org: [(p, "" if n == 0 or chance.random() < 0.1 else f"o{chance.randrange(n)}") for p in periods(chance)]
        for n, org in enumerate(orgs)
    }
    people = [f"m{n}" for n in range(chance.randrange(3, 16))]
    homes = {
        m: [(p, chance.choice(orgs), chance.choice(CATEGORIES)) for p in periods(chance)]
        for m in people
        if chance.random() < 0.9
    }

    def rows(share: float) -> list[Row]:
        return [
            Row(m, n, course, chance.randrange(1, 9))
            for m in people
            for n in range(DAYS)
            for course in ("", "c1")
            if chance.random() < share
        ]

    answers = [r._replace(exam=chance.choice(EXAMS)) for r in rows(0.3) if r.course]
    entered = {(m, c): chance.random() < 0.6 for m in people for c in CONTESTS if chance.random() < 0.15}
    return World(places, homes, rows(0.4), answers, entered)


def principal(chance: random.Random, found: World) -> Principal:
    """Of any role; its node and member are of the world."""
    orgs, people = sorted(found.places), sorted(found.homes) or ["m0"]
    role = chance.choice(["member", "branch_secretary", "organisation_officer", "operator", "service", "service"])
    given: dict[str, Any] = {}
    if role == "member":
        given = {"member_id": chance.choice(people)}
    elif role in ("branch_secretary", "organisation_officer"):
        given = {"node": chance.choice(orgs)}
    elif role == "service":
        given = {"node": chance.choice([None, *orgs]), "detail": "named"}
    return new_principal(uuid.UUID(int=chance.getrandbits(128)).hex, role, NOW, **given)


def filters(chance: random.Random, found: World, names: frozenset[str], who: Principal) -> Filters:
    """Random filters out of those that a query has; an organisation is one that the principal may name."""
    ends = sorted(chance.sample(range(-1, DAYS + 1), 2))
    named = [o for o in found.places if who.node is None or any(found.within(o, who.node, n) for n in range(-40, 60))]
    possible: dict[str, Any] = {
        "first": day(ends[0]), "last": day(ends[1]), "member": f"m{chance.randrange(16)}",
        "category": chance.choice(CATEGORIES), "course": chance.choice(["", "c1"]), "exam": chance.choice(EXAMS),
    } | ({"org": chance.choice(sorted(named))} if named and who.member_id is None else {})  # fmt: skip
    listed = sorted(names & possible.keys())
    return Filters(**{n: possible[n] for n in chance.sample(listed, min(len(listed), chance.choice([0, 0, 1, 2, 3])))})
