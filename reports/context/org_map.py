"""The organisation map: a node and what is below it, with coverage, activity and freshness. It names nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from reports.context.group_parts import PeopleLine, child_lines, member_sums
from reports.figures import Figure, withheld
from reports.order import natural
from reports.population import Population
from schemas.reference import Text

if TYPE_CHECKING:
    from reports.context.group import Groups

MOST_ON_PAPER = 60
"""Organisations in the picture of a report at most: more don't fit on a page."""


@dataclass(frozen=True, slots=True)
class MapNode:
    """An organisation. ``depth`` 0 is the map's own node; ``inner``: it has organisations below it, drawn or not.
    ``activity`` is mean study time; ``freshness`` the weeks since it was active; ``hidden`` withholds what was done."""

    org_id: str
    name: Text
    kind: Text
    parent: str
    depth: int
    inner: bool
    members: Figure
    coverage: Figure
    activity: Figure
    freshness: Figure
    hidden: bool


@dataclass(frozen=True, slots=True)
class OrgMap:
    """Nodes, parents before their children, siblings by id: never ranked. ``cut``: deeper levels were left out."""

    nodes: tuple[MapNode, ...]
    cut: bool

    @property
    def root(self) -> MapNode:
        """The map's own node."""
        return self.nodes[0]


def org_map(groups: Groups, node: str, most: int) -> OrgMap:
    """The map below a node, as deep as whole levels have at most ``most`` organisations; the first level always."""
    levels = list(_walk(_children(groups), node))
    depth, total = 1, 1
    while found := sum(d == depth for _, _, d in levels):
        total += found
        if total > most and depth > 1:
            break
        depth += 1
    kept = [(n, p, d) for n, p, d in levels if d < depth]
    populations = {n: groups.populations.of(n) for n, _, _ in kept}
    pairs = [(p, member_sums(p.rows(groups.days), p.rows(groups.answers))) for p in populations.values()]
    lines = child_lines(groups.data, pairs, groups.shown, groups.policy.k)
    inner = {p for _, p, _ in levels}
    nodes = tuple(
        _node(groups, populations[n], line, p, d, n in inner) for (n, p, d), line in zip(kept, lines, strict=True)
    )
    return OrgMap(nodes, len(kept) < len(levels))


def _children(groups: Groups) -> dict[str, list[str]]:
    """Organisation → those below it, by id. One that moved in the period stands where it was last."""
    found: dict[str, list[str]] = {}
    for node in sorted(groups.beside.nodes, key=natural):
        if (parent := groups.beside.parents[node]) is not None:
            found.setdefault(parent, []).append(node)
    return found


def _walk(
    children: Mapping[str, Sequence[str]], node: str, parent: str = "", depth: int = 0
) -> Iterator[tuple[str, str, int]]:
    yield node, parent, depth
    for child in children.get(node, ()):
        yield from _walk(children, child, node, depth + 1)


def _node(groups: Groups, population: Population, line: PeopleLine, parent: str, depth: int, inner: bool) -> MapNode:
    return MapNode(
        line.id,
        line.name,
        line.kind,
        parent,
        depth,
        inner,
        line.members,
        line.coverage,
        line.mean_study,
        withheld("freshness_weeks")
        if line.hidden
        else freshness(population.rows(groups.days), groups.data.period.last, groups.policy.k),
        line.hidden,
    )


def freshness(days: pl.DataFrame, last: date, k: int) -> Figure:
    """Weeks from the last one with records of ``k`` members or more to the week of ``last``; no value without any.

    Whole weeks and ``k`` members: the last day of one member would tell about that member.
    """
    weeks = (
        days.filter(pl.col("events") > 0)
        .group_by(pl.col("day").dt.truncate("1w").alias("week"))
        .agg(pl.col("member_id").n_unique().alias("members"))
        .filter(pl.col("members") >= k)
    )
    newest = weeks["week"].max()
    if not isinstance(newest, date):
        return Figure("freshness_weeks", None)
    return Figure("freshness_weeks", (last - timedelta(days=last.weekday()) - newest).days // 7)
