"""A small random world for tests of the read side: a tree that changes, members who move, events of three weeks.

Expected answers are computed from the rows of the in-memory store and from ``Roster``: nothing here knows SQL.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from schemas.reference import Course, Exam, Member, Organisation, Question, ReferenceTables, Roster
from schemas.tables import ANSWERS, MEMBER_DAY
from sinks.memory import MemorySink
from sinks.read import Filters, Scope
from tests.support.harness import event, uid

FIRST = date(2026, 3, 1)
DAYS = 21
COURSES = ("c1", "c2", "c3")
CATEGORIES = ("staff", "student")


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


ORGANISATIONS = (
    Organisation(org_id="top", kind="upper_committee"),
    Organisation(org_id="left", parent_id="top", kind="committee"),
    Organisation(org_id="right", parent_id="top", kind="committee"),
    Organisation(org_id="l1", parent_id="left"),
    Organisation(org_id="l2", parent_id="left", valid_to=day(9)),
    Organisation(org_id="l2", parent_id="right", valid_from=day(9)),
    Organisation(org_id="r1", parent_id="right"),
    Organisation(org_id="r2", parent_id="right", valid_from=day(5), valid_to=day(15)),
    Organisation(org_id="alone"),
)
BRANCHES = ("l1", "l2", "r1", "r2", "alone", "left")


def members(chance: random.Random, count: int) -> Iterator[Member]:
    """Members with one to three periods, some with gaps, some open at either end."""
    for n in range(count):
        cuts = sorted(chance.sample(range(1, DAYS), chance.choice([0, 0, 1, 2])))
        starts = [None, *cuts] if chance.random() < 0.8 else [0, *cuts]
        for i, start in enumerate(starts):
            end = starts[i + 1] if i + 1 < len(starts) else None
            if end is not None and end - (start or 0) > 2 and chance.random() < 0.2:
                end -= 1
            yield Member(
                member_id=f"m{n:02}",
                name=f"Name {n}",
                org_id=chance.choice(BRANCHES),
                category=chance.choice(CATEGORIES),
                valid_from=None if start is None else day(start),
                valid_to=None if end is None else day(end),
            )


def catalogue() -> dict[str, Any]:
    questions = [
        Question(question_id=f"q{n}", course_id=COURSES[n % 3], text=f"question {n}", answer_key="A",
                 option_a="a", option_b="b", max_score=2.0 if n == 3 else 1.0,
                 exam_ids=("e1",) if n % 3 == 0 else (), knowledge_points=(f"k{n % 2}",))
        for n in range(12)
    ]  # fmt: skip
    return {
        "courses": tuple(Course(course_id=c, title=f"Course {c}") for c in COURSES),
        "exams": (Exam(exam_id="e1", course_id="c1", title="Exam 1", max_score=100.0),),
        "questions": tuple(questions),
    }


def reference(seed: int, count: int = 24) -> ReferenceTables:
    listed = tuple(members(random.Random(seed), count))
    present = frozenset({"organisations", "members", "courses", "exams", "questions"})
    return ReferenceTables(organisations=ORGANISATIONS, members=listed, present=present, **catalogue())


def lines(seed: int, count: int, people: int = 20) -> list[bytes]:
    """Wire lines of all kinds, few enough ids that withdrawals, repetitions and conflicts meet."""
    chance, found = random.Random(seed), []
    for _ in range(count):
        n, member, course = chance.randrange(1, count), f"m{chance.randrange(people):02}", chance.choice(COURSES)
        at = f"{day(chance.randrange(DAYS))}T{chance.randrange(24):02}:{chance.randrange(60):02}:00.5+08:00"
        number = chance.randrange(12)
        question: dict[str, Any] = {"question_id": f"q{number}"}
        if number % 3 == 0 and chance.random() < 0.5:
            question |= {"exam_id": "e1", "attempt": chance.choice([1, 2])}
        match chance.choice(["study", "study", "study", "answer", "answer", "answer", "error", "withdraw"]):
            case "study":
                found.append(event(n, "study", at, member, course, duration_ms=chance.randrange(7_200_000)))
            case "answer":
                found.append(event(n, "answer", at, member, COURSES[number % 3], **question,
                                   correct=chance.choice([True, True, False, None]),
                                   response=chance.choice([None, "B", ["A", "C"]]), score=chance.choice([None, 0.3]),
                                   duration_ms=chance.choice([None, 1234])))  # fmt: skip
            case "error":
                found.append(event(n, "error", at, member, COURSES[number % 3], **question))
            case _:
                found.append(event(n + 10_000, "withdraw", at, member, course, target_event_id=uid(n), reason="r"))
    return found


class World(NamedTuple):
    """The expected answers: rows in memory and the roster."""

    memory: MemorySink
    roster: Roster

    def sees(self, scope: Scope, filters: Filters, member_id: str, on: date) -> bool:
        """Whether a row of a member and a day is in scope and asked for."""
        home = self.roster.membership(member_id, on)
        org = home.org_id if home else None
        asked = (
            (filters.first is None or filters.first <= on)
            and (filters.last is None or on <= filters.last)
            and filters.member in (None, member_id)
            and (filters.category is None or (home is not None and home.category == filters.category))
            and (filters.org is None or org in self.roster.subtree(filters.org, on))
        )
        if scope.detail == "own":
            return asked and scope.member_id == member_id
        return asked and (scope.node is None or org in self.roster.subtree(scope.node, on))

    def member_days(self, scope: Scope, filters: Filters) -> list[dict[str, Any]]:
        """Rows of ``member_day`` in scope that count something, with their home."""
        found = []
        for row in self.memory.rows(MEMBER_DAY):
            if (row["events"] or row["study_ms"]) and filters.course in (None, row["course_id"]):
                found += self._homed(scope, filters, row)
        return found

    def answers(self, scope: Scope, filters: Filters) -> list[dict[str, Any]]:
        """Rows of ``answers`` in scope that count, with their home."""
        found = []
        for row in self.memory.rows(ANSWERS):
            if row["counted"] and filters.course in (None, row["course_id"]) and filters.exam in (None, row["exam_id"]):
                found += self._homed(scope, filters, row)
        return found

    def _homed(self, scope: Scope, filters: Filters, row: dict[str, Any]) -> list[dict[str, Any]]:
        if not self.sees(scope, filters, row["member_id"], row["day"]):
            return []
        home = self.roster.membership(row["member_id"], row["day"])
        return [row | {"org_id": home.org_id if home else "", "category": home.category if home else ""}]

    def branch_days(self, scope: Scope, filters: Filters) -> dict[tuple[str, str, date], dict[str, Any]]:
        """Sums and head counts by (organisation, course, day)."""
        groups: dict[tuple[str, str, date], list[dict[str, Any]]] = defaultdict(list)
        for row in self.member_days(scope, filters):
            if row["org_id"]:
                groups[filters.org or row["org_id"], row["course_id"], row["day"]].append(row)
        found = {}
        for (org_id, course, on), group in groups.items():
            there = [
                m
                for m in self.roster.member_ids()
                if self.sees(scope, filters, m, on) and (filters.org or self.roster.org_of(m, on)) == org_id
                and self.roster.org_of(m, on)
            ]  # fmt: skip
            names = ("answers", "correct", "graded", "sessions", "response_ms", "timed_answers", "wrong_questions")
            found[org_id, course, on] = {
                "members": len(there),
                "active_members": len({r["member_id"] for r in group}),
                "study_seconds": sum(r["study_ms"] for r in group) / 1000,
                "score": sum(r["score_micro"] for r in group) / 1_000_000,
                "max_score": sum(r["max_micro"] for r in group) / 1_000_000,
                "events": sum(r["events"] for r in group),
                **{name: sum(r[name] for r in group) for name in names},
            }
        return found

    def silent(self, scope: Scope, filters: Filters) -> tuple[set[str], set[str]]:
        """Members and organisations of the period without an event, counting what the scope sees."""
        period = [day(n) for n in range(-30, DAYS + 30)]
        belonged: dict[str, set[str]] = defaultdict(set)
        for on in period:
            for m in self.roster.member_ids():
                org = self.roster.org_of(m, on)
                if org and self.sees(scope, filters, m, on):
                    belonged[org].add(m)
        course = Filters(**{n: getattr(filters, n) for n in filters.__slots__} | {"course": filters.course or ""})
        active = [r for r in self.member_days(scope, course) if r["org_id"]]
        silent_members = {m for ms in belonged.values() for m in ms} - {r["member_id"] for r in active}
        return silent_members, set(belonged) - {r["org_id"] for r in active}
