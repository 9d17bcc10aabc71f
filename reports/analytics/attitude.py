"""Attitude of each member in each course and over all: separate indicators, side by side, never added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

import polars as pl

from reports.analytics.exams import attempt_shares
from reports.catalogue import Catalogue
from reports.measures.attitude import burstiness, cramming, focus, gini, hour_consistency, regularity, start_lag
from schemas.days import LocalDays, day_number
from schemas.reference import Course, Member, Roster, Unit

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Attitude:
    """One member in one course ('' = over all courses). None where an indicator is undefined.

    ``study_seconds``; ``days``: enrolled days behind regularity and Gini; ``active_days``: of these, with study;
    ``mean_hour``: local, 0..24. ``started`` False: the due date went by without any study (lag 1); None: no dates.
    ``units_complete`` of ``units``: gone through, and the required quiz passed.
    """

    member_id: str
    course_id: str
    study_seconds: float
    days: int
    active_days: int
    regularity: float | None
    gini: float | None
    hour_consistency: float | None
    mean_hour: float | None
    burstiness: float | None
    cramming: float | None
    start_lag: float | None
    started: bool | None
    focus: float | None
    completion: float | None
    units_complete: int | None
    units: int | None


@dataclass(frozen=True)
class AttitudeData:
    """What the indicators are made from. ``days``: a member-day frame of ``first`` to ``last``; ``opened``: seconds
    by (member, course, unit); ``passed``: (member, exam) with at least the pass share of the paper's points."""

    days: pl.DataFrame
    roster: Roster
    catalogue: Catalogue
    units: Mapping[str, Sequence[Unit]]
    opened: Mapping[tuple[str, str, str], float]
    passed: frozenset[tuple[str, str]]
    local: LocalDays
    first: date
    last: date
    as_of_ms: int


_Row: TypeAlias = tuple[date, float, float, float, Sequence[float], int | None]
"""Day, seconds of study, of time in focus and of open time, by hour, and the first instant (ms UTC)."""


def attitudes(data: AttitudeData, members: Iterable[str], course: str | None = None) -> list[Attitude]:
    """Every given member: over all courses, in each course with records, and in each course assigned to them.

    ``course`` restricts to one course, or to '' (over all).
    """
    rows: dict[str, dict[str, list[_Row]]] = {}
    columns = ("day", "study_seconds", "active_seconds", "open_seconds", "hour_seconds")
    wanted = data.days.select("member_id", "course_id", *columns, pl.col("first_at").dt.epoch("ms")).sort("day")
    for member, of_course, *row in wanted.iter_rows():
        rows.setdefault(member, {}).setdefault(of_course, []).append(tuple(row))
    found = []
    for member in sorted(set(members)):
        memberships = data.roster.memberships(member)
        own = rows.get(member, {})
        courses = {*own} if course is None else {course}
        if course is None:
            assigned = (c for c in data.catalogue.courses.values() if _assigned(data, member, c))
            courses |= {"", *(c.course_id for c in assigned)}
        enrolled = _Enrolled(data, memberships)
        found += [_attitude(data, member, one, enrolled, own.get(one, [])) for one in sorted(courses)]
    return found


