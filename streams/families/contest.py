"""What the events of a member's part in one contest count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import course_of, first, ids


def fold_contest(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """One part, on the day of entering; that it was finished shows that it was entered.

    Entering again does not begin anew. The length ends with the first finish after entering; the time allowed is the
    shortest that any event names. Whether the member is on the board is what the latest event says.
    """
    opened = first(facts, "entered") or facts[0]
    finish = first(facts, "finished", opened.at)
    limits = [f.detail["limit_ms"] for f in facts if f.detail["limit_ms"] is not None]
    length = min([finish.at - opened.at, *limits]) if finish and finish is not opened else None
    content = (
        len(facts),
        True,
        finish is not None,
        opened.at,
        length,
        next((f.detail["questions"] for f in facts if f.detail["questions"] is not None), None),
        facts[-1].detail["board"],
        course_of(facts),
        ids(facts),
    )
    return {days.day_of(opened.at): content}
