"""Maximum of the marginal likelihood: EM comes near, L-BFGS-B keeps to the bounds, Newton arrives.

Source: Bock & Aitkin 1981, Psychometrika 46:443–459 (EM); Nocedal & Wright 2006, Numerical Optimization.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, minimize

from reports.measures.arrays import BoolArray, FloatArray
from reports.measures.irt_likelihood import NODES, Layout, Marginal, Responses, quadrature

SLOPE_BOUND = 8.0
"""A slope beyond this means that the data separate perfectly; it is held here and reported so."""
EM_STEPS = 25


@dataclass(frozen=True, slots=True)
class Maximum:
    """Estimates (2J), their covariance (2J × 2J, ``None`` where the information is singular), and the fit."""

    full: FloatArray
    covariance: FloatArray | None
    log_likelihood: float
    n_parameters: int
    converged: bool
    at_bound: BoolArray


def _em(marginal: Marginal, layout: Layout, free: FloatArray, steps: int) -> FloatArray:
    """Expectation–maximisation; each maximisation is one Newton step, halved until it climbs."""
    design = layout.matrix()
    items = layout.index.size // 2

    def expected_value(candidate: FloatArray, right: FloatArray, seen: FloatArray) -> float:
        full = layout.spread(candidate)
        logit = np.outer(full[:items], marginal.theta) + full[items:, None]
        return float(np.sum(right * logit - seen * np.logaddexp(0, logit)))

    for _ in range(steps):
        _, posterior, chance = marginal.posterior(layout.spread(free))
        right, seen = marginal.expected(posterior)
        gradient, information = marginal.complete(right, seen, chance)
        compact = design.T @ (design.T @ information).T
        compact[np.diag_indices_from(compact)] += 1e-9
        step = np.clip(np.linalg.solve(compact, design.T @ gradient), -1, 1)
        before = expected_value(free, right, seen)
        for _ in range(10):
            if expected_value(free + step, right, seen) >= before:
                free = free + step
                break
            step = step / 2
    return free


def _bounded(marginal: Marginal, layout: Layout, free: FloatArray) -> FloatArray:
    """Maximum with every slope kept within ±8, by L-BFGS-B: slow at the end, but never lost on the way."""
    design = layout.matrix()
    slopes = layout.index[: layout.index.size // 2]

    def target(candidate: FloatArray) -> tuple[float, FloatArray]:
        value, posterior, chance = marginal.posterior(layout.spread(candidate))
        error = marginal.score(posterior, chance)
        return -value, -(design.T @ error)

    low, high = np.full(free.size, -np.inf), np.full(free.size, np.inf)
    low[slopes[slopes >= 0]], high[slopes[slopes >= 0]] = -SLOPE_BOUND, SLOPE_BOUND
    found = minimize(
        target,
        np.clip(free, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low, high),
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-12, "gtol": 1e-5},
    )
    return np.asarray(found.x, dtype=np.float64)


def _newton(marginal: Marginal, layout: Layout, free: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Newton steps, halved until they climb: (estimate, information there), ``None`` where it is not concave."""
    design = layout.matrix()
    for _ in range(50):
        value, posterior, chance = marginal.posterior(layout.spread(free))
        gradient, information = marginal.observed(posterior, chance)
        slope, compact = design.T @ gradient, design.T @ (design.T @ information).T
        try:
            np.linalg.cholesky(compact)
        except np.linalg.LinAlgError:
            return free, None
        step = np.linalg.solve(compact, slope)
        # Twice what is left to gain, in units of log-likelihood; below this only rounding moves.
        if float(slope @ step) < 1e-11 * max(1.0, abs(value)):
            return free, compact
        for _ in range(12):
            if marginal.posterior(layout.spread(free + step))[0] > value:
                break
            step = step / 2
        free = free + step
    return free, None


def maximise(data: Responses, layout: Layout, start: FloatArray, nodes: int = NODES) -> Maximum:
    """Maximum of the marginal likelihood over the free parameters of ``layout`` from ``start`` (2J).

    Slopes that reach ±8 are held there, and the rest is maximised given them.
    """
    points, weights = quadrature(nodes)
    marginal = Marginal(data, points, np.log(weights))
    items = start.size // 2
    free = _bounded(marginal, layout, _em(marginal, layout, layout.gather(start), EM_STEPS))
    information = None
    for _ in range(5):
        full = layout.spread(free)
        extreme = np.zeros(start.size, dtype=np.bool_)
        extreme[:items] = (np.abs(full[:items]) >= SLOPE_BOUND - 1e-6) & (layout.index[:items] >= 0)
        if extreme.any():
            full[extreme] = np.sign(full[extreme]) * SLOPE_BOUND
            layout = layout.hold(extreme, full)
            free = layout.gather(full)
        tried, information = _newton(marginal, layout, free)
        steep = (np.abs(layout.spread(tried)[:items]) > SLOPE_BOUND) & (layout.index[:items] >= 0)
        if information is not None and not steep.any():
            free = tried
            break
        information = None
        free = _bounded(marginal, layout, tried)
    full = layout.spread(free)
    covariance = None
    if information is not None:
        design = layout.matrix()
        covariance = design @ (design @ np.linalg.inv(information)).T
    held = (layout.index[:items] < 0) & (np.abs(full[:items]) >= SLOPE_BOUND)
    value = marginal.posterior(full)[0]
    return Maximum(full, covariance, value, layout.size, information is not None, held)
