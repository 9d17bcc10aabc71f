"""Reads everything that a run of reports needs from the store, once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl

from reports.analytics.calibrations import Calibrations, exam_models
from reports.attempts import attempts_after, of_exams
from reports.catalogue import Catalogue, typed
from reports.credit import load_credit
from reports.data import Content, Period, ReportData
from reports.errors import ReportError
from reports.families import load_families
from reports.improvements import load_issues
from reports.issued.frames import content_hash
from reports.issued.source import Recorder, Snapshot, Source
from reports.provenance import Edition, Provenance
from reports.surveys import load_surveys
from schemas.credit import CreditPolicy
from schemas.reference import Competence, Course, Exam, KnowledgePoint, Question
from sinks.read import ALL_ANSWERS, Filters, Scope


def load_catalogue(reader: Source) -> Catalogue:
    """The catalogue as the source has it."""
    return Catalogue.of(
        typed(Course, reader.reference("courses").iter_rows(named=True)),
        typed(Exam, reader.reference("exams").iter_rows(named=True)),
        typed(Question, reader.reference("questions").iter_rows(named=True)),
        typed(KnowledgePoint, reader.reference("knowledge_points").iter_rows(named=True)),
        typed(Competence, reader.reference("competences").iter_rows(named=True)),
    )


def load(
    reader: Source,
    scope: Scope,
    *,
    first: date | None = None,
    last: date | None = None,
    member: str | None = None,
    org: str | None = None,
    as_of: datetime | None = None,
    credit: CreditPolicy | None = None,
) -> ReportData:
    """Frames of the period; without ``first`` or ``last`` it begins or ends with the data.

    ``member`` or ``org`` restricts what is read. ``as_of`` is printed as the cut-off, by default now.
    ``credit``: what credit hours are counted by, and which further families are shown; without it there are none.
    """
    as_of = as_of or datetime.now(UTC)
    period = period_of(reader, scope, first=first, last=last, member=member, org=org, as_of=as_of)
    # A period that begins with the data has nothing before it.
    return recorded(
        reader, scope, period, member=member, org=org, as_of=as_of, before=first is not None, credit=credit
    )[0]


def period_of(
    reader: Source,
    scope: Scope,
    *,
    first: date | None,
    last: date | None,
    member: str | None = None,
    org: str | None = None,
    as_of: datetime,
) -> Period:
    """The period asked for; where an end is missing, that of the data."""
    if first and last:
        return Period(first, last)
    days = reader.frame("recorded-days", scope, Filters(first=first, last=last, member=member, org=org))
    seen = reader.frame("recorded-days", _not_own(scope), Filters(first=first, last=last))
    return _period([*days.row(0)[:2], *seen.row(0)[2:]], first, last, as_of)


def recorded(
    reader: Source,
    scope: Scope,
    period: Period,
    *,
    member: str | None = None,
    org: str | None = None,
    as_of: datetime,
    before: bool = True,
    edition: Edition | None = None,
    data_hash: str = "",
    credit: CreditPolicy | None = None,
    surveys: bool = True,
) -> tuple[ReportData, Snapshot]:
    """What reports are made from, and a record of all that was read for it. ``before``: also the days of the period
    before, to compare with. ``edition``: of an issued report.

    Everything is read through the recorder: what is not, an issued report could not be made from again.
    ``data_hash`` is what is printed instead of the hash of the record: that of data which was erased in part since.
    ``surveys``: their results too, where they are shown.
    """
    one = member or scope.member_id
    asked = Recorder(reader, None if one is None else {one})
    generation = asked.generation()
    filters = Filters(first=period.first, last=period.last, member=member, org=org)
    answers = asked.frame(ALL_ANSWERS, scope, Filters(member=member, org=org))
    calibrations = Calibrations.of(asked.frame("calibrations", scope), asked.frame("thresholds", scope))
    data = ReportData(
        period=period,
        as_of=as_of,
        timezone=generation.timezone,
        generation=generation.number,
        node=scope.node,
        days=asked.frame("member-day", scope, filters),
        answers=answers.filter(pl.col("day") <= period.last),
        unfinished=attempts_after(answers.filter(pl.col("day") > period.last)),
        rejected=asked.frame("rejected", scope, filters),
        roster=asked.roster(),
        catalogue=load_catalogue(asked),
        delivery=asked.frame("delivery", scope, filters),
        thresholds={question: t.ms for question, t in calibrations.thresholds.items()},
        calibrations=calibrations,
        earlier_models=exam_models(asked.frame("calibrations-before", scope)),
    )
    if before:
        ago = period.before()
        earlier = Filters(first=ago.first, last=ago.last, member=member, org=org)
        data = data.with_before(asked.frame("member-day", scope, earlier))
    if credit is not None:
        found = load_credit(asked, scope, period.first, period.last, credit, member=member, org=org, roster=data.roster)
        data = replace(data, credit=found, families=load_families(asked, scope, filters, credit.families))
        if member is None:
            found_issues = load_issues(asked, scope, period.last, org, credit.families, data.zone)
            data = replace(data, issues=found_issues)
        if member is None and surveys:
            today = as_of.astimezone(data.zone).date()
            found_surveys = load_surveys(asked, scope, period.first, period.last, today, credit.families)
            data = replace(data, surveys=found_surveys)
    snapshot = asked.snapshot()
    made = sum(calibrations.versions.values()) + sum(t.version for t in calibrations.thresholds.values())
    provenance = Provenance(
        roster=str(snapshot.imports.get("roster", 0)),
        catalogue=str(snapshot.imports.get("catalogue", 0)),
        calibrations=str(made),
        thresholds=generation.rules,
        data_hash=data_hash or content_hash(snapshot),
        edition=edition,
    )
    return replace(data, provenance=provenance), snapshot


def signed(data: ReportData, made_by: str, purpose: str) -> ReportData:
    """The same, saying by whom it is made and for what; '' says nothing."""
    assert data.provenance is not None
    return replace(data, provenance=replace(data.provenance, made_by=made_by or None, purpose=purpose or None))


def _not_own(scope: Scope) -> Scope:
    """The period is that of everybody's data, whoever the report is about; only two dates are taken from it: of
    those who belonged somewhere, as their organisations' own reports have them."""
    return scope if scope.detail != "own" else Scope(None, "aggregate")


def _period(ends: Iterable[date | None], first: date | None, last: date | None, as_of: datetime) -> Period:
    """The days asked for; an end that is missing is that of the data, without data the day of ``as_of``."""
    seen = [day for day in ends if day is not None]
    start = first or min([*seen, *([last] if last else [])], default=as_of.date())
    return Period(start, last or max([start, *seen], default=as_of.date()))


def check_content(data: ReportData, content: Content) -> None:
    """Raises ReportError when neither the catalogue nor the data know the course or exam."""
    if content.kind == "all":
        return
    if content.kind == "course":
        known = content.id in data.catalogue.courses or content.id in data.answers["course_id"]
        if known or content.id in data.days["course_id"]:
            return
    elif content.id in data.catalogue.exams or content.id in of_exams(data.answers)["exam_id"]:
        return
    raise ReportError(
        f"{content.kind} {content.id!r} is neither in the catalogue nor in the data",
        where=f"--{content.kind}",
        hint="`xuejing query questions` lists what there is",
    )
