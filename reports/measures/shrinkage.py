"""Branch means that admit how little a small branch can show: empirical Bayes and James–Stein."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from reports.measures.arrays import as_floats
from reports.measures.errors import MeasureError
from reports.measures.proportions import normal_quantile


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """Size, mean and sum of squared deviations from that mean: all the data that shrinkage needs."""

    n: int
    mean: float
    ss: float

    @classmethod
    def of(cls, values: Sequence[float]) -> GroupSummary | None:
        """Summary of the members' values; ``None`` for an empty group."""
        data = as_floats(values)
        if data.size == 0:
            return None
        mean = float(np.mean(data))
        return cls(int(data.size), mean, float(np.sum((data - mean) ** 2)))


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A branch after shrinkage, in the unit of the members' values (``weight`` and ``p_above`` are shares).

    ``weight`` is B_j, the share of its own data in ``estimate``; ``sd`` the posterior sd of θ_j;
    ``p_above`` is P(θ_j > μ | data).
    """

    key: str
    n: int
    raw: float
    weight: float
    estimate: float
    sd: float
    low: float
    high: float
    p_above: float


@dataclass(frozen=True, slots=True)
class ShrunkGroups:
    """Variance between branches τ² and within them σ², common mean μ with its standard error."""

    tau2: float
    sigma2: float
    mu: float
    mu_se: float
    groups: tuple[Shrunk, ...]


def variance_components(groups: Sequence[GroupSummary]) -> tuple[float, float] | None:
    """(τ², σ²) by the moments of a one-way analysis of variance, τ² floored at 0.

    Formula: σ² = MSW = ΣSS_j/(N − J); MSB = Σn_j(ȳ_j − ȳ)²/(J − 1); n0 = (N − Σn_j²/N)/(J − 1);
    τ² = max(0, (MSB − MSW)/n0). ``None`` with fewer than two groups or no group of two (σ² unknown).
    Source: Searle, Casella & McCulloch 1992, Variance Components, section 3.6.
    """
    sizes = np.array([g.n for g in groups], dtype=np.float64)
    means = np.array([g.mean for g in groups], dtype=np.float64)
    if sizes.size < 2 or sizes.sum() <= sizes.size:
        return None
    total, count = float(sizes.sum()), int(sizes.size)
    within = sum(g.ss for g in groups) / (total - count)
    grand = float(sizes @ means) / total
    between = float(sizes @ (means - grand) ** 2) / (count - 1)
    n0 = (total - float(sizes @ sizes) / total) / (count - 1)
    return max(0.0, (between - within) / n0), within


def shrink(groups: Mapping[str, GroupSummary], confidence: float = 0.95) -> ShrunkGroups | None:
    """Empirical-Bayes means of branches (same unit as the members' values).

    Model: ȳ_j ~ N(θ_j, σ²/n_j), θ_j ~ N(μ, τ²). B_j = τ²/(τ² + σ²/n_j); μ is the mean weighted by
    1/(τ² + σ²/n_j); θ̂_j = μ + B_j(ȳ_j − μ). Posterior variance: τ²(1 − B_j) + (1 − B_j)² Var(μ̂);
    for θ_j − μ it is τ²(1 − B_j) + B_j² Var(μ̂), which gives P(θ_j > μ). The doubt about τ² itself is not
    in them: with fewer than about ten branches the intervals are somewhat too narrow, and a report says so.
    τ² = 0 gives every branch the common mean and P = 0.5 (nothing tells them apart). ``None`` where
    ``variance_components`` is; if σ² and τ² are both 0 (all values equal), every sd is 0 and P is 0.5.
    Source: Morris 1983, JASA 78:47–55; Raudenbush & Bryk 2002, Hierarchical Linear Models, chapter 3.
    """
    components = variance_components(list(groups.values()))
    if components is None:
        return None
    tau2, sigma2 = components
    noise = {key: sigma2 / g.n for key, g in groups.items()}
    # With no variance at all the weights would be infinite; sizes give the same (common) mean.
    weights = {k: 1 / (tau2 + v) if tau2 + v > 0 else float(groups[k].n) for k, v in noise.items()}
    mass = sum(weights.values())
    mu = sum(weights[k] * g.mean for k, g in groups.items()) / mass
    mu_var = 1 / mass if tau2 + sigma2 > 0 else 0.0
    z = normal_quantile(confidence)
    out = []
    for key, group in groups.items():
        own = tau2 / (tau2 + noise[key]) if tau2 > 0 else 0.0
        estimate = mu + own * (group.mean - mu)
        sd = math.sqrt(tau2 * (1 - own) + (1 - own) ** 2 * mu_var)
        gap_sd = math.sqrt(tau2 * (1 - own) + own**2 * mu_var)
        # No doubt about the gap means no variance between branches, so there is no gap either.
        above = float(ndtr((estimate - mu) / gap_sd)) if gap_sd > 0 else 0.5
        low, high = estimate - z * sd, estimate + z * sd
        out.append(Shrunk(key, group.n, group.mean, own, estimate, sd, low, high, above))
    return ShrunkGroups(tau2, sigma2, mu, math.sqrt(mu_var), tuple(out))


def james_stein(values: Sequence[float], variance: float, *, positive_part: bool = True) -> list[float] | None:
    """Equal-variance shrinkage towards the mean of the values (unit of the values).

    Formula: c = 1 − (k − 3)·σ²/Σ(y − ȳ)², estimate ȳ + c(y − ȳ); c is floored at 0 when ``positive_part``.
    ``None`` with fewer than four values (k − 3 must be positive). Equal values stay as they are.
    Source: Efron & Morris 1977, Scientific American 236(5):119–127; 1975, JASA 70:311–319.
    """
    if variance < 0:
        raise MeasureError(f"variance {variance} is negative")
    data = as_floats(values)
    if data.size < 4:
        return None
    centre = float(np.mean(data))
    spread = float(np.sum((data - centre) ** 2))
    factor = 1 - (data.size - 3) * variance / spread if spread > 0 else 0.0
    if positive_part:
        factor = max(0.0, factor)
    return [float(v) for v in centre + factor * (data - centre)]
