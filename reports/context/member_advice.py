"""What a member could do next: a few helpful notes, each from a stated rule. Never about hours of the day,
never compared with others."""

from __future__ import annotations

from collections.abc import Sequence

from reports.context.book import Book
from reports.context.topics import Topic
from reports.effect import EffectFigures
from reports.figures import Figure
from reports.text import Note, note

TOPICS = 3
"""How many knowledge points are suggested at most: more would not be a next step."""


def advice(study: Figure, effect: EffectFigures, topics: Sequence[Topic], book: Book) -> tuple[Note, ...]:
    """Notes in the order in which they help."""
    if not study.value and not effect.answers.value:
        return (note("advice.no_records"),)
    notes = []
    if book.open.value:
        again = sum(e.same_again for e in book.open_entries)
        notes.append(note("advice.review_open", open=book.open))
        if again:
            notes.append(note("advice.same_option"))
    weak = sorted((t for t in topics if t.below), key=lambda t: (t.accuracy.value or 0, t.point_id))
    notes += [note("advice.topic", topic=t.title, course=t.course, accuracy=t.accuracy) for t in weak[:TOPICS]]
    if effect.ungraded.value:
        notes.append(note("advice.ungraded", ungraded=effect.ungraded))
    if not effect.answers.value:
        notes.append(note("advice.no_answers"))
    return tuple(notes) or (note("advice.nothing_open"),)
