"""Answers about further families: their figures by organisation, made from what each declares to be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import polars as pl

from reports.analytics.groups import withheld
from reports.analytics.inputs import Inputs
from reports.families import figure
from schemas.families import FAMILIES, Family
from schemas.metrics import METRICS
from sinks.read.families import all_rows

Rows = Iterator[dict[str, Any]]


def counts(family: Family, inputs: Inputs) -> Rows:
    """One row an organisation with members of its own, of each subject where the family counts by subject; small ones
    withheld, and those from which they could be worked out."""
    assert family.counts
    subject = family.table.columns[3].name
    frame = inputs.frame(all_rows(family)).filter(pl.col("org_id") != "")
    by_subject = family.counts.by_subject
    parts = frame.partition_by(subject, as_dict=True) if by_subject else {("",): frame}
    for (about,), part in sorted(parts.items()):
        by_org = {str(org): rows for (org,), rows in part.partition_by("org_id", as_dict=True).items()}
        sizes = {org: rows["member_id"].n_unique() for org, rows in by_org.items()}
        hidden = withheld(sizes, inputs.k)
        for org, rows in sorted(by_org.items()):
            shown = org not in hidden
            row: dict[str, Any] = {"org_id": org, "participants": sizes[org] if shown else None, "withheld": not shown}
            if by_subject:
                row[subject] = about
            for measure in family.measures:
                row[measure.metric] = _plain(measure.metric, figure(measure, rows).value) if shown else None
            yield row


def _plain(metric: str, value: float | None) -> float | int | None:
    return int(value) if value is not None and METRICS[metric].unit == "count" else value


ANSWERS: Mapping[str, Callable[[Inputs], Rows]] = {
    f.counts.name: partial(counts, f) for f in FAMILIES.values() if f.counts and f.counts.upward
}
