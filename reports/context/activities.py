"""Further families of events in reports: a line a figure that the family declares, for a group and for a member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from reports.families import FamilyRows, figure
from reports.figures import Figure, withheld
from reports.measures.suppression import DEFAULT_K
from reports.population import Population
from schemas.reference import Text

PARTICIPANTS = "family_participants"


@dataclass(frozen=True, slots=True)
class ActivityLine:
    """One figure of one family. ``first``: the first of its family."""

    family: Text
    figure: Figure
    first: bool


Shown = Callable[[Mapping[str, int], int], Mapping[str, bool]]
"""From members behind the figures of each organisation itself and k to what may stand beside its siblings."""


def group_activities(
    rows: FamilyRows, whole: Population, own: Population, k: int, shown: Shown, *, closed: bool
) -> tuple[ActivityLine, ...]:
    """Figures of every family with a record in the node. ``own``: the node without what is below it, which families
    that don't go up are counted in; ``closed``: those are left out."""
    found: list[ActivityLine] = []
    for family, frame in rows.for_counts():
        upward = family.counts is not None and family.counts.upward
        inside = (whole if upward else own).rows(frame)
        if inside.is_empty() or (closed and not upward):
            continue
        least = max(k, DEFAULT_K) if family.audience == "self" else k
        members = inside["member_id"].n_unique()
        sizes = dict(frame.group_by("org_id").agg(pl.col("member_id").n_unique()).iter_rows())
        hide = members < least or (upward and not shown(sizes, least).get(whole.node, True))
        figures = [Figure(PARTICIPANTS, members), *(figure(m, inside) for m in family.measures)]
        found += _lines(family.title, [withheld(f.metric_id) if hide else f for f in figures])
    return tuple(found)


def own_activities(rows: FamilyRows, member_id: str) -> tuple[ActivityLine, ...]:
    """A member's own figures: what there is, without intervals, because they are about nothing else."""
    found: list[ActivityLine] = []
    for family, own in rows.of_member(member_id):
        figures = [figure(m, own) for m in family.measures]
        found += _lines(family.title, [replace(f, low=None, high=None) for f in figures if f.value is not None])
    return tuple(found)


def _lines(title: Text, figures: list[Figure]) -> list[ActivityLine]:
    return [ActivityLine(title, f, i == 0) for i, f in enumerate(figures)]
