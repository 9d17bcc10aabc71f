"""Answers about competences: profiles of members, and of organisations with members of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from reports.analytics.competence import member_cells
from reports.analytics.groups import compare_means
from reports.analytics.inputs import Inputs
from reports.competences import CompetenceMap, Node, competence_map
from reports.measures.competence import gap, mean_interval, profile

Rows = Iterator[dict[str, Any]]


def _known(inputs: Inputs) -> CompetenceMap:
    """The map as it is valid on the last day asked for, or of the records; none without either."""
    last = inputs.filters.last
    if last is None and (period := inputs.period()) is not None:
        last = period[1]
    return competence_map(inputs.catalogue.competences, last) if last else CompetenceMap()


def competence(inputs: Inputs) -> Rows:
    """Profiles, one row a member and competence that something of theirs shows."""
    known = _known(inputs)
    if not known:
        return
    found = member_cells(inputs.answers, inputs.catalogue, known)
    for member, cells in found.cells.items():
        for node in known.nodes:
            one = profile(list(cells.get(node.id, {}).values()))
            if one is None:
                continue
            away = one.gap(node.expected)
            yield {
                "member_id": member, **_head(node), "questions": one.questions, "items": one.items,
                "items_mapped": len(node.items), "share": one.share, "low": one.interval.low,
                "high": one.interval.high, "effective_n": one.effective, **_gap(node, away),
            }  # fmt: skip


def competence_branches(inputs: Inputs) -> Rows:
    """Means over members of what they answered while they belonged to it, one row an organisation with members of its
    own and competence; small ones withheld."""
    known = _known(inputs)
    if not known:
        return
    populations = inputs.populations()
    if populations is None:
        return
    parts = inputs.counted.filter(pl.col("org_id") != "").partition_by("org_id", as_dict=True)
    found = {
        str(org): member_cells(populations.of(str(org), own=True).rows(part), inputs.catalogue, known)
        for (org,), part in sorted(parts.items())
    }
    for node in known.nodes:
        values = {org: [p.share for p in cells.profiles(node.id).values()] for org, cells in found.items()}
        for branch in compare_means({o: v for o, v in values.items() if v}, inputs.k).branches:
            listed, shrunk = values[branch.org_id], branch.shrunk
            interval = mean_interval(listed)
            mean = math.fsum(listed) / len(listed)
            away = gap(mean, interval, node.expected)
            row: dict[str, Any] = {
                "mean": mean, "low": interval.low if interval else None, "high": interval.high if interval else None,
                "shrunk_mean": shrunk.estimate if shrunk else None, "shrunk_low": shrunk.low if shrunk else None,
                "shrunk_high": shrunk.high if shrunk else None, **_gap(node, away),
            }  # fmt: skip
            head = {"org_id": branch.org_id, **_head(node), "withheld": branch.withheld}
            hide = branch.withheld
            yield {**head, "members": None if hide else branch.members, **(dict.fromkeys(row) if hide else row)}


def _head(node: Node) -> dict[str, Any]:
    return {"competence_id": node.id, "wing": node.wing or node.id, "title": node.title.zh, "title_en": node.title.en}


def _gap(node: Node, away: Any) -> dict[str, Any]:
    interval = away.interval if away else None
    return {
        "expected": node.expected, "gap": away.value if away else None,
        "gap_low": interval.low if interval else None, "gap_high": interval.high if interval else None,
        "verdict": away.verdict if away else "",
    }  # fmt: skip


ANSWERS: Mapping[str, Callable[[Inputs], Rows]] = {
    "competence": competence,
    "competence-branches": competence_branches,
}
