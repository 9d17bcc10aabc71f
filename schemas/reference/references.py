"""What reference rows refer to: parents, organisations of members, courses, units, exams, audiences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.reference.columns import Text
from schemas.reference.competence_rows import WINGS
from schemas.reference.organisation_rows import MEMBER_CATEGORIES
from schemas.reference.roster import period
from schemas.reference.tables import TABLES, Problem, ReferenceTables

_CATEGORIES = frozenset(choice.code for choice in MEMBER_CATEGORIES)

# (table, column, table it refers to); units are unique within their course only and handled apart.
_SIMPLE = (
    ("units", "course_id", "courses"),
    ("units", "quiz_exam_id", "exams"),
    ("exams", "course_id", "courses"),
    ("questions", "course_id", "courses"),
    ("questions", "exam_ids", "exams"),
    ("questions", "knowledge_points", "knowledge_points"),
    ("knowledge_points", "course_id", "courses"),
    ("exemptions", "member_id", "members"),
    ("quotas", "org_id", "organisations"),
    ("competences", "course_ids", "courses"),
    ("competences", "knowledge_points", "knowledge_points"),
    ("places", "org_id", "organisations"),
)


def _pool(tables: ReferenceTables, known: ReferenceTables, target: str) -> list[Any] | None:
    """Rows that may be referred to, None when the target table is nowhere."""
    if target not in tables.present | known.present and not tables.rows(target) and not known.rows(target):
        return None
    return [*known.rows(target), *tables.rows(target)]


def _missing(table: str, line: int, column: str, value: str, target: str) -> Problem:
    title = TABLES[target].title
    rule = Text(f"“{title.zh}”表中没有这个编号", f"no such id in the {target} table")
    return Problem(table, line, column, value, rule, refers_to=target)


def check_references(tables: ReferenceTables, known: ReferenceTables) -> Iterator[Problem]:
    """A problem for every reference to a row that isn't there, or isn't valid at the time."""
    yield from _organisations(tables, known)
    for table, column, target in _SIMPLE:
        pool = _pool(tables, known, target)
        if pool is None:
            continue
        ids = {getattr(row, TABLES[target].key[0]) for row in pool}
        for line, row in tables.located(table):
            value = getattr(row, column)
            for item in (value,) if isinstance(value, str) else value:
                if item and item not in ids:
                    yield _missing(table, line, column, item, target)
    yield from _wings(tables, known)
    units = _pool(tables, known, "units")
    if units is not None:
        keys = {(row.course_id, row.unit_id) for row in units}
        for line, row in tables.located("questions"):
            if row.unit_id and (row.course_id, row.unit_id) not in keys:
                yield _missing("questions", line, "unit_id", row.unit_id, "units")


def _wings(tables: ReferenceTables, known: ReferenceTables) -> Iterator[Problem]:
    """The map has two levels: what a competence names as its wing is there, and belongs to no wing itself."""
    pool = [*known.competences, *tables.competences]
    ids, inner = {row.competence_id for row in pool}, {row.competence_id for row in pool if row.wing}
    for line, row in tables.located("competences"):
        if not row.wing:
            continue
        if row.wing not in ids and row.wing not in WINGS:
            yield _missing("competences", line, "wing", row.wing, "competences")
        elif row.wing in inner or row.wing == row.competence_id:
            rule = Text("所属板块必须本身是板块，不能再属于别的板块", "must be a wing, which belongs to none itself")
            yield Problem("competences", line, "wing", row.wing, rule)


def _organisations(tables: ReferenceTables, known: ReferenceTables) -> Iterator[Problem]:
    pool = _pool(tables, known, "organisations")
    if pool is None:
        return
    periods: dict[str, list[tuple[int, int]]] = {}
    for row in pool:
        periods.setdefault(row.org_id, []).append(period(row))
    for table, column in (("organisations", "parent_id"), ("members", "org_id")):
        for line, row in tables.located(table):
            value = getattr(row, column)
            if not value:
                continue
            if value not in periods:
                yield _missing(table, line, column, value, "organisations")
            elif (gap := _gap(period(row), periods[value])) is not None:
                yield Problem(table, line, column, value, *gap)
    for table in ("courses", "exams"):
        for line, row in tables.located(table):
            for item in row.audience:
                if item not in _CATEGORIES and item not in periods:
                    yield Problem(
                        table,
                        line,
                        "audience",
                        item,
                        Text("不是人员类别，也不是组织编号", "is neither a member category nor an organisation"),
                    )


def _gap(wanted: tuple[int, int], periods: list[tuple[int, int]]) -> tuple[Text, Any] | None:
    """How ``periods`` fail to cover ``wanted``: an error when they never meet, a warning for a part.

    A row without a from is taken to begin with the organisation: "since ever" is what people leave empty.
    """
    start, end = wanted
    if start == 0:
        start = min(first for first, _ in periods)
    if start >= end:
        return None  # reported as a period of its own
    covered, reach = 0, start
    for first, last in sorted(periods):
        first, last = max(first, reach), min(last, end)
        if last > first:
            covered += last - first
            reach = last
    if covered == 0:
        return Text("该组织在此期间无效", "that organisation is not valid during this period"), "error"
    if covered < end - start:
        rule = Text("该组织在此期间有一段无效", "that organisation is not valid for part of this period")
        return rule, "warning"
    return None
