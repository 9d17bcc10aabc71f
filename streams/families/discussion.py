"""What a member's contributions to one discussion count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import by_day, course_of, ids


def fold_discussion(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """Contributions and replies of each day; course and question are those that the day's first events name."""
    return {
        day: (
            len(found),
            sum(f.detail["step"] == "posted" for f in found),
            sum(f.detail["step"] == "replied" for f in found),
            found[0].at,
            course_of(found),
            next((f.detail["question_id"] for f in found if f.detail["question_id"]), ""),
            ids(found),
        )
        for day, found in by_day(facts, days).items()
    }
