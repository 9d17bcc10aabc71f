"""What the analytics read: the frames of one question, each read once, all with the scope that was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import msgspec
import polars as pl

from reports.analytics.calibrations import Calibrations, exam_models, with_rapid
from reports.attempts import without_contests
from reports.catalogue import Catalogue
from reports.data import Period
from reports.load import load_catalogue
from reports.measures.irt import Calibration
from reports.measures.suppression import DEFAULT_K
from reports.population import Populations
from schemas.credit import CreditPolicy
from schemas.days import LocalDays
from schemas.reference import Roster, Unit
from schemas.settings import DEFAULT_PASS_SHARE
from sinks.read import ALL_ANSWERS, Filters, Reader, Scope


@dataclass(frozen=True)
class Inputs:
    """Reads for one scope and one set of filters. Frames are those of the queries of the same name.

    A scope of aggregates reads named rows of its own node: what leaves the analytics for it are figures about
    groups of k members or more, never rows of members. ``pass_share``: share of an exam's points from which it
    counts as passed. ``k``: figures about fewer members are withheld.
    """

    reader: Reader
    scope: Scope
    filters: Filters
    pass_share: float = DEFAULT_PASS_SHARE
    credit_policy: CreditPolicy | None = None
    k: int = DEFAULT_K

    @cached_property
    def credit(self) -> CreditPolicy:
        """What credit hours are counted by."""
        return self.credit_policy or CreditPolicy.of()

    @property
    def rows_scope(self) -> Scope:
        """The scope in which rows are read."""
        return replace(self.scope, detail="named") if self.scope.detail == "aggregate" else self.scope

    def frame(self, name: str, *without: str) -> pl.DataFrame:
        """A query's rows, with the filters except ``without``."""
        filters = replace(self.filters, **dict.fromkeys(without)) if without else self.filters
        return self.reader.frame(name, self.rows_scope, filters)

    @cached_property
    def answers(self) -> pl.DataFrame:
        """Counted answers of the filters that the scope is told of by member, as the query ``answers`` gives them, with
        ``rapid``."""
        return self._every if self.scope.detail == "own" else without_contests(self._every)

    @cached_property
    def counted(self) -> pl.DataFrame:
        """Those given in contests too, for figures over answers; not where one member or one exam is asked for."""
        one = self.filters.member is not None or self.filters.exam is not None
        return self.answers if one else self._every

    @cached_property
    def _every(self) -> pl.DataFrame:
        return with_rapid(self.frame(ALL_ANSWERS), self.calibrations)

    @cached_property
    def history(self) -> pl.DataFrame:
        """Counted answers up to the last day of the filters, earlier ones included, with ``rapid``."""
        return with_rapid(self.frame("answers", "first"), self.calibrations)

    @cached_property
    def days(self) -> pl.DataFrame:
        """Member days."""
        return self.frame("member-day", "exam")

    @cached_property
    def calibrations(self) -> Calibrations:
        """What is calibrated now."""
        calibrations = self.reader.frame("calibrations", self.rows_scope)
        return Calibrations.of(calibrations, self.reader.frame("thresholds", self.rows_scope))

    @cached_property
    def earlier_models(self) -> Mapping[str, Calibration]:
        """Of each exam that was calibrated more than once the calibration before the latest."""
        return exam_models(self.reader.frame("calibrations-before", self.rows_scope))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Titles, papers and questions."""
        return load_catalogue(self.reader)

    @cached_property
    def units(self) -> Mapping[str, list[Unit]]:
        """Units by course."""
        found: dict[str, list[Unit]] = {}
        for row in self.reader.reference("units").to_dicts():
            unit = msgspec.convert({k: v for k, v in row.items() if v is not None}, Unit)
            found.setdefault(unit.course_id, []).append(unit)
        return found

    @cached_property
    def roster(self) -> Roster:
        """The dated roster, of the members that the scope and the filters show on any day."""
        if self.scope.node is None and self.scope.member_id is None and not {"org", "member"} & self.filters.given():
            return self.reader.roster()
        shown = self.frame("members", "course", "exam", "first", "last")
        return self.reader.roster(sorted({*shown["member_id"], *self.days["member_id"]}))

    @cached_property
    def local_days(self) -> LocalDays:
        """Days of the generation's zone."""
        return LocalDays(self.reader.generation().timezone)

    def period(self) -> tuple[date, date] | None:
        """The days asked for, else those that have records; None without any."""
        first, last = self.filters.first, self.filters.last
        if first is not None and last is not None:
            return first, last
        low, high = self.days["day"].min(), self.days["day"].max()
        if not isinstance(low, date) or not isinstance(high, date):
            return None
        return first or low, last or high

    def populations(self) -> Populations | None:
        """Who belonged where in the period, as reports count them; None without a period."""
        period = self.period()
        return None if period is None else Populations(self.roster, Period(*period))
