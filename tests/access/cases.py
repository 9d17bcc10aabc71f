"""Cases: a world in the store, a principal, a query with filters; what it gives and what it should."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from schemas.access import Principal, new_principal
from schemas.families.contest import CONTEST
from schemas.tables import ANSWERS, MEMBER_DAY, TABLES, Table
from sinks.client import Store
from sinks.policy import row_filter
from sinks.read import QUERIES, Filters, Reader, Scope
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from tests.access.world import DAYS, LISTED, NOW, Row, World, day, filters, principal, world

EVERYBODY = new_principal("all", "operator", NOW)
CASES_A_WORLD = 200


class Tally(NamedTuple):
    """What was compared: ``outside`` rows that should not be there, ``missing`` ones that should."""

    cases: int = 0
    rows: int = 0
    withheld: int = 0
    outside: int = 0
    missing: int = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


def fill(store: Store, found: World) -> None:
    """Put a world into the store, in place of the one before."""
    for name in (
        "member_day", "answers", "contest", "memberships", "org_closure", "imports", "ref_members",
        "ref_organisations", "ref_courses", "ref_exams",
    ):  # fmt: skip
        store.command(f"TRUNCATE TABLE {TABLES[name].name}")
    write_reference(store, found.tables(), NOW)
    generation = ensure_generation(store, "Asia/Shanghai", "{}")
    number = getattr(generation, "number", 1)
    _insert(store, MEMBER_DAY, [_day(r, number) for r in found.days])
    _insert(store, ANSWERS, [_answer(r, n, number) for n, r in enumerate(found.answers)])
    parts = [
        {"generation": number, "member_id": member, "day": day(0), "contest_id": contest, "version": version,
         "events": int(version == 1 or counts)}
        for (member, contest), counts in found.entered.items() for version in (1, 2)
    ]  # fmt: skip
    _insert(store, CONTEST.table, parts)


def _insert(store: Store, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        store.insert(table.name, table.rows([_blank(table) | row for row in rows]))


def _blank(table: Table) -> dict[str, Any]:
    def value(type_: str) -> Any:
        if type_.startswith("Nullable"):
            return None
        if type_.startswith("Array"):
            return [0] * 24 if "UInt32" in type_ else []
        return "" if "String" in type_ else False if type_ == "Bool" else 0

    return {c.name: value(c.type) for c in table.columns}


def _day(row: Row, generation: int) -> dict[str, Any]:
    return {"generation": generation, "member_id": row.member, "day": day(row.day), "course_id": row.course,
            "answers": row.value, "events": 1, "version": 1}  # fmt: skip


def _answer(row: Row, number: int, generation: int) -> dict[str, Any]:
    at = datetime(2026, 3, 1, 4, tzinfo=UTC) + timedelta(days=row.day)
    return {"generation": generation, "member_id": row.member, "course_id": row.course, "question_id": f"q{row.value}",
            "exam_id": row.exam, "day": day(row.day), "event_id": number.to_bytes(16, "big"), "at": at,
            "counted": True, "attempt": 1, "correct": row.value % 2 == 0, "version": 1}  # fmt: skip


Answer = Callable[[World, Principal, Filters], set[Any]]


def _of_days(found: World, who: Principal, asked: Filters) -> set[Any]:
    return {
        (r.member, day(r.day), r.course, r.value)
        for r in found.days
        if asked.course in (None, r.course) and found.sees(who, asked, r.member, r.day)
    }


def _answers(found: World, who: Principal, asked: Filters, *, counted: bool = False) -> list[Row]:
    """Answers that a principal is told of; ``counted``: in figures over answers."""
    told = who.detail != "named" or (counted and asked.member is None and asked.exam is None)
    return [
        r
        for r in found.answers
        if asked.course in (None, r.course)
        and asked.exam in (None, r.exam)
        and found.sees(who, asked, r.member, r.day)
        and (told or not found.private(r.exam))
    ]


def _of_answers(found: World, who: Principal, asked: Filters) -> set[Any]:
    return {(r.member, day(r.day), f"q{r.value}", r.exam) for r in _answers(found, who, asked)}


def _by_sql(found: World, who: Principal, asked: Filters) -> set[Any]:
    """Of exams only those of the catalogue, unless they are one's own."""
    rows = _of_answers(found, who, asked)
    return rows if who.detail == "own" else {r for r in rows if r[3] in ("", *LISTED)}


def _of_exams(found: World, who: Principal, asked: Filters) -> set[Any]:
    """Whole attempts with their answers, in the period by the last of them; of what lies in the scope."""
    given: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for r in _answers(found, who, replace(asked, first=None, last=None, course=None)):
        if r.exam:
            given[r.member, r.exam].append(r)
    ends = {key: day(max(r.day for r in rows)) for key, rows in given.items()}
    return {
        (*key, ends[key], len({r.value for r in rows}))
        for key, rows in given.items()
        if (asked.first or ends[key]) <= ends[key] <= (asked.last or ends[key]) and asked.course in (None, "c1")
    }


