"""Measures of one member beyond counts: mastery in practice, start and rhythm of courses, answers too fast to count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reports.analytics.attitude import hourly
from reports.analytics.practice import PointMastery
from reports.data import Content, ReportData
from reports.figures import Figure, share
from reports.measures.attitude import cramming, start_lag
from reports.measures.effort import DEFAULT_MS, effort, is_rapid
from reports.rows import AnswerRow, DayRow
from reports.text import Note, note
from schemas.days import LocalDays
from schemas.reference import Text

LEAST_ANSWERS = 3
"""Practised answers below which a probability of mastery says more about the parameters than about anybody."""
SUGGESTED = 2
"""Knowledge points that are suggested for practice at most."""


@dataclass(frozen=True, slots=True)
class PointLine:
    """Mastery of one knowledge point without rapid answers; ``with_rapid`` where those change it by a point."""

    title: Text
    answers: Figure
    mastery: Figure
    with_rapid: Figure | None
    mastered: bool
    fitted: bool


@dataclass(frozen=True, slots=True)
class CoursePlan:
    """A course with dates inside the period: when it was begun, and how much was left to the end."""

    title: Text
    lag: Figure
    started: bool
    cramming: Figure


@dataclass(frozen=True, slots=True)
class RapidAnswers:
    """Accuracy with and without answers too fast to have been read; only where they are 10 % or more."""

    rapid: Figure
    with_rapid: Figure
    without: Figure


@dataclass(frozen=True, slots=True)
class Measures:
    """What the page adds to counts. Empty where nothing is behind it."""

    points: tuple[PointLine, ...]
    plans: tuple[CoursePlan, ...]
    rapid: RapidAnswers | None


def member_measures(
    data: ReportData,
    content: Content,
    days: Sequence[DayRow],
    answers: Sequence[AnswerRow],
    masteries: Sequence[PointMastery],
) -> Measures:
    """From all ``days`` of the period, the ``answers`` in it about the content, and mastery over all contents."""
    points = () if content.kind == "exam" else _points(data, content, masteries)
    return Measures(points, _plans(data, content, days), _rapid(data.thresholds, answers))


def _points(data: ReportData, content: Content, masteries: Sequence[PointMastery]) -> tuple[PointLine, ...]:
    lines = []
    for one in masteries:
        m, known = one.mastery, data.catalogue.points.get(one.point_id)
        if m.p_without_rapid is None or m.p is None or m.n_kept < LEAST_ANSWERS:
            continue
        if content.kind == "course" and (known is None or known.course_id != content.id):
            continue
        changed = abs(m.p - m.p_without_rapid) >= 0.01
        lines.append(
            PointLine(
                data.catalogue.point(one.point_id),
                Figure("answers", m.n_kept),
                Figure("mastery", m.p_without_rapid),
                Figure("mastery", m.p) if changed else None,
                bool(m.mastered),
                one.parameters.version != "default",
            )
        )
    return tuple(lines)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _plans(data: ReportData, content: Content, days: Sequence[DayRow]) -> tuple[CoursePlan, ...]:
    """Courses that lie whole in the period, so that nothing of them is cut off; by id."""
    local = LocalDays(data.timezone)
    by_course: dict[str, list[DayRow]] = {}
    for row in days:
        if row.course_id and (content.kind != "course" or row.course_id == content.id):
            by_course.setdefault(row.course_id, []).append(row)
    lines = []
    for course_id, rows in sorted(by_course.items()) if content.kind != "exam" else ():
        course = data.catalogue.courses.get(course_id)
        if course is None or course.assigned_at is None or course.due_at is None:
            continue
        assigned, due = _ms(course.assigned_at), _ms(course.due_at)
        if local.date_of(assigned) < data.period.first or local.date_of(due - 1) > data.period.last:
            continue
        first = min((_ms(r.first_at) for r in rows if r.first_at is not None), default=None)
        lag = start_lag(first, assigned, due)
        late = cramming(hourly(local, ((r.day, r.hour_seconds) for r in rows)), assigned, due)
        if lag is not None:
            title = data.catalogue.course(course_id)
            lines.append(CoursePlan(title, Figure("start_lag", lag.value), lag.started, Figure("cramming", late)))
    return tuple(lines)


def _rapid(thresholds: Mapping[str, float], answers: Sequence[AnswerRow]) -> RapidAnswers | None:
    pairs = [(is_rapid(r.response_ms, thresholds.get(r.question_id, DEFAULT_MS)), r.correct) for r in answers]
    found = effort(pairs)
    if not found.show_both:
        return None
    kept = [correct for rapid, correct in pairs if correct is not None and rapid is not True]
    graded = [correct for _, correct in pairs if correct is not None]
    return RapidAnswers(
        Figure("rapid_answers", found.rapid),
        share("accuracy", sum(graded), len(graded)),
        share("accuracy", sum(kept), len(kept)),
    )


def mastery_advice(measures: Measures) -> list[Note]:
    """The knowledge points that practice would help most, with the figures that say so."""
    weak = sorted((p for p in measures.points if not p.mastered), key=lambda p: (p.mastery.value or 0, p.title.zh))
    return [
        note("advice.practise", topic=p.title, mastery=p.mastery, answers=p.answers)
        for p in weak[:SUGGESTED]
        if (p.mastery.value or 0) < 0.5
    ]