def _assigned(data: AttitudeData, member: str, course: Course) -> bool:
    if course.assigned_at is None or course.due_at is None:
        return False
    day = data.local.date_of(_ms(course.assigned_at))
    return day <= data.last and data.roster.in_audience(member, course.audience, max(day, data.first))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _attitude(
    data: AttitudeData,
    member: str,
    course_id: str,
    enrolled: _Enrolled,
    rows: Sequence[_Row],
) -> Attitude:
    course = data.catalogue.courses.get(course_id)
    assigned = _ms(course.assigned_at) if course and course.assigned_at else None
    due = _ms(course.due_at) if course and course.due_at else None
    seconds = {day: study for day, study, *_ in rows if study > 0}
    days = enrolled.days(assigned, due) if enrolled.memberships else sorted(seconds)
    daily = [seconds.get(day, 0.0) for day in days]
    by_hour = [sum(row[4][h] for row in rows) for h in range(24)]
    hours = hour_consistency((h + 0.5, s) for h, s in enumerate(by_hour))
    studied = sorted(seconds)
    lag = late = None
    if assigned is not None and due is not None:
        begun = min((first for *_, first in rows if first is not None), default=None)
        lag = start_lag(begun, assigned, due, data.as_of_ms)
        late = cramming(hourly(data.local, ((row[0], row[4]) for row in rows)), assigned, due)
    opened = sum(row[3] for row in rows)
    covered, complete, units = _completion(data, member, course_id)
    return Attitude(
        member_id=member,
        course_id=course_id,
        study_seconds=round(sum(seconds.values()), 3),
        days=len(days),
        active_days=sum(s > 0 for s in daily),
        regularity=regularity(daily),
        gini=gini(daily),
        hour_consistency=hours.r if hours else None,
        mean_hour=hours.mean_hour if hours else None,
        burstiness=burstiness((b - a).days for a, b in pairwise(studied)),
        cramming=late,
        start_lag=lag.value if lag else None,
        started=lag.started if lag else None,
        focus=focus(sum(row[2] for row in rows), opened),
        completion=covered,
        units_complete=complete,
        units=units,
    )


class _Enrolled:
    """Days of the period on which a member belonged somewhere. Kept, as most courses ask for the same ones."""

    def __init__(self, data: AttitudeData, memberships: Sequence[Member]) -> None:
        self.memberships = memberships
        self._data = data
        self._spans = [(m.valid_from or date.min, m.valid_to or date.max) for m in memberships]
        self._known: dict[tuple[date, date], list[date]] = {}

    def days(self, assigned: int | None, due: int | None) -> list[date]:
        """Those on which a course was on: from and until ms UTC, None where it is open."""
        data = self._data
        first = data.first if assigned is None else max(data.first, data.local.date_of(assigned))
        last = data.last if due is None else min(data.last, data.local.date_of(due - 1))
        found = self._known.get((first, last))
        if found is None:
            every = (first + i * DAY for i in range(max(0, (last - first).days + 1)))
            found = [d for d in every if any(a <= d < b for a, b in self._spans)]
            self._known[first, last] = found
        return found


def hourly(local: LocalDays, rows: Iterable[tuple[date, Sequence[float]]]) -> Iterable[tuple[int, int]]:
    """Study as intervals, to the hour: what was studied in an hour is put at its beginning.

    ``rows``: local days with their 24 sums in seconds. Intervals are [start, end) in ms UTC.
    """
    for day, seconds in rows:
        for start, end, hour in local.hours(day_number(day)):
            if seconds[hour] > 0:
                yield start, min(end, start + round(seconds[hour] * 1000))


def _completion(data: AttitudeData, member: str, course_id: str) -> tuple[float | None, int | None, int | None]:
    """(mean covered share, units complete, units) of the units whose length is known; None without any."""
    units = [u for u in data.units.get(course_id, ()) if u.length_ms]
    if not units:
        return None, None, None
    covered = complete = 0.0
    for unit in units:
        share = min(1.0, 1000 * data.opened.get((member, course_id, unit.unit_id), 0.0) / (unit.length_ms or 1))
        covered += share
        complete += share >= 1 and (not unit.quiz_exam_id or (member, unit.quiz_exam_id) in data.passed)
    return covered / len(units), int(complete), len(units)


def passed_exams(answers: pl.DataFrame, catalogue: Catalogue, pass_share: float) -> frozenset[tuple[str, str]]:
    """(member, exam) with at least ``pass_share`` (0..1) of the paper's points in some attempt."""
    return frozenset(
        (member, exam) for member, exam, _, share in attempt_shares(answers, catalogue) if share >= pass_share - 1e-9
    )
