"""What the events of one piece of content and member count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import course_of, first, ids


def fold_push(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """One delivery, on the day of the first; what was opened was delivered, whether that is recorded or not."""
    at = (first(facts, "delivered") or facts[0]).at
    content = len(facts), True, first(facts, "opened") is not None, at, course_of(facts), ids(facts)
    return {days.day_of(at): content}
