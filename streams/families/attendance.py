"""What the records of one member at one organised session count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import by_day, ids


def fold_attendance(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """One attendance a local day, however often it was recorded.

    Its length is the longest that a record gives; where none gives any, the time from the first record to the last
    (in and out at a reader); of a single record it is unknown. It is made up only if every record says so.
    """
    return {day: _attendance(found) for day, found in by_day(facts, days).items()}


def _attendance(facts: Sequence[FamilyFact]) -> Content:
    first, last = facts[0], facts[-1]
    given = [f.detail["duration_ms"] for f in facts if f.detail["duration_ms"] is not None]
    length = max(given) if given else (last.at - first.at or None)
    return (
        True,
        first.detail["meeting"],
        sorted({f.detail["method"] for f in facts} - {None}),
        all(f.detail["make_up"] for f in facts),
        first.at,
        length,
        first.course,
        ids(facts),
    )
