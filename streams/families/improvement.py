"""What one member's steps for one improvement count for: a pure function of their set.

Others act on the same improvement. No member's row says how it stands: the query ``improvements`` puts the rows of all
members together, which is again a function of a set (``reports/improvements.py`` reads the answer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import by_day, course_of, ids


def fold_improvement(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """The steps of each local day in their order, and what the first of them says that it is about."""
    return {day: _steps(of_day) for day, of_day in by_day(facts, days).items()}


def _steps(facts: Sequence[FamilyFact]) -> Content:
    about = facts[0].detail
    return (
        len(facts),
        about["target_org"],
        about["from_org"],
        about["problem"],
        about["about"],
        course_of(facts),
        about["period_first"] or "",
        about["period_last"] or "",
        [f.detail["step"] for f in facts],
        [f.at for f in facts],
        [f.detail["due"] or "" for f in facts],
        [f.detail["action"] or "" for f in facts],
        ids(facts),
    )
