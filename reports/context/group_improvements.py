"""Improvements of one node, with the figures of the period before and of this one that may be shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reports.context.group_change import Cut
from reports.context.group_parts import member_sums
from reports.context.head import organisation_name
from reports.context.improvements import Improvements, improvements
from schemas.reference import Text

if TYPE_CHECKING:
    from reports.context.group import Groups


def of_group(groups: Groups, node: str) -> Improvements | None:
    """None where there is nothing to say, or improvements are not shown."""
    data = groups.data
    if not data.issues:
        return None

    def name(org: str) -> Text:
        found = organisation_name(data, org)
        return Text(found, found)

    branches = sorted(set(groups.beside.branches(node)))
    below = frozenset[str]().union(*(orgs for _, orgs in groups.populations.of(node).spans))
    period = data.period.first, data.period.last
    cuts = partial(_cuts, groups.before, groups) if groups.before is not None else None
    return improvements(data.issues, node, below, branches, period, name, cuts, data.catalogue, groups.policy.k)


def _cuts(before: Groups, groups: Groups, node: str) -> tuple[Cut, Cut] | None:
    """A node in the period before and in this one; None where its figures of either are not shown."""
    cuts = []
    for one in (before, groups):
        if node not in one.populations.nodes() or not one.shown.get(node, True):
            return None
        population = one.populations.of(node)
        answers = population.rows(one.answers)
        sums = member_sums(population.rows(one.days), answers)
        if len(sums.active & population.ids) < one.policy.k:
            return None
        cuts.append(Cut(population, sums, answers))
    return cuts[0], cuts[1]
