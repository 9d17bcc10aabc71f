"""What reports are made from: frames and reference data of one period, read once for all reports of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from reports.analytics.calibrations import NONE, Calibrations, with_rapid
from reports.analytics.practice import PointMastery, point_masteries, practice_sequences
from reports.catalogue import Catalogue
from reports.errors import ReportError
from reports.measures.suppression import DEFAULT_K
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
    (member_id '' where it can't be read). ``delivery``: one row a member with ``late`` and ``duplicates``
    in the period; ``None`` when the store doesn't say. ``thresholds``: of rapid answers, ms by question.
    ``unfinished``: exam attempts (member_id, exam_id, attempt) that go on after the period; they count in the next.
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
    def masteries(self) -> Mapping[str, Sequence[PointMastery]]:
        """Mastery by member, from practice up to the end of the period; made once for all reports of a run."""
        rows = with_rapid(self.answers, self.calibrations)
        found: dict[str, list[PointMastery]] = {}
        for one in point_masteries(practice_sequences(rows, self.catalogue), self.calibrations):
            found.setdefault(one.member_id, []).append(one)
        return found

    @property
    def zone(self) -> ZoneInfo:
        """The zone of local days."""
        return ZoneInfo(self.timezone)
