"""The evaluation report of one member: own feedback, never compared with anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from reports.context.activities import ActivityLine, own_activities
from reports.context.book import Book, make_book
from reports.context.change import Change
from reports.context.competence import CompetenceLine, member_competence
from reports.context.credit import CreditLine, member_lines
from reports.context.exams import ExamResult, exam_results
from reports.context.head import (
    CATEGORIES,
    NOBODY,
    ROLES,
    Head,
    make_head,
    named,
    organisation_path,
)
from reports.context.member_advice import advice
from reports.context.member_change import own_change, own_time_effect, own_trend
from reports.context.member_measures import Measures, mastery_advice, member_measures
from reports.context.quality import Deliveries, Quality, make_quality
from reports.context.time_effect import TimeEffect
from reports.context.topics import Topic, member_topics
from reports.context.trend import Trend
from reports.data import Content, Period, ReportData
from reports.effect import Effect, EffectFigures, effect
from reports.figures import Figure, ratio, share
from reports.measures.attitude import focus, hour_consistency, regularity
from reports.measures.effort import DEFAULT_MS, is_rapid
from reports.order import natural
from reports.parts import MemberRows
from reports.pattern import Pattern, pattern
from reports.rows import AnswerRow, DayRow
from reports.text import Note
from schemas.reference import Member, Text


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day with records; ``first`` and ``last`` are local clock times."""

    day: date
    first: str
    last: str
    study: Figure
    sessions: Figure
    answers: Figure
    accuracy: Figure


@dataclass(frozen=True, slots=True)
class CourseLine:
    """One course: its study and its effect, practice and exams together."""

    course_id: str
    title: Text
    study: Figure
    days: Figure
    sessions: Figure
    last_day: date
    effect: EffectFigures


@dataclass(frozen=True, slots=True)
class StudyFigures:
    """Time, and the separate indicators of how it was spent. They are never added up."""

    study: Figure
    days: Figure
    sessions: Figure
    session: Figure
    regularity: Figure
    hours: Figure
    focus: Figure
    effort: Figure
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class MemberReport:
    """Everything in a member's report. ``joined`` is set when the membership began in the period."""

    head: Head
    category: Text
    role: Text
    joined: date | None
    credit: tuple[CreditLine, ...]
    activities: tuple[ActivityLine, ...]
    study: StudyFigures
    effect: EffectFigures
    pattern: Pattern
    courses: tuple[CourseLine, ...]
    exams: tuple[ExamResult, ...]
    topics: tuple[Topic, ...]
    measures: Measures
    competence: tuple[CompetenceLine, ...]
    book: Book
    change: Change | None
    trend: Trend
    time_effect: TimeEffect
    advice: tuple[Note, ...]
    quality: Quality
    days: tuple[DayLine, ...]

    @property
    def silent(self) -> bool:
        """Whether there is no record at all."""
        return not self.head.events.value


def member_report(
    data: ReportData,
    deliveries: Deliveries,
    content: Content,
    member_id: str,
    own: MemberRows,
) -> MemberReport:
    """The context from one member's rows, restricted to no content yet."""
    period, zone = data.period, data.zone
    days, answers, earlier, masteries, cells = own
    course = data.study_course(content)
    about = [r for r in answers if _is_about(content, r)]
    inside = [r for r in about if r.day >= period.first]
    main = [r for r in days if r.course_id == course]
    sums = effect(inside)
    rows = data.roster.memberships(member_id)
    current = _membership(rows, period)
    figures = _study(data, rows, main, inside)
    book = make_book(data.catalogue, period, about, data.thresholds, data.end_ms)
    courses = _courses(data, content, days, inside)
    ago = [r for r in earlier if r.course_id == course]
    topics = member_topics(data.catalogue, inside, sums.accuracy.value)
    measures = member_measures(data, content, days, inside, masteries)
    events = sum(r.events for r in main)
    known = data.catalogue.questions
    quality = make_quality(
        deliveries.of_member(member_id),
        events=events,
        capped=sum(r.capped for r in main),
        untimed=sums.answers - sums.timed,
        ungraded=sums.answers - sums.graded,
        untitled=len({r.question_id for r in inside} - known.keys()),
    )
    return MemberReport(
        head=make_head(
            data,
            content,
            "member",
            member_id,
            current.name if current else member_id,
            organisation_path(data, current.org_id) if current else (),
            events,
            {member_id},
        ),
        category=named(CATEGORIES, current.category) if current else NOBODY,
        role=named(ROLES, current.role) if current else NOBODY,
        joined=_joined(rows, period),
        credit=member_lines(data.credit, member_id) if content.kind == "all" else (),
        activities=own_activities(data.families, member_id) if content.kind == "all" else (),
        study=figures,
        effect=sums.figures,
        pattern=_pattern(period, main, inside, zone),
        courses=courses,
        exams=exam_results(data.catalogue, about, period.first, data.unfinished_of(member_id)),
        topics=topics,
        measures=measures,
        competence=member_competence(data, cells) if content.kind == "all" else (),
        book=book,
        change=own_change(data.before.period, ago, about, main, inside) if data.before else None,
        trend=own_trend(period, inside, sums.accuracy),
        time_effect=own_time_effect((c.title, c.study, c.effect) for c in courses),
        advice=(*advice(figures.study, sums.figures, topics, book), *mastery_advice(measures)),
        quality=quality,
        days=_day_lines(main, inside, zone),
    )


