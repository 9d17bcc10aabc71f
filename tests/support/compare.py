"""Rows of the store against the oracle: every difference, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.families import FAMILIES
from schemas.table import Column
from tests.support.oracle import BRANCH_SUMS, Figures, Result

_FIGURES = [*BRANCH_SUMS, "capped", "hour_ms", "first_at", "last_at"]
_ANSWER = ["course_id", "question_id", "at", "correct", "score_micro", "max_micro", "response_ms", "from_error"]


def ms(value: Any) -> Any:
    """A moment as ms since the epoch."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return value


def text(event_id: Any) -> str:
    """An id as the wire has it."""
    return str(UUID(bytes=bytes(event_id)) if not isinstance(event_id, UUID) else event_id)


def differences(
    member_day: Iterable[Mapping[str, Any]], answers: Iterable[Mapping[str, Any]], expected: Result
) -> Iterator[str]:
    """What differs between the current rows of one generation and the oracle."""
    days: dict[Any, Figures] = {}
    for row in member_day:
        kept = {n: ms(row[n]) if not n.startswith("hour") else list(row[n]) for n in _FIGURES}
        if any(kept[n] for n in ("events", "study_ms", "answers", "sessions")):
            days[row["member_id"], row["day"], row["course_id"]] = kept
        elif any(v for n, v in kept.items() if n != "hour_ms") or any(kept["hour_ms"]):
            yield f"member_day {row['member_id']} {row['day']} {row['course_id']!r}: half zero: {kept}"
    wanted: dict[Any, Figures] = {k: {n: v[n] for n in _FIGURES} for k, v in expected.member_days.items()}
    yield from _compare("member_day", days, wanted)
    found = {}
    for row in answers:
        if row["counted"]:
            kept = {n: ms(row[n]) for n in _ANSWER}
            kept["response_ms"] = kept["response_ms"] or 0
            found[row["member_id"], text(row["event_id"])] = kept
    yield from _compare("answers", found, {k: {n: v[n] for n in _ANSWER} for k, v in expected.answers.items()})


def branch_differences(
    branch_day: Iterable[Mapping[str, Any]], expected: Mapping[tuple[str, date, str], Figures]
) -> Iterator[str]:
    """What differs between ``branch_day`` rows and the oracle's sums; rows without anything are left out."""
    names = [*BRANCH_SUMS, "active_members", "members"]
    found = {
        (r["org_id"], r["day"], r["course_id"]): {n: r[n] for n in names}
        for r in branch_day
        if any(r[n] for n in [*BRANCH_SUMS, "active_members"])
    }
    wanted = {k: v for k, v in expected.items() if any(v[n] for n in [*BRANCH_SUMS, "active_members"])}
    yield from _compare("branch_day", found, wanted)


def _compare(table: str, found: Mapping[Any, Figures], wanted: Mapping[Any, Figures]) -> Iterator[str]:
    for key in sorted(found.keys() | wanted.keys(), key=str):
        have, want = found.get(key), wanted.get(key)
        if have is None or want is None:
            yield f"{table} {key}: {'missing' if have is None else 'not expected'}: {want or have}"
        elif have != want:
            parts = [f"{n} is {have[n]}, not {want[n]}" for n in want if have.get(n) != want[n]]
            yield f"{table} {key}: {'; '.join(parts)}"


def family_differences(tables: Mapping[str, Iterable[Mapping[str, Any]]], expected: Result) -> Iterator[str]:
    """What differs between the current rows of all families' tables, by name, of one generation, and the oracle's."""
    for family in FAMILIES.values():
        subject, counted = family.table.columns[3].name, family.contents[0].name
        found: dict[Any, Figures] = {}
        for row in tables.get(family.table.name, ()):
            kept: Figures = {c.name: _plain(c, row[c.name]) for c in family.contents[1:]}
            if row[counted]:
                found[row["member_id"], row["day"], row[subject]] = kept
            elif any(kept.values()):
                yield f"{family.name} {row['member_id']} {row['day']} {row[subject]!r}: half zero: {kept}"
        yield from _compare(family.name, found, expected.families[family.name])


def _plain(column: Column, value: Any) -> Any:
    if column.type == "Array(UUID)":
        return sorted(text(i) for i in value)
    return list(value) if column.type.startswith("Array") else ms(value)
