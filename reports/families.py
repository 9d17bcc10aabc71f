"""Rows of further families of events, and the figures that follow from what each family declares to be counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from reports.figures import Figure, share
from reports.issued.source import Source
from schemas.families import FAMILIES, Family, Measure
from schemas.metrics import metric
from sinks.read import Filters, Scope
from sinks.read.families import all_rows


def figure(measure: Measure, rows: pl.DataFrame) -> Figure:
    """The figure over rows of a family, which have the columns of its table."""
    column = rows[measure.column]
    unit = metric(measure.metric).unit
    if unit == "seconds":
        known = column.drop_nulls()
        return Figure(measure.metric, float(known.sum()) / len(known) / 1000 if len(known) else None)
    total = int(column.sum())
    if unit == "share":
        return share(measure.metric, total, int(rows[measure.per].sum()))
    return Figure(measure.metric, total)


@dataclass(frozen=True)
class FamilyRows:
    """Rows of a period by family, with ``member_id``, ``org_id``, ``day`` and the columns of the family's table, of all
    who are in the scope. ``node``: the organisation of a scope of named members, None for the member alone and for the
    local operator; what stands above a branch is not given what is for the branch or the member only."""

    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    node: str | None = None

    def for_counts(self) -> Iterator[tuple[Family, pl.DataFrame]]:
        """Families with rows that figures of groups may be made from."""
        for family in (FAMILIES[name] for name in FAMILIES if name in self.frames):
            rows = self.frames[family.name]
            upward = family.counts is not None and family.counts.upward
            yield family, rows if upward or self.node is None else rows.filter(pl.col("org_id") == self.node)

    def of_member(self, member_id: str) -> Iterator[tuple[Family, pl.DataFrame]]:
        """Families with rows of a member that may be shown by name; none without rows."""
        for family in (FAMILIES[name] for name in FAMILIES if name in self.frames):
            if family.audience == "self" and self.node is not None:
                continue
            rows = self.frames[family.name].filter(pl.col("member_id") == member_id)
            if family.audience == "branch" and self.node is not None:
                rows = rows.filter(pl.col("org_id") == self.node)
            if rows.height:
                yield family, rows

    def without_own(self) -> FamilyRows:
        """Without families whose rows the member alone sees."""
        return replace(self, frames={n: rows for n, rows in self.frames.items() if FAMILIES[n].audience != "self"})


NO_FAMILIES = FamilyRows()


def load_families(reader: Source, scope: Scope, filters: Filters, shown: Collection[str]) -> FamilyRows:
    """Rows of those of the shown families that have figures. ``filters``: the period, a member or an organisation."""
    return FamilyRows(
        {
            f.name: reader.frame(all_rows(f), scope, filters)
            for f in FAMILIES.values()
            if f.name in shown and f.measures
        },
        scope.node,
    )
