"""Whose rows differ between two sets of data: what decides which changes of a group may be shown, and why they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import polars as pl

from reports.data import ReportData
from reports.population import Populations
from schemas.metrics import METRICS

_PLACE = ("org_id", "category")
_NOT_COMPARED = ("version", "hour_seconds", "response", "event_id", "contest")
"""Columns that change without a figure changing, or that say no more than others."""


class Where(NamedTuple):
    """Part of a report that a figure stands in; '' does not restrict. ``org``: an organisation and what is below."""

    org: str = ""
    course: str = ""
    exam: str = ""
    question: str = ""
    point: str = ""
    category: str = ""


class Sets(NamedTuple):
    """Members whose study days, answers, memberships, or rejected and late lines differ. ``known``: a figure depends on
    all of them and nothing else; otherwise on any of them, nobody knows on which."""

    days: frozenset[str]
    answers: frozenset[str]
    roster: frozenset[str]
    lines: frozenset[str]
    known: bool

    @property
    def size(self) -> int:
        """How many members at least are behind a change; 0 for nobody."""
        parts = self[:4]
        if self.known:
            return len(frozenset().union(*parts))
        return min((len(part) for part in parts if part), default=0)


class Needs(NamedTuple):
    """What of days and of answers a figure is made from, None where it does not look at them: ``x`` the sum of a
    column, ``#x`` in how many rows it says something (``#`` how many rows there are), ``!x`` in how many nothing,
    ``>x`` whether it is ever above 0, ``*`` everything."""

    days: frozenset[str] | None = None
    answers: frozenset[str] | None = None
    roster: bool = False
    lines: bool = False
    known: bool = True


def _days(*columns: str) -> Needs:
    return Needs(days=frozenset(columns))


def _answers(*columns: str) -> Needs:
    return Needs(answers=frozenset(columns))


ALL = frozenset({"*"})
METRIC: Mapping[str, Needs] = {
    "exam_ungraded": _answers("!correct"),
    "untimed": _answers("!response_ms"),
    "graded": _answers("#correct"),
    "correct": _answers("correct"),
    "active_members": _days(">events"),
    "silent_members": Needs(days=frozenset({">events"}), roster=True),
    "coverage": Needs(days=frozenset({">events"}), roster=True),
    "mean_study": _days("study_seconds", ">events"),
}
"""Figures that need less, or something else, than their declared source says."""
SOURCES: Mapping[str, Needs] = {
    "member_day.study_ms": _days("study_seconds"),
    "member_day.sessions": _days("sessions"),
    "member_day.hour_ms": _days("study_seconds"),
    "member_day.active_ms": _days("active_seconds", "open_seconds"),
    "member_day.capped": _days("capped"),
    "member_day.events": _days("events"),
    "answers.correct": _answers("correct", "#correct"),
    "answers.counted": _answers("#"),
    "answers.score_micro": _answers("score"),
    "answers.max_micro": _answers("max_score"),
    "answers.response_ms": _answers("response_ms", "#response_ms"),
    "answers.knowledge_points": _answers("correct", "#correct"),
    "roster": Needs(roster=True),
    "rejected_events": Needs(lines=True),
    "duplicates": Needs(lines=True),
    "events.received_at": Needs(lines=True),
}
"""Where a metric is declared to come from → what its changes depend on."""
UNKNOWN = Needs(ALL, ALL, roster=True, known=False)


def needs(metric_id: str) -> Needs:
    """What changes of a metric depend on: by the first of its declared sources that is known."""
    if metric_id in METRIC:
        return METRIC[metric_id]
    for source in re.split(r"[,;] ", METRICS[metric_id].source):
        if source in SOURCES and source != "roster":
            return SOURCES[source]
    return SOURCES.get(METRICS[metric_id].source, UNKNOWN)


@dataclass(frozen=True)
class Side:
    """One of the two sets of data."""

    data: ReportData

    @cached_property
    def populations(self) -> Populations:
        """Who belonged where."""
        return Populations(self.data.roster, self.data.period)

    @cached_property
    def days(self) -> pl.DataFrame:
        """Days as rows that can be compared."""
        return _plain(self.data.days)

    @cached_property
    def answers(self) -> pl.DataFrame:
        """Answers as rows that can be compared; those before the period stand in figures of members only."""
        return _plain(self.data.answers)

    def belonging(self, org: str, category: str) -> dict[str, object]:
        """How each member counts in an organisation (and what is below it), or anywhere; names do not matter."""
        if org:
            found = self.populations.of(org).members
            rows: dict[str, object] = {m: (b.row.category, b.exempt, b.since, b.until) for m, b in found.items()}
            return {m: r for m, r in rows.items() if not category or found[m].row.category == category}
        kept: dict[str, object] = {}
        for m in self.data.roster.members:
            place = m.org_id, m.category, m.role, m.status, m.valid_from, m.valid_to
            if category in ("", m.category):
                kept[m.member_id] = (kept.get(m.member_id), place)
        return kept

    def lines(self, org: str) -> frozenset[tuple[object, ...]]:
        """Member, what, how many: of lines that were rejected, late or repeated, of an organisation and what is below
        it or of all."""
        rejected, delivery = self.data.rejected, self.data.delivery
        if org:
            population = self.populations.of(org)
            rejected = population.lines(rejected)
            delivery = None if delivery is None else population.lines(delivery)
        found = set(rejected.group_by("member_id", "reason").len().iter_rows())
        if delivery is not None:
            sums = delivery.group_by("member_id").agg(pl.col("late").sum(), pl.col("duplicates").sum())
            found |= set(sums.filter((pl.col("late") > 0) | (pl.col("duplicates") > 0)).iter_rows())
        return frozenset(found)


class Moved:
    """Asks of any part of a report who is behind its changes."""

    def __init__(self, before: ReportData, after: ReportData) -> None:
        self.sides = Side(before), Side(after)
        self._kept: dict[tuple[object, ...], frozenset[str]] = {}

    def sets(self, where: Where, metric_id: str) -> Sets:
        """Members who are behind a change of the metric in that part."""
        need = needs(metric_id)
        narrow = bool(where.exam or where.question or where.point)
        # Figures of an exam, a question or a point have no days of study behind them.
        days = None if narrow else need.days
        return Sets(
            frozenset() if days is None else self._differing("days", where, days),
            frozenset() if need.answers is None else self._differing("answers", where, need.answers),
            self._moved(where) if need.roster else frozenset(),
            self._lines(where) if need.lines else frozenset(),
            need.known,
        )

    def _cached(self, key: tuple[object, ...], make: Callable[[], Iterable[str]]) -> frozenset[str]:
        if key not in self._kept:
            self._kept[key] = frozenset(make())
        return self._kept[key]

    def _moved(self, where: Where) -> frozenset[str]:
        """Who came, went, or is counted otherwise; in a part about some content, only those with records of it."""
        place = Where(org=where.org, category=where.category)
        found = self._cached(("moved", place), lambda: self._belonging(place))
        if place == where or not found:
            return found
        return found & self._cached(("rows", where), lambda: self._with_rows(where._replace(org="", category="")))

    def _belonging(self, where: Where) -> set[str]:
        one, other = (side.belonging(where.org, where.category) for side in self.sides)
        return {member for member in one.keys() | other.keys() if one.get(member) != other.get(member)}

    def _lines(self, where: Where) -> frozenset[str]:
        def differing() -> set[str]:
            one, other = (side.lines(where.org) for side in self.sides)
            return {str(row[0]) for row in one ^ other if row[0]}

        return self._cached(("lines", where.org), differing)

    def _differing(self, kind: str, where: Where, columns: frozenset[str]) -> frozenset[str]:
        """Members who add something else to the part than before, also because they came or went."""

        def differing() -> set[str]:
            one, other = (_totals(_part(getattr(side, kind), side, where), columns) for side in self.sides)
            rows = [a.join(b, on=a.columns, how="anti", nulls_equal=True) for a, b in ((one, other), (other, one))]
            return {m for row in rows for m in row["member_id"].unique()}

        return self._cached((kind, columns, where), differing)

    def causes(self, where: Where, sets: Sets) -> tuple[bool, bool, bool]:
        """Whether records, memberships, or lines are behind a change: somebody who only moved has the same records
        and lines as before, elsewhere."""
        wide = where._replace(org="", category="")
        people = sets.days | sets.answers
        records = people & (self._differing("days", wide, ALL) | self._differing("answers", wide, ALL))
        moved = self._moved(where) & (people | sets.roster | sets.lines)
        return bool(records), bool(moved), bool(sets.lines & self._lines(wide))

    def _with_rows(self, where: Where) -> set[str]:
        parts = [_part(getattr(side, kind), side, where) for side in self.sides for kind in ("days", "answers")]
        return {m for part in parts for m in part["member_id"].unique()}


def _totals(frame: pl.DataFrame, columns: frozenset[str]) -> pl.DataFrame:
    """What each member adds to a figure; members who add nothing are left out. Or all rows."""
    if columns == ALL:
        return frame.drop(_PLACE, strict=False)
    made = [_total(name).alias(name) for name in sorted(columns)]
    return frame.group_by("member_id").agg(made).filter(pl.any_horizontal(pl.col(n) != 0 for n in sorted(columns)))


def _total(name: str) -> pl.Expr:
    column = pl.col(name.lstrip("#!>")) if name != "#" else pl.col("member_id")
    if name.startswith("#"):
        return column.is_not_null().sum().cast(pl.Float64)
    if name.startswith("!"):
        return column.is_null().sum().cast(pl.Float64)
    if name.startswith(">"):
        return (column > 0).any().cast(pl.Float64)
    # Sums of floats in another order differ in their last digits.
    return column.cast(pl.Float64).sum().round(6)


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    kept = frame.drop(_NOT_COMPARED, strict=False)
    lists = [name for name, kind in kept.schema.items() if isinstance(kind, pl.List)]
    return kept.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join("\0") for name in lists)


def _part(frame: pl.DataFrame, side: Side, where: Where) -> pl.DataFrame:
    """The rows of a part of a report."""
    if where.org:
        frame = side.populations.of(where.org).rows(frame)
    if where.category:
        frame = frame.filter(pl.col("member_id").is_in(sorted(side.belonging(where.org, where.category))))
    if "question_id" not in frame.columns:
        # Days have a row over all courses beside those of each.
        return frame.filter(pl.col("course_id") == where.course)
    for value, column in (
        (where.course, "course_id"),
        (where.exam, "exam_id"),
        (where.question, "question_id"),
    ):
        if value:
            frame = frame.filter(pl.col(column) == value)
    if where.point:
        frame = frame.filter(pl.col("knowledge_points").str.split("\0").list.contains(where.point))
    return frame