def _of_wrong(found: World, who: Principal, asked: Filters) -> set[Any]:
    wrong = Counter((r.member, f"q{r.value}") for r in _answers(found, who, asked) if r.value % 2)
    return {(*key, n) for key, n in wrong.items()}


def _of_questions(found: World, who: Principal, asked: Filters) -> set[Any]:
    return set(Counter(f"q{r.value}" for r in _answers(found, who, asked, counted=True)).items())


def _of_branches(found: World, who: Principal, asked: Filters) -> set[Any]:
    sums: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for r in found.days:
        home = found.home(r.member, r.day)
        if home and asked.course in (None, r.course) and found.sees(who, asked, r.member, r.day):
            cell = sums[asked.org or home[0], r.course, r.day]
            cell[0] += 1
            cell[1] += r.value
    return {(org, course, day(n), members, answers) for (org, course, n), (members, answers) in sums.items()}


def _of_members(found: World, who: Principal, asked: Filters) -> set[Any]:
    seen = set()
    for member in found.homes:
        for n in range(-40, DAYS + 40):
            home = found.home(member, n)
            if home and found.sees(who, asked, member, n):
                seen.add((member, home[0]))
    return seen


QUESTIONS: dict[str, tuple[list[str], Answer]] = {
    "member-day": (["member_id", "day", "course_id", "answers"], _of_days),
    "answers": (["member_id", "day", "question_id", "exam_id"], _of_answers),
    "exams": (["member_id", "exam_id", "day", "answered"], _of_exams),
    "wrong-questions": (["member_id", "question_id", "wrong_answers"], _of_wrong),
    "questions": (["question_id", "answers"], _of_questions),
    "branch-day": (["org_id", "course_id", "day", "active_members", "answers"], _of_branches),
    "members": (["member_id", "org_id"], _of_members),
}


FILTERED: dict[str, tuple[str, Answer]] = {
    "member_day": ("member_id, day, course_id, answers", _of_days),
    "answers": ("member_id, day, question_id, exam_id", _by_sql),
    "memberships": ("member_id, org_id", _of_members),
    "ref_members": ("member_id, org_id", _of_members),
}
"""What the row filter of a table leaves, with no query around it."""


_TEXT = {"output_format_arrow_low_cardinality_as_dictionary": 0, "output_format_arrow_string_as_string": 1}


def by_row_filter(store: Store, found: World, chance: random.Random) -> tuple[Tally, str]:
    """One case of a generated row filter, as a condition: that an engine applies it is tested elsewhere."""
    who, table = principal(chance, found), chance.choice(sorted(FILTERED))
    columns, expected = FILTERED[table]
    condition = row_filter(table, Scope.of(who)) or "1"
    # As Arrow, whose columns the engine does not have to be asked for first.
    found_rows = pl.from_arrow(store.arrow(f"SELECT {columns} FROM {table} FINAL WHERE {condition}", settings=_TEXT))
    assert isinstance(found_rows, pl.DataFrame)
    got = set(found_rows.iter_rows())
    return _tally(got, expected(found, who, Filters()), expected(found, EVERYBODY, Filters())), f"{table} {condition}"


def _tally(got: set[Any], wanted: set[Any], everything: set[Any]) -> Tally:
    return Tally(1, len(wanted), len(everything) - len(wanted), len(got - wanted), len(wanted - got))


def one(reader: Reader, found: World, chance: random.Random) -> tuple[Tally, str]:
    """One case; the text says which it was."""
    if chance.random() < 0.25:
        return by_row_filter(reader.store, found, chance)
    who, name = principal(chance, found), chance.choice(sorted(QUESTIONS))
    if Scope.of(who).detail not in QUERIES[name].details:
        name = "member-day"
    columns, expected = QUESTIONS[name]
    asked = filters(chance, found, frozenset(map(str, QUERIES[name].filters)), who)
    frame = reader.frame(name, Scope.of(who), asked).select(columns)
    got = set(frame.iter_rows())
    assert name in ("answers", "members") or len(got) == frame.height, f"{name} gives a row twice"
    wanted = expected(found, who, asked)
    everything = expected(found, EVERYBODY, Filters(course=asked.course))
    return _tally(got, wanted, everything), f"{name} {Scope.of(who)} {asked}"


def run(store: Store, cases: int, seed: int, a_world: int = CASES_A_WORLD) -> Tally:
    """That many cases from a seed. Raises AssertionError with the first case that differs."""
    total, done = Tally(), 0
    while done < cases:
        chance = random.Random(f"{seed}/{done}")
        found = world(chance)
        fill(store, found)
        # The roster of a world does not change: a reader that asks for it once does half of the questions.
        reader = Reader(store, steady=True)
        for _ in range(min(a_world, cases - done)):
            tally, case = one(reader, found, chance)
            assert not tally.outside, f"rows outside the scope: {case}, seed {seed}, world {done}"
            assert not tally.missing, f"rows of the scope are missing: {case}, seed {seed}, world {done}"
            total, done = total.plus(tally), done + 1
    return total
