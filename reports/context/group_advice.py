"""Suggestions for an organisation, each from a stated rule; they name nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.context.group_parts import PeopleLine
from reports.context.group_rows import MissedQuestion
from reports.context.quality import Quality
from reports.context.topics import Topic
from reports.text import Note, note

if TYPE_CHECKING:
    from reports.context.group import People

TOPICS = 3
MISSED_BY_MOST = 0.5
"""A question that more than half may have missed (lower limit) is first checked, then explained."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """A suggestion, and the id of what it is about ('' for the organisation itself)."""

    subject: str
    note: Note


def suggested(
    people: People,
    children: Sequence[PeopleLine],
    topics: Sequence[Topic],
    missed: Sequence[MissedQuestion],
    quality: Quality,
) -> tuple[Suggested, ...]:
    """Suggestions in the order in which a branch can act on them."""
    if people.active.hidden:
        return ()
    if not people.active.value:
        return (Suggested("", note("group_advice.no_records")),)
    found = []
    if people.silent.value:
        found.append(Suggested("", note("group_advice.silent", silent=people.silent)))
    found += [Suggested(c.id, note("group_advice.silent_child", name=c.name)) for c in children if c.silent]
    found += [
        Suggested(t.point_id, note("group_advice.topic", topic=t.title, course=t.course, accuracy=t.accuracy))
        for t in [t for t in topics if t.below][:TOPICS]
    ]
    hard = [q for q in missed if q.missed.low is not None and q.missed.low > MISSED_BY_MOST]
    if hard:
        text, share = hard[0].question, hard[0].missed
        found.append(Suggested(text.question_id, note("group_advice.hard", question=text.text, missed=share)))
    if quality.ungraded.value:
        found.append(Suggested("", note("group_advice.ungraded", ungraded=quality.ungraded)))
    if quality.rejected.value:
        found.append(Suggested("", note("group_advice.rejected", rejected=quality.rejected)))
    return tuple(found) or (Suggested("", note("group_advice.nothing")),)
