"""Branches side by side: intervals, shrunken means, funnel, P(above); small ones withheld; never a rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.measures.funnel import Dispersion, FunnelPoint, funnel
from reports.measures.proportions import Interval, wilson
from reports.measures.shrinkage import GroupSummary, Shrunk, ShrunkGroups, shrink
from reports.measures.suppression import DEFAULT_K, suppress

_TOTAL = "\0total"
ENOUGH_UNITS = 10
"""Branches from which over-dispersion is estimated: among fewer, an odd one widens the funnel that should show it."""


@dataclass(frozen=True, slots=True)
class BranchShare:
    """One branch: ``x`` of ``n`` members, with its place in the funnel. Withheld: no figure at all."""

    org_id: str
    members: int
    withheld: bool
    x: int | None
    share: float | None
    interval: Interval | None
    point: FunnelPoint | None


@dataclass(frozen=True, slots=True)
class BranchMean:
    """One branch's mean over members, shrunken. Withheld, or without members who have a value: no figure."""

    org_id: str
    members: int
    withheld: bool
    shrunk: Shrunk | None


@dataclass(frozen=True, slots=True)
class Shares:
    """Branches in order of id. ``p0``: the common share; None where it is withheld."""

    p0: float | None
    dispersion: Dispersion | None
    branches: tuple[BranchShare, ...]


@dataclass(frozen=True, slots=True)
class Means:
    """Branches in order of id; ``common``: variance components and the common mean, None where undefined."""

    common: ShrunkGroups | None
    branches: tuple[BranchMean, ...]


def withheld(sizes: Mapping[str, int], k: int = DEFAULT_K) -> frozenset[str]:
    """Branches whose figures would show, or let work out from the common figure, fewer than ``k`` members."""
    if not sizes:
        return frozenset()
    tree = {**sizes, _TOTAL: sum(sizes.values())}
    parents: dict[str, str | None] = {**dict.fromkeys(sizes, _TOTAL), _TOTAL: None}
    return frozenset(n for n, verdict in suppress(tree, parents, k).items() if verdict != "show" and n != _TOTAL)


def compare_shares(counts: Mapping[str, tuple[int, int]], k: int = DEFAULT_K) -> Shares:
    """(x members of n) by branch. Branches withheld are in the common share, but show nothing of their own."""
    hidden = withheld({org: n for org, (_, n) in counts.items()}, k)
    found = funnel([(org, x, n) for org, (x, n) in sorted(counts.items())], adjust=len(counts) >= ENOUGH_UNITS)
    points = {p.key: p for p in found.points} if found else {}
    branches = []
    for org, (x, n) in sorted(counts.items()):
        if org in hidden:
            branches.append(BranchShare(org, n, True, None, None, None, None))
        else:
            share = x / n if n else None
            branches.append(BranchShare(org, n, False, x, share, wilson(x, n), points.get(org)))
    shown = found is not None and len(hidden) < len(counts)
    return Shares(found.p0 if found and shown else None, found.dispersion if found else None, tuple(branches))


def compare_means(values: Mapping[str, Sequence[float]], k: int = DEFAULT_K) -> Means:
    """Members' values by branch (one value a member): empirical-Bayes means with P(above the common mean)."""
    hidden = withheld({org: len(v) for org, v in values.items()}, k)
    groups = {org: summary for org, v in sorted(values.items()) if (summary := GroupSummary.of(v))}
    found = shrink(groups)
    shrunk = {g.key: g for g in found.groups} if found else {}
    branches = tuple(
        BranchMean(org, len(v), org in hidden, None if org in hidden else shrunk.get(org))
        for org, v in sorted(values.items())
    )
    return Means(found if len(hidden) < len(values) else None, branches)
