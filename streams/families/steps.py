"""What folds of families share: the first of each step, the events of each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import FamilyFact


def first(facts: Sequence[FamilyFact], step: str, since: int | None = None) -> FamilyFact | None:
    """The first fact of that step, at or after ``since`` (ms UTC) where it is given. Facts are in order of time."""
    return next((f for f in facts if f.detail["step"] == step and (since is None or f.at >= since)), None)


def by_day(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, list[FamilyFact]]:
    """Facts by local day, each day's in their order."""
    found: dict[int, list[FamilyFact]] = {}
    for fact in facts:
        found.setdefault(days.day_of(fact.at), []).append(fact)
    return found


def course_of(facts: Sequence[FamilyFact]) -> str:
    """The course that the first fact with one names, or ''."""
    return next((f.course for f in facts if f.course), "")


def ids(facts: Sequence[FamilyFact]) -> list[bytes]:
    """Ids of the events, in their order."""
    return [f.event_id for f in facts]
