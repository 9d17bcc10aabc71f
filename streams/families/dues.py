"""What the events about one term's dues of a member count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import ids


def fold_dues(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """The latest status, on the day on which one was first set, so that a payment stays in the term that it is for."""
    latest = facts[-1]
    status = latest.detail["status"]
    content = len(facts), status, status != "exempt", status == "paid", latest.at, ids(facts)
    return {days.day_of(facts[0].at): content}
