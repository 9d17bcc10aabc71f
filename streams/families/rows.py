"""Rows of all families as pure functions of a member's set of facts. Knows no family by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from schemas.days import day_date
from schemas.families import FAMILIES
from schemas.table import Table

from ..facts import Fact
from ..member import MemberFacts
from ..rules import Generation
from . import FOLDS
from .fold import FamilyFact

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
"""Rows by event type, in the order of the columns of the family's table."""


def family_rows(member_id: str, facts: MemberFacts, touched: Iterable[Fact], generation: Generation) -> Rows:
    """The rows of every subject that one of the touched bodies is about, all its days.

    Days on which nothing counts any more get a row without content, so that one written before does not stand.
    """
    groups = {(f.family, f.subject) for f in touched if f.family}
    if not groups:
        return {}
    bodies: dict[tuple[str, str], list[Fact]] = {}
    for of_id in facts.bodies.values():
        for f in of_id:
            if f.family and (f.family, f.subject) in groups:
                bodies.setdefault((f.family, f.subject), []).append(f)
    rows: Rows = {}
    for (name, subject), of_group in sorted(bodies.items()):
        rows.setdefault(name, []).extend(_subject_rows(member_id, facts, name, subject, of_group, generation))
    return rows


def _subject_rows(
    member_id: str, facts: MemberFacts, name: str, subject: str, bodies: list[Fact], generation: Generation
) -> Iterable[Row]:
    family, day_of = FAMILIES[name], generation.days.day_of
    live = sorted((f for f in bodies if facts.counts(f)), key=lambda f: (f.at, f.event_id))
    counting = [FamilyFact(f.event_id.to_bytes(16, "big"), f.at, f.course, family.detail(f.detail)) for f in live]
    contents = FOLDS[name](counting, generation.days) if counting else {}
    version = facts.behind({f.event_id for f in bodies})
    for day in sorted({day_of(f.at) for f in bodies}):
        if day >= generation.first_open:
            head = generation.number, member_id, day_date(day), subject
            yield (*head, *contents.get(day, family.nothing), version)


def add_rows(into: Rows, more: Rows) -> None:
    """Put rows to others."""
    for name, rows in more.items():
        into.setdefault(name, []).extend(rows)


def family_tables(rows: Mapping[str, list[Row]]) -> list[tuple[Table, pa.Table]]:
    """Rows as what a sink takes."""
    return [(FAMILIES[name].table, FAMILIES[name].table.tuples(found)) for name, found in rows.items() if found]
