"""Answers about competences: profiles of members, and of organisations with members of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from reports.analytics.competence import MemberCells, member_cells
from reports.analytics.groups import compare_means
from reports.analytics.inputs import Inputs
from reports.analytics.of_groups import belonging
from reports.competences import CompetenceMap, Node, competence_map
from reports.measures.competence import gap, mean_interval, profile

Rows = Iterator[dict[str, Any]]


def _known(inputs: Inputs) -> CompetenceMap:
    """The map as it is valid on the last day asked for, or of the records; none without either."""
    last = inputs.filters.last
    if last is None and (period := inputs.period()) is not None:
        last = period[1]
    return competence_map(inputs.catalogue.competences, last) if last else CompetenceMap()


def _cells(inputs: Inputs, answers: pl.DataFrame, known: CompetenceMap) -> MemberCells:
    return member_cells(answers, inputs.catalogue, known)


def competence(inputs: Inputs) -> Rows:
    """Profiles, one row a member and competence that something of theirs shows."""
    known = _known(inputs)
    if not known:
        return
    found = _cells(inputs, inputs.answers, known)
    for member, cells in found.cells.items():
        for node in known.nodes:
            one = profile(list(cells.get(node.id, {}).values()))
            if one is None:
                continue
            away = gap(one.share, one.interval, node.expected)
            yield {
                "member_id": member, **_head(node), "questions": one.questions, "items": one.items,
                "items_mapped": len(node.items), "share": one.share, "low": one.interval.low,
                "high": one.interval.high, "effective_n": one.effective, **_gap(node, away),
            }  # fmt: skip


def competence_branches(inputs: Inputs) -> Rows:
    """Means over members, one row an organisation with members of its own and competence; small ones withheld."""
    known = _known(inputs)
    if not known:
        return
    found, homes = _cells(inputs, inputs.counted, known), belonging(inputs)
    for node in known.nodes:
        shares = {m: p.share for m, p in found.profiles(node.id).items()}
        values = {org: [shares[m] for m in sorted(members) if m in shares] for org, members in sorted(homes.items())}
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
