"""What reports are made from: frames and reference data of one period, read once for all reports of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from reports.analytics.calibrations import NONE, Calibrations
from reports.attempts import attempts_after, without_contests
from reports.catalogue import Catalogue
from reports.credit import CreditData
from reports.errors import ReportError
from reports.families import NO_FAMILIES, FamilyRows
from reports.improvements import Issue
from reports.measures.irt import Calibration
from reports.measures.suppression import DEFAULT_K
from reports.provenance import Provenance
from schemas.days import LocalDays
from schemas.reference import Roster

Detail = Literal["own", "named", "aggregate"]


@dataclass(frozen=True, slots=True)
class Period:
    """Local days ``first`` to ``last``, both included. Raises ReportError when they are in the wrong order."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ReportError(f"the period ends on {self.last}, before it begins on {self.first}", hint="swap them")

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """The period before, of the same kind: as many whole months before whole months, else as many days."""
        end = self.first - timedelta(days=1)
        if self.first.day == 1 and (self.last + timedelta(days=1)).day == 1:
            after = self.last + timedelta(days=1)
            months = 12 * (after.year - self.first.year) + after.month - self.first.month
            start = 12 * self.first.year + self.first.month - 1 - months
            return Period(date(start // 12, start % 12 + 1, 1), end)
        return Period(self.first - timedelta(days=self.days), end)


@dataclass(frozen=True, slots=True)
class Content:
    """What a report is about: everything, one course, or one exam."""

    kind: Literal["all", "course", "exam"] = "all"
    id: str = ""

    def rows(self, answers: pl.DataFrame) -> pl.DataFrame:
        """The answers about this content."""
        if self.kind == "all":
            return answers
        return answers.filter(pl.col("course_id" if self.kind == "course" else "exam_id") == self.id)


EVERYTHING = Content()


@dataclass(frozen=True, slots=True)
class Policy:
    """Who the reports are for. ``k``: smallest number of members behind a figure about a group.

    ``detail`` "named" lists members without records by name in the report of their own branch;
    "aggregate" never names anybody and withholds whole groups below k.
    """

    detail: Detail = "named"
    k: int = DEFAULT_K


@dataclass(frozen=True)
class ReportData:
    """Frames have the columns of the queries of the same name.

    ``days``: member-day rows inside the period. ``answers``: counted answers up to the end of the period,
    earlier ones too, because a wrong question may have been opened before. ``rejected``: one row a line
    (member_id '' where it can't be read). ``delivery``: one row a member and day with ``late`` and ``duplicates``
    in the period; ``None`` when the store doesn't say. Of reports that were issued when these two did not say where a
    member belonged, they have neither ``org_id`` nor ``day``. ``thresholds``: of rapid answers, ms by question.
    ``unfinished``: exam attempts (member_id, exam_id, attempt) that go on after the period; they count in the next.
    ``earlier_models``: of exams that were calibrated more than once the calibration before the latest.
    ``before``: the period before; ``None`` where it is not compared, or has no records. ``provenance``: which
    imports and calibrations, and the hash of all this. ``credit``: credit hours, see ``reports/credit.py``; ``None``
    where they were not asked for. ``contested``: members who have asked for a correction that was not decided yet.
    ``families``: rows of the further families that are shown, of the period. ``issues``: improvements as they stood at
    its end. ``node``: the organisation of the scope that rows were read for; None where the member reads them, and for
    the local operator, who makes each member's own page.
    ``surveys``: see ``reports/surveys.py``.
    """

    period: Period
    as_of: datetime
    timezone: str
    generation: int
    days: pl.DataFrame
    answers: pl.DataFrame
    rejected: pl.DataFrame
    roster: Roster
    catalogue: Catalogue
    delivery: pl.DataFrame | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    calibrations: Calibrations = NONE
    unfinished: pl.DataFrame = field(default_factory=pl.DataFrame)
    earlier_models: Mapping[str, Calibration] = field(default_factory=dict)
    before: ReportData | None = None
    provenance: Provenance | None = None
    credit: CreditData | None = None
    contested: frozenset[str] = frozenset()
    families: FamilyRows = NO_FAMILIES
    issues: tuple[Issue, ...] = ()
    node: str | None = None
    surveys: pl.DataFrame = field(default_factory=pl.DataFrame)

    def with_before(self, days: pl.DataFrame) -> ReportData:
        """With the period before, as it is known now; ``days``: its member-day rows. As it is without any record there.

        What only tells how the present period was delivered is not in it.
        """
        period = self.period.before()
        answers = self.answers.filter(pl.col("day") <= period.last)
        if days.is_empty() and answers.filter(pl.col("day") >= period.first).is_empty():
            return self
        later = attempts_after(self.answers.filter(pl.col("day") > period.last))
        going_on = [later, self.unfinished.select(later.columns)] if self.unfinished.width else [later]
        earlier = replace(
            self,
            period=period,
            days=days,
            answers=answers,
            rejected=self.rejected.clear(),
            delivery=None,
            unfinished=pl.concat(going_on).unique().sort(later.columns),
            surveys=pl.DataFrame(),
        )
        return replace(self, before=earlier)

    @cached_property
    def told(self) -> pl.DataFrame:
        """The answers that a page about one member may show: others are not told what was answered in contests."""
        return self.answers if self.node is None else without_contests(self.answers)

    def study_course(self, content: Content) -> str:
        """Whose study time belongs to a content: '' = over all courses; of an exam, its course."""
        if content.kind != "exam":
            return content.id
        if (exam := self.catalogue.exams.get(content.id)) is not None:
            return exam.course_id
        courses = self.answers.filter(pl.col("exam_id") == content.id)["course_id"]
        return str(courses.min()) if len(courses) else ""

    def knows(self, member_id: str) -> bool:
        """Whether the roster or the data have the member."""
        seen = (self.days["member_id"], self.answers["member_id"])
        return self.roster.known(member_id) or any(member_id in column for column in seen)

    @cached_property
    def _unfinished(self) -> dict[str, set[tuple[str, int]]]:
        found: dict[str, set[tuple[str, int]]] = {}
        for member_id, exam_id, attempt in self.unfinished.iter_rows():
            found.setdefault(member_id, set()).add((exam_id, attempt))
        return found

    def unfinished_of(self, member_id: str) -> Collection[tuple[str, int]]:
        """(exam, attempt) of the member's attempts that go on after the period."""
        return self._unfinished.get(member_id, ())

    @cached_property
    def end_ms(self) -> int:
        """The end of the period, or the cut-off where that is earlier, in ms since 1970 (UTC)."""
        _, end = LocalDays(self.timezone).span(self.period.last, self.period.last)
        return min(round(self.as_of.timestamp() * 1000), end)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of local days."""
        return ZoneInfo(self.timezone)
