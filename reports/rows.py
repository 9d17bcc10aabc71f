"""Rows of frames as typed tuples, and the split of frames by member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl


class DayRow(NamedTuple):
    """One row of ``member-day``. Seconds; local day; moments UTC; ``course_id`` '' = over all courses."""

    member_id: str
    org_id: str
    course_id: str
    day: date
    study_seconds: float
    sessions: int
    answers: int
    correct: int
    graded: int
    active_seconds: float
    open_seconds: float
    events: int
    capped: int
    first_at: datetime | None
    last_at: datetime | None
    hour_seconds: Sequence[float]


class AnswerRow(NamedTuple):
    """One row of ``answers``: an answer that counts. ``at`` UTC; ``day`` local; scores in points."""

    member_id: str
    org_id: str
    course_id: str
    question_id: str
    exam_id: str
    attempt: int
    day: date
    at: datetime
    correct: bool | None
    score: float
    max_score: float
    response_ms: int | None
    response: Sequence[str]
    knowledge_points: Sequence[str]
    event_id: str


def day_rows(frame: pl.DataFrame) -> list[DayRow]:
    """Rows of a member-day frame in order of day and course."""
    ordered = frame.select(DayRow._fields).sort("day", "course_id")
    return [DayRow._make(row) for row in ordered.iter_rows()]


def answer_rows(frame: pl.DataFrame) -> list[AnswerRow]:
    """Rows of an answers frame in order of time."""
    ordered = frame.select(AnswerRow._fields).sort("at", "event_id")
    return [AnswerRow._make(row) for row in ordered.iter_rows()]


def by_member(frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """One frame a member; one pass over the frame, not one filter a member."""
    if frame.is_empty():
        return {}
    return {str(key[0]): part for key, part in frame.partition_by("member_id", as_dict=True).items()}
