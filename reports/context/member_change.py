"""A member in this period and the one before: own progress, compared with nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.context.change import Change, ChangeLine, lines, share_line
from reports.context.time_effect import TimeEffect, by_course
from reports.context.trend import Trend, trend
from reports.data import Period
from reports.effect import EffectFigures
from reports.figures import Figure
from reports.measures.change import Sums
from reports.pattern import monday
from reports.rows import AnswerRow, DayRow
from schemas.reference import Text


def own_change(
    before: Period,
    earlier: Sequence[DayRow],
    answers: Iterable[AnswerRow],
    now: Sequence[DayRow],
    inside: Iterable[AnswerRow],
) -> Change | None:
    """From member-day rows and answers about the content in either period; None where the earlier has none.

    Study time is recorded whole, so that its change has no interval; that of the share right goes by questions.
    """
    then = [r for r in answers if before.first <= r.day <= before.last]
    was, done = sum(r.study_seconds for r in earlier), sum(r.study_seconds for r in now)
    if not then and not was:
        return None
    study = ChangeLine(
        Figure("study_seconds", was), Figure("study_seconds", done), Figure("study_change", done - was), ""
    )
    return Change(before.first, before.last, lines([study, share_line("accuracy", _right(then), _right(inside))]), ())


def _right(rows: Iterable[AnswerRow]) -> Sums:
    """Right of graded answers by question."""
    found: dict[str, tuple[float, float]] = {}
    for row in rows:
        if row.correct is not None:
            x, n = found.get(row.question_id, (0.0, 0.0))
            found[row.question_id] = x + row.correct, n + 1
    return found


def own_trend(period: Period, inside: Iterable[AnswerRow], overall: Figure) -> Trend:
    """The share right week by week."""
    weeks: dict[object, list[int]] = {}
    for row in inside:
        if row.correct is not None:
            cell = weeks.setdefault(monday(row.day), [0, 0])
            cell[0] += row.correct
            cell[1] += 1
    return trend(period, {week: (x, n, 1) for week, (x, n) in weeks.items()}, overall)  # type: ignore[misc]


def own_time_effect(courses: Iterable[tuple[Text, Figure, EffectFigures]]) -> TimeEffect:
    """Study time and share right by course."""
    return by_course((title, study, effect.accuracy) for title, study, effect in courses)
