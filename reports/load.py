"""Reads everything that a run of reports needs from the store, once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import polars as pl

from reports.analytics.calibrations import Calibrations, exam_models
from reports.attempts import attempts_after
from reports.catalogue import Catalogue, typed
from reports.data import Content, Period, ReportData
from reports.errors import ReportError
from schemas.reference import Course, Exam, KnowledgePoint, Question
from sinks.read import Filters, Reader, Scope


def load_catalogue(reader: Reader) -> Catalogue:
    """The catalogue as the store has it now."""
    return Catalogue.of(
        typed(Course, reader.reference("courses").iter_rows(named=True)),
        typed(Exam, reader.reference("exams").iter_rows(named=True)),
        typed(Question, reader.reference("questions").iter_rows(named=True)),
        typed(KnowledgePoint, reader.reference("knowledge_points").iter_rows(named=True)),
    )


def load(
    reader: Reader,
    scope: Scope,
    *,
    first: date | None = None,
    last: date | None = None,
    member: str | None = None,
    org: str | None = None,
    as_of: datetime | None = None,
) -> ReportData:
    """Frames of the period; without ``first`` or ``last`` it begins or ends with the data.

    ``member`` or ``org`` restricts what is read. ``as_of`` is printed as the cut-off, by default now.
    """
    generation = reader.generation()
    as_of = as_of or datetime.now(UTC)
    inside = Filters(first=first, last=last, member=member, org=org)
    days = reader.frame("member-day", scope, inside)
    answers = reader.frame("answers", scope, Filters(member=member, org=org))
    seen = days if first and last else reader.frame("branch-day", _not_own(scope), Filters(first=first, last=last))
    period = _period([days["day"], seen["day"]], first, last, as_of)
    filters = Filters(first=period.first, last=period.last, member=member, org=org)
    calibrations = Calibrations.of(reader.frame("calibrations", scope), reader.frame("thresholds", scope))
    found = ReportData(
        period=period,
        as_of=as_of,
        timezone=generation.timezone,
        generation=generation.number,
        days=days,
        answers=answers.filter(pl.col("day") <= period.last),
        unfinished=attempts_after(answers.filter(pl.col("day") > period.last)),
        rejected=reader.frame("rejected", scope, filters).select("member_id", "reason"),
        roster=reader.roster(),
        catalogue=load_catalogue(reader),
        delivery=reader.frame("delivery", scope, filters),
        thresholds={question: t.ms for question, t in calibrations.thresholds.items()},
        calibrations=calibrations,
        earlier_models=exam_models(reader.frame("calibrations-before", scope)),
    )
    if first is None:
        return found  # the period begins with the data: there is nothing before
    ago = period.before()
    return found.with_before(
        reader.frame("member-day", scope, Filters(first=ago.first, last=ago.last, member=member, org=org))
    )


def _not_own(scope: Scope) -> Scope:
    """The period is that of everybody's data, whoever the report is about; only two dates are taken from it."""
    return scope if scope.detail != "own" else Scope(None, "aggregate")


def _period(columns: Iterable[pl.Series], first: date | None, last: date | None, as_of: datetime) -> Period:
    """The days asked for; an end that is missing is that of the data, without data the day of ``as_of``."""
    seen = [day for column in columns for day in (column.min(), column.max()) if isinstance(day, date)]
    start = first or min([*seen, *([last] if last else [])], default=as_of.date())
    return Period(start, last or max([start, *seen], default=as_of.date()))


def check_content(data: ReportData, content: Content) -> None:
    """Raises ReportError when neither the catalogue nor the data know the course or exam."""
    if content.kind == "all":
        return
    known = data.catalogue.courses if content.kind == "course" else data.catalogue.exams
    column = "course_id" if content.kind == "course" else "exam_id"
    if content.id in known or content.id in data.answers[column]:
        return
    if content.kind == "course" and content.id in data.days["course_id"]:
        return
    raise ReportError(
        f"{content.kind} {content.id!r} is neither in the catalogue nor in the data",
        where=f"--{content.kind}",
        hint="`xuejing query questions` lists what there is",
    )
