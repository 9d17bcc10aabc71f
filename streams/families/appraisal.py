"""What the events of a member's part in one appraisal count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import by_day, ids


def fold_appraisal(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """Each stage once, on the day on which it was first completed."""
    seen: set[str] = set()
    rows: dict[int, Content] = {}
    for day, found in by_day(facts, days).items():
        new = sorted({f.detail["stage"] for f in found} - seen)
        seen.update(new)
        rows[day] = len(found), new, len(new), ids(found)
    return rows