def _is_about(content: Content, row: AnswerRow) -> bool:
    if content.kind == "all":
        return True
    return (row.course_id if content.kind == "course" else row.exam_id) == content.id


def _membership(rows: Sequence[Member], period: Period) -> Member | None:
    """The latest membership that had begun by the end of the period."""
    begun = [r for r in rows if r.valid_from is None or r.valid_from <= period.last]
    return begun[-1] if begun else (rows[0] if rows else None)


def _joined(rows: Sequence[Member], period: Period) -> date | None:
    start = rows[0].valid_from if rows else None
    return start if start and start > period.first else None


def _enrolled_days(rows: Sequence[Member], period: Period) -> list[date]:
    days = (period.first + timedelta(days=i) for i in range(period.days))
    spans = [(r.valid_from or date.min, r.valid_to or date.max) for r in rows]
    return [d for d in days if any(a <= d < b for a, b in spans)]


def _study(
    data: ReportData, rows: Sequence[Member], main: Sequence[DayRow], inside: Sequence[AnswerRow]
) -> StudyFigures:
    by_day = {r.day: r.study_seconds for r in main}
    seconds, sessions = sum(by_day.values()), sum(r.sessions for r in main)
    with_study = sorted({r.day for r in main if r.study_seconds > 0} | {r.day for r in inside})
    enrolled = sorted({*_enrolled_days(rows, data.period), *by_day})
    hours = _by_hour(main)
    consistency = hour_consistency((h + 0.5, s) for h, s in enumerate(hours))
    opened = sum(r.open_seconds for r in main)
    timed = [r for r in inside if r.response_ms]
    kept = sum(not is_rapid(r.response_ms, data.thresholds.get(r.question_id, DEFAULT_MS)) for r in timed)
    return StudyFigures(
        study=Figure("study_seconds", seconds),
        days=Figure("active_days", len(with_study)),
        sessions=Figure("sessions", sessions),
        session=ratio("session_seconds", seconds, sessions),
        regularity=Figure("regularity", regularity(by_day.get(d, 0.0) for d in enrolled)),
        hours=Figure("hour_consistency", consistency.r if consistency else None),
        focus=Figure("focus", focus(sum(r.active_seconds for r in main), opened)),
        effort=share("effort", kept, len(timed)),
        first_day=with_study[0] if with_study else None,
        last_day=with_study[-1] if with_study else None,
    )


def _by_hour(main: Sequence[DayRow]) -> list[float]:
    hours = [0.0] * 24
    for row in main:
        for hour, seconds in enumerate(row.hour_seconds):
            hours[hour] += seconds
    return hours


def _pattern(period: Period, main: Sequence[DayRow], inside: Sequence[AnswerRow], zone: ZoneInfo) -> Pattern:
    by_hour = [0] * 24
    for row in inside:
        by_hour[row.at.astimezone(zone).hour] += 1
    return pattern(period, {r.day: r.study_seconds for r in main}, _by_hour(main), by_hour)


def _courses(
    data: ReportData, content: Content, days: Sequence[DayRow], inside: Sequence[AnswerRow]
) -> tuple[CourseLine, ...]:
    """One line a course, by id; of a report about one content, only its course."""
    only = data.study_course(content)
    by_course: dict[str, tuple[list[DayRow], list[AnswerRow]]] = {}
    for row in days:
        if row.course_id and only in ("", row.course_id):
            by_course.setdefault(row.course_id, ([], []))[0].append(row)
    for answer in inside:
        by_course.setdefault(answer.course_id, ([], []))[1].append(answer)
    found = []
    for course_id in sorted(by_course, key=natural):
        studied, answered = by_course[course_id]
        with_study = {r.day for r in studied if r.study_seconds > 0} | {r.day for r in answered}
        if not with_study:
            continue
        found.append(
            CourseLine(
                course_id,
                data.catalogue.course(course_id),
                Figure("study_seconds", sum(r.study_seconds for r in studied)),
                Figure("active_days", len(with_study)),
                Figure("sessions", sum(r.sessions for r in studied)),
                max(with_study),
                effect(answered).figures,
            )
        )
    return tuple(found)


def _day_lines(main: Sequence[DayRow], inside: Sequence[AnswerRow], zone: ZoneInfo) -> tuple[DayLine, ...]:
    by_day: dict[date, list[AnswerRow]] = {}
    for row in inside:
        by_day.setdefault(row.day, []).append(row)
    return tuple(
        _day_line(row, effect(by_day.get(row.day, ())), zone)
        for row in main
        if row.study_seconds > 0 or row.day in by_day
    )


def _day_line(row: DayRow, sums: Effect, zone: ZoneInfo) -> DayLine:
    return DayLine(
        day=row.day,
        first=_clock(row.first_at, zone),
        last=_clock(row.last_at, zone),
        study=Figure("study_seconds", row.study_seconds),
        sessions=Figure("sessions", row.sessions),
        answers=Figure("answers", sums.answers),
        accuracy=sums.accuracy,
    )


def _clock(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}" if moment else ""
