"""Parts of group reports that are about the members of a node: categories, branches below, silent members."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from statistics import quantiles

import polars as pl

from reports.context.cells import hide_small, shown_parts
from reports.context.head import CATEGORIES, KINDS, named, organisation_name
from reports.data import ReportData
from reports.figures import Figure, ratio, share, withheld
from reports.population import Belonging, Population
from schemas.metrics import METRICS
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class Sums:
    """Per member of a node and content: study seconds, events, and right of graded answers."""

    study: Mapping[str, float]
    events: Mapping[str, int]
    graded: Mapping[str, tuple[int, int]]

    @property
    def active(self) -> set[str]:
        """Members with an event that counts."""
        return {m for m, n in self.events.items() if n > 0} | self.graded.keys()


@dataclass(frozen=True, slots=True)
class PeopleLine:
    """Members of one category, or of one organisation below. ``hidden`` withholds what they did."""

    id: str
    name: Text
    kind: Text
    members: Figure
    active: Figure
    coverage: Figure
    mean_study: Figure
    accuracy: Figure
    hidden: bool
    silent: bool


@dataclass(frozen=True, slots=True)
class SilentMember:
    """A member without records. ``joined`` is set when the membership began in the period."""

    member_id: str
    name: str
    category: Text
    joined: date | None


def member_sums(days: pl.DataFrame, answers: pl.DataFrame) -> Sums:
    """From member-day rows of one content and the answers about it."""
    studied = (
        days.group_by("member_id").agg(pl.col("study_seconds").sum().round(3), pl.col("events").sum()).sort("member_id")
    )
    correct = pl.col("correct")
    graded = (
        answers.group_by("member_id")
        .agg(correct.fill_null(False).sum().alias("x"), correct.is_not_null().sum().alias("n"))
        .sort("member_id")
    )
    return Sums(
        {m: s for m, s, _ in studied.iter_rows()},
        {m: n for m, _, n in studied.iter_rows()},
        {m: (x, n) for m, x, n in graded.iter_rows()},
    )


def coverage_of(members: Mapping[str, Belonging], active: Iterable[str]) -> Figure:
    """Active of all, exempt members left out of both."""
    counted = {m for m, b in members.items() if not b.exempt}
    return share("coverage", len(counted & set(active)), len(counted))


def _line(
    line: tuple[str, Text, Text], members: Mapping[str, Belonging], sums: Sums, shown: bool, answers_shown: bool
) -> PeopleLine:
    ids = members.keys()
    active = sums.active & ids
    right = [sums.graded[m] for m in ids & sums.graded.keys()]
    accuracy = share("accuracy", sum(x for x, _ in right), sum(n for _, n in right))
    return PeopleLine(
        *line,
        members=Figure("members", len(members)),
        active=Figure("active_members", len(active)) if shown else withheld("active_members"),
        coverage=coverage_of(members, active) if shown else withheld("coverage"),
        mean_study=ratio("mean_study", math.fsum(sums.study.get(m, 0.0) for m in active), len(active))
        if shown
        else withheld("mean_study"),
        accuracy=accuracy if shown and answers_shown else withheld("accuracy"),
        hidden=not shown,
        silent=not active,
    )


def category_lines(members: Mapping[str, Belonging], sums: Sums, k: int) -> tuple[PeopleLine, ...]:
    """One line a member category, in the roster's order of categories; small ones withheld, with one more
    where the total would give them back."""
    groups: dict[str, dict[str, Belonging]] = {}
    for member, belonging in members.items():
        groups.setdefault(belonging.row.category, {})[member] = belonging
    order = sorted(groups, key=lambda c: (list(CATEGORIES).index(c) if c in CATEGORIES else len(CATEGORIES), c))
    shown = shown_parts({c: len(sums.active & groups[c].keys()) for c in order}, k)
    answered = shown_parts({c: len(sums.graded.keys() & groups[c].keys()) for c in order}, k)
    nothing = Text("", "")
    return tuple(_line((c, named(CATEGORIES, c), nothing), groups[c], sums, shown[c], answered[c]) for c in order)


def child_lines(
    data: ReportData, children: Iterable[tuple[Population, Sums]], shown: Mapping[str, bool], k: int
) -> tuple[PeopleLine, ...]:
    """One line an organisation below, in the order given (by id): never ranked."""
    pairs = list(children)
    small = hide_small([len(sums.graded) for _, sums in pairs], k)
    lines = []
    for (population, sums), hide in zip(pairs, small, strict=True):
        node = population.node
        row = data.roster.organisation(node, population.spans[-1][0].last) if population.spans else None
        name = organisation_name(data, node)
        label = (node, Text(name, name), named(KINDS, row.kind) if row else Text("", ""))
        lines.append(_line(label, population.members, sums, shown.get(node, True), not hide))
    return tuple(lines)


def silent_members(data: ReportData, population: Population, active: Iterable[str]) -> tuple[SilentMember, ...]:
    """Members of the population without records, by id; exempt ones left out."""
    gone = set(active)
    return tuple(
        SilentMember(
            member,
            b.row.name or member,
            named(CATEGORIES, b.row.category),
            b.since if b.since > data.period.first else None,
        )
        for member, b in population.members.items()
        if member not in gone and not b.exempt
    )


def median_study(sums: Sums) -> Figure:
    """Median and quartiles over active members; withheld below the metric's smallest n."""
    values = sorted(sums.study.get(m, 0.0) for m in sums.active)
    if len(values) < METRICS["median_study"].smallest_n:
        return withheld("median_study") if values else Figure("median_study", None)
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Figure("median_study", middle, low=low, high=high)
