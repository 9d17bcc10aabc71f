"""Rows of further families against the archive: which bodies count is found by other code, then folded once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import polars as pl

from schemas.days import LocalDays, day_date
from schemas.families import FAMILIES, Family
from sinks.client import Store
from sinks.read.generations import GenerationInfo
from sinks.reconcile import Difference
from sinks.reconcile.recompute import EVENT_COLUMNS, counting
from streams.families import FOLDS, FamilyFact

Key = tuple[str, date, str]
"""(member_id, local day, subject)"""
Rows = dict[Key, tuple[Any, ...]]


def family_differences(
    store: Store, generation: GenerationInfo, members: Sequence[str], first: date, day: date | None = None
) -> Iterator[Difference]:
    """Every difference of the members' rows on open days, from ``first`` on; ``day``: only of that one."""
    live = counting(_events(store, members))
    for family in FAMILIES.values():
        expected = recomputed(family, live.filter(pl.col("event_type") == family.name), LocalDays(generation.timezone))
        found = _stored(store, family, generation.number, members)
        for key in sorted(expected.keys() | found.keys()):
            if key[1] < first or (day is not None and key[1] != day):
                continue
            want, have = expected.get(key, _plain(family.nothing)), found.get(key, _plain(family.nothing))
            for column, a, b in zip(family.contents, want, have, strict=True):
                if a != b:
                    yield Difference(family.table.name, (key[0], str(key[1]), key[2]), column.name, a, b)


def recomputed(family: Family, live: pl.DataFrame, days: LocalDays) -> Rows:
    """Contents by member, day and subject, of the family's events that count."""
    facts: dict[tuple[str, str], list[FamilyFact]] = {}
    columns = ["member_id", "subject_id", "event_id", "at", "course_id", "detail"]
    for member, subject, event_id, at, course, detail in live.sort("at", "event_id").select(columns).iter_rows():
        fact = FamilyFact(event_id, at, course, family.detail(detail))
        facts.setdefault((member, subject), []).append(fact)
    return {
        (member, day_date(number), subject): _plain(content)
        for (member, subject), of_subject in facts.items()
        for number, content in FOLDS[family.name](of_subject, days).items()
    }


def _events(store: Store, members: Sequence[str]) -> pl.DataFrame:
    """All events of those of the members who have any of a further family."""
    names = [*EVENT_COLUMNS, "subject_id", "detail"]
    listed = ", ".join("toUnixTimestamp64Milli(at) AS at" if n == "at" else f"`{n}`" for n in names)
    sql = f"""
        SELECT {listed} FROM events WHERE member_id IN (
            SELECT member_id FROM events
            WHERE member_id IN {{members:Array(String)}} AND event_type IN {{families:Array(String)}})"""
    frame = pl.from_arrow(store.arrow(sql, {"members": list(members), "families": list(FAMILIES)}))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _stored(store: Store, family: Family, generation: int, members: Sequence[str]) -> Rows:
    listed = ", ".join(f"`{c.name}`" for c in family.contents)
    key = family.table.columns[3].name
    sql = f"""
        SELECT member_id, toDate32(day), `{key}`, {listed} FROM {family.table.name} FINAL
        WHERE generation = {{g:UInt16}} AND member_id IN {{members:Array(String)}}"""
    rows = store.rows(sql, {"g": generation, "members": list(members)})
    return {(str(r[0]), r[1], str(r[2])): _plain(r[3:]) for r in rows}


def _plain(content: Sequence[Any]) -> tuple[Any, ...]:
    """Values of a row as they compare: lists as tuples, ids as bytes, instants in ms."""
    return tuple(_value(v) for v in content)


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_value(v) for v in value)
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, datetime):
        return int((value.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds() * 1000 + 0.5)
    return value
