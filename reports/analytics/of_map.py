"""The organisation map as rows: coverage, activity and freshness of every organisation, as the picture has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from reports.analytics.inputs import Inputs
from reports.catalogue import Catalogue
from reports.context.group import Groups
from reports.context.org_map import MapNode, org_map
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy, ReportData
from reports.population import Populations
from sinks.read import Filters

Rows = Iterator[dict[str, Any]]


def organisation_map(inputs: Inputs) -> Rows:
    """Every organisation of the scope, or from the one asked for down, parents before what is below them; small ones
    withheld."""
    org = inputs.filters.org
    if org is not None:
        inputs.reader.frame("organisations", inputs.rows_scope, Filters(org=org))  # raises where it is not in the scope
    # What is withheld does not depend on what is asked for: it is that of the whole scope's map.
    wide = replace(inputs, filters=replace(inputs.filters, org=None))
    populations = wide.populations()
    if populations is None:
        return
    groups = _groups(wide, populations)
    everything = len(groups.populations.nodes())  # a table is never too wide: no level is left out
    for root in [inputs.scope.node] if inputs.scope.node else inputs.roster.roots(populations.period.last):
        nodes = org_map(groups, root, everything).nodes
        yield from (_row(node) for node in (nodes if org is None else _below(nodes, org)))


def _groups(inputs: Inputs, populations: Populations) -> Groups:
    data = ReportData(
        period=populations.period,
        as_of=datetime.now(UTC),
        timezone=inputs.local_days.name,
        generation=inputs.reader.generation().number,
        days=inputs.days,
        answers=inputs.frame("answers"),
        rejected=pl.DataFrame(),
        roster=populations.roster,
        catalogue=Catalogue(),
    )
    return Groups(data, populations, Deliveries(data), EVERYTHING, Policy("aggregate", inputs.k))


def _below(nodes: Iterable[MapNode], org: str) -> Iterator[MapNode]:
    """An organisation and what is below it, as a map of its own."""
    depths: dict[str, int] = {}
    for node in nodes:
        if node.org_id == org:
            depths[org] = 0
            yield replace(node, parent="", depth=0)
        elif node.parent in depths:
            depths[node.org_id] = depths[node.parent] + 1
            yield replace(node, depth=depths[node.org_id])


def _row(node: MapNode) -> dict[str, Any]:
    return {
        "org_id": node.org_id, "parent_id": node.parent, "depth": node.depth, "members": node.members.value,
        "withheld": node.hidden, "coverage": node.coverage.value, "low": node.coverage.low,
        "high": node.coverage.high, "mean_study_seconds": node.activity.value,
        "freshness_weeks": node.freshness.value,
    }  # fmt: skip


ANSWERS: Mapping[str, Callable[[Inputs], Rows]] = {"organisation-map": organisation_map}
