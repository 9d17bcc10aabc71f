"""Rows of frames as typed tuples, and the split of frames by member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """The rows of a frame with the columns of ``DayRow``."""
    return [DayRow._make(row) for row in frame.iter_rows()]


def answer_rows(frame: pl.DataFrame) -> list[AnswerRow]:
    """The rows of a frame with the columns of ``AnswerRow``."""
    return [AnswerRow._make(row) for row in frame.iter_rows()]


class ByMember(Mapping[str, pl.DataFrame]):
    """A frame that is sorted by member, as a frame of each: cut out when it is asked for, so that a frame of many
    members is not kept a second time."""

    def __init__(self, ordered: pl.DataFrame) -> None:
        self._ordered = ordered
        runs = ordered["member_id"].rle().struct.unnest()
        ends = runs["len"].cum_sum().to_list()
        self._parts = {m: (end - n, n) for m, n, end in zip(runs["value"], runs["len"], ends, strict=True)}

    def __getitem__(self, member_id: str) -> pl.DataFrame:
        return self._ordered.slice(*self._parts[member_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


def days_by_member(frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """A member-day frame by member, in order of day and course. One pass, not one filter a member."""
    return ByMember(frame.select(DayRow._fields).sort("member_id", "day", "course_id"))


def answers_by_member(frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """An answers frame by member, in order of time."""
    return ByMember(frame.select(AnswerRow._fields).sort("member_id", "at", "event_id"))
