"""What the steps of one request count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import course_of, first, ids


def fold_service(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """One request, on the day on which it was opened; answers and closings count from then on.

    Without an opening it stands on the day of its first step, as no request of that day.
    """
    opened = first(facts, "opened")
    start = opened or facts[0]
    answer, close = (first(facts, step, start.at) if opened else None for step in ("answered", "closed"))
    content = (
        len(facts),
        opened is not None,
        answer is not None,
        close is not None,
        start.at,
        answer.at - start.at if answer else None,
        close.at - start.at if close else None,
        course_of(facts),
        ids(facts),
    )
    return {days.day_of(start.at): content}
