"""What the events of one reflection count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import course_of, first, ids


def fold_reflection(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """One reflection, on the day of its first submission; submitting it again or replying again adds nothing.

    A reply counts from the first submission on. Replies without one stand on the day of the first, as no reflection.
    """
    submitted = first(facts, "submitted")
    opened = submitted or facts[0]
    reply = first(facts, "replied", opened.at) if submitted else None
    content = (
        len(facts),
        submitted is not None,
        reply is not None,
        opened.at,
        reply.at - opened.at if reply else None,
        course_of(facts),
        ids(facts),
    )
    return {days.day_of(opened.at): content}
