"""Funnel plots: is a branch's share further from the common share than chance explains?

Comparing branches by rank is not offered; a funnel says which of them differ, and by how much doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.measures.arrays import FloatArray, as_floats
from reports.measures.errors import MeasureError
from reports.measures.proportions import Interval, normal_quantile

WARNING, ACTION = 0.95, 0.998
"""The two pairs of limits: z = 1.96 (2.5 % in each tail) and z = 3.09 (0.1 % in each tail)."""

Label = Literal["low_0.001", "low_0.025", "within", "high_0.025", "high_0.001"]


def funnel_limits(p0: float, n: float, confidence: float = WARNING, *, phi: float = 1.0) -> Interval | None:
    """Control limits for a share at denominator ``n`` around the common share ``p0`` (unit: share).

    Formula: p0 ± z √(φ p0(1 − p0)/n), clipped to 0..1; z is the exact normal quantile (1.959964, 3.090232).
    ``n = 0`` gives ``None``. ``phi`` below 1 never narrows the funnel.

    The same limits come out of England's public-health funnel tool (PHEindicatormethods). Its limits are
    those shares whose Wilson interval just touches p0, and "the Wilson interval of x/n excludes p0" is
    algebraically "|x/n − p0| > z √(p0(1−p0)/n)": inverting the score interval gives back the normal limits
    with the variance taken *at p0*. Hence one formula serves both, and a label agrees with Wilson.
    Source: Spiegelhalter 2005, Statistics in Medicine 24:1185–1202, section 2.
    """
    if not 0 <= p0 <= 1 or n < 0:
        raise MeasureError(f"no funnel around p0 = {p0} at n = {n}", hint="p0 is a share, n is not negative")
    if n == 0:
        return None
    half = normal_quantile(confidence) * math.sqrt(max(1.0, phi) * p0 * (1 - p0) / n)
    return Interval(max(0.0, p0 - half), min(1.0, p0 + half))


def label(x: float, n: float, p0: float, *, phi: float = 1.0) -> Label | None:
    """Where ``x / n`` lies in the funnel; a point exactly on a limit is within it.

    ``n = 0`` gives ``None``.
    """
    outer, inner = funnel_limits(p0, n, ACTION, phi=phi), funnel_limits(p0, n, WARNING, phi=phi)
    if outer is None or inner is None:
        return None
    share = x / n
    if share < outer.low:
        return "low_0.001"
    if share > outer.high:
        return "high_0.001"
    if share < inner.low:
        return "low_0.025"
    return "high_0.025" if share > inner.high else "within"


def winsorise(values: FloatArray, share: float = 0.1) -> FloatArray:
    """Clip ``values`` to their quantiles at ``share`` and 1 − ``share``."""
    if not 0 <= share < 0.5:
        raise MeasureError(f"can't winsorise a share of {share}", hint="0 <= share < 0.5")
    low, high = np.quantile(values, [share, 1 - share])
    return np.clip(values, low, high)


@dataclass(frozen=True, slots=True)
class Dispersion:
    """``estimate``: winsorised mean of z²; ``phi``: what to widen by, 1 unless over-dispersed."""

    estimate: float
    phi: float
    over_dispersed: bool
    n_units: int


def over_dispersion(x: Sequence[float], n: Sequence[float], p0: float, trim: float = 0.1) -> Dispersion | None:
    """How much more the units vary than binomial chance; winsorised, so that no odd unit excuses itself.

    Formula: z_i = (x_i/n_i − p0)/√(p0(1−p0)/n_i), winsorised by ``trim`` at each end; φ̂ = mean(z²).
    Over-dispersed when φ̂ > 1 + 2√(2/I) for I units (z² has mean 1 and variance 2 under chance alone).
    Units with n = 0 are left out; ``None`` with fewer than two units or p0 of 0 or 1.
    Source: Spiegelhalter 2005, Quality and Safety in Health Care 14:347–351;
    Statistics in Medicine 24:1185–1202, section 4.
    """
    counts, sizes = as_floats(x), as_floats(n)
    if counts.shape != sizes.shape:
        raise MeasureError(f"{counts.size} numerators for {sizes.size} denominators")
    counts, sizes = counts[sizes > 0], sizes[sizes > 0]
    if counts.size < 2 or not 0 < p0 < 1:
        return None
    z = winsorise((counts / sizes - p0) / np.sqrt(p0 * (1 - p0) / sizes), trim)
    estimate = float(np.mean(z * z))
    over = estimate > 1 + 2 * math.sqrt(2 / counts.size)
    return Dispersion(estimate, estimate if over else 1.0, over, int(counts.size))


@dataclass(frozen=True, slots=True)
class FunnelPoint:
    """One unit in the funnel; limits and label are ``None`` where its denominator is 0."""

    key: str
    x: float
    n: float
    share: float | None
    warning: Interval | None
    action: Interval | None
    label: Label | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Common share (Σx/Σn), dispersion and the points in the order given, never sorted by share."""

    p0: float
    dispersion: Dispersion | None
    points: tuple[FunnelPoint, ...]


def funnel(units: Sequence[tuple[str, float, float]], *, adjust: bool = True) -> Funnel | None:
    """Funnel of ``(key, x, n)`` units around p0 = Σx/Σn; widened by √φ when ``adjust`` and over-dispersed.

    ``None`` when all denominators are 0.
    """
    total = sum(n for _, _, n in units)
    if total <= 0:
        return None
    p0 = sum(x for _, x, _ in units) / total
    spread = over_dispersion([x for _, x, _ in units], [n for _, _, n in units], p0) if adjust else None
    phi = spread.phi if spread else 1.0
    points = tuple(
        FunnelPoint(
            key, x, n, x / n if n else None,
            funnel_limits(p0, n, WARNING, phi=phi), funnel_limits(p0, n, ACTION, phi=phi),
            label(x, n, p0, phi=phi),
        )
        for key, x, n in units
    )  # fmt: skip
    return Funnel(p0, spread, points)
