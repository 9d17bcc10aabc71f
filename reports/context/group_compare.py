"""Organisations below a node side by side, fairly: a funnel for who takes part, shrunken means for results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.analytics.groups import compare_means, compare_shares
from reports.figures import Figure, share
from reports.measures.funnel import Label
from schemas.reference import Text

FEWEST = 3
"""Organisations below which there is nothing to compare: two only differ from each other."""

PLACES: Mapping[Label, str] = {
    "low_0.001": "compare.far_below",
    "low_0.025": "compare.below",
    "within": "compare.within",
    "high_0.025": "compare.above",
    "high_0.001": "compare.far_above",
}
"""Place in the funnel → its message."""


@dataclass(frozen=True, slots=True)
class CompareLine:
    """One organisation. ``place``: a message key, '' where nobody counts; ``limits``: the 95 % funnel."""

    title: Text
    coverage: Figure
    limits: Figure
    place: str
    mean: Figure
    above: Figure


@dataclass(frozen=True, slots=True)
class Comparison:
    """Organisations in the order of their ids, never ranked; what is common to them.

    ``phi``: over-dispersion by which the funnel is widened; without a value for chance alone.
    """

    common: Figure
    widened: bool
    phi: Figure
    mean: Figure
    lines: tuple[CompareLine, ...]


def comparison(
    names: Mapping[str, Text], counts: Mapping[str, tuple[int, int]], values: Mapping[str, Sequence[float]], k: int
) -> Comparison | None:
    """From (active, members) and members' shares right, of the organisations that may be shown; None below three.

    What is withheld elsewhere must not be in here: the common figures would let it be worked out.
    """
    kept = {org: c for org, c in counts.items() if c[1] >= k}
    if len(kept) < FEWEST:
        return None
    shares = compare_shares(kept, k)
    means = compare_means({o: v for o, v in values.items() if o in kept and len(v) >= k}, k)
    by_org = {m.org_id: m.shrunk for m in means.branches}
    lines = []
    for branch in shares.branches:
        point, shrunk = branch.point, by_org.get(branch.org_id)
        warning = point.warning if point else None
        lines.append(
            CompareLine(
                names[branch.org_id],
                share("coverage", *kept[branch.org_id]),
                Figure(
                    "funnel_label", None, low=warning.low if warning else None, high=warning.high if warning else None
                ),
                PLACES[point.label] if point and point.label else "",
                Figure("shrunk_mean", shrunk.estimate, low=shrunk.low, high=shrunk.high)
                if shrunk
                else Figure("shrunk_mean", None),
                Figure("p_above", shrunk.p_above if shrunk else None),
            )
        )
    x, n = (sum(c[i] for c in kept.values()) for i in (0, 1))
    return Comparison(
        share("coverage", x, n),
        bool(shares.dispersion and shares.dispersion.over_dispersed),
        Figure("over_dispersion", shares.dispersion.phi if shares.dispersion else None),
        Figure("shrunk_mean", means.common.mu if means.common else None),
        tuple(lines),
    )
