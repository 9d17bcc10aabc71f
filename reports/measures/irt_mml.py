"""Marginal maximum likelihood for logistic item response models: the numerical engine.

Items are in slope–intercept form, P(right | θ) = 1/(1 + e^−(aθ + d)), θ ~ N(0, 1) integrated out by
Gauss–Hermite quadrature. EM brings the estimates near the maximum, Newton steps with the exact observed
information take them there. Source: Bock & Aitkin 1981, Psychometrika 46:443–459; the information by Louis
1982, JRSS B 44:226–233.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit

from reports.measures.arrays import BoolArray, FloatArray, IntArray

NODES = 61
"""Enough that LSAT-like tests are exact to 1e-6 and posteriors of 50 good items are still resolved."""
SLOPE_BOUND = 8.0
"""A slope beyond this means that the data separate perfectly; it is held here and reported so."""
EM_STEPS = 25


@dataclass(frozen=True, slots=True)
class Responses:
    """Distinct response patterns: ``right`` and ``seen`` are (patterns × items) of 0/1, ``count`` how often each."""

    right: FloatArray
    seen: FloatArray
    count: FloatArray

    @classmethod
    def of(cls, matrix: FloatArray, weights: FloatArray | None = None) -> Responses:
        """Collapse a members × items matrix of 1, 0 and NaN (not administered); rows without any answer go."""
        codes = np.where(np.isnan(matrix), -1, matrix).astype(np.int8)
        answered = (codes >= 0).any(axis=1)
        times = np.ones(codes.shape[0]) if weights is None else np.asarray(weights, dtype=np.float64)
        distinct, place = np.unique(codes[answered], axis=0, return_inverse=True)
        count = np.bincount(place.ravel(), weights=times[answered], minlength=distinct.shape[0])
        return cls((distinct == 1).astype(np.float64), (distinct >= 0).astype(np.float64), count.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Layout:
    """Which free parameter each of (a_1..a_J, d_1..d_J) is: ``index`` −1 is held at ``fixed``.

    Several slopes that share one index are one common slope.
    """

    index: IntArray
    fixed: FloatArray

    @property
    def size(self) -> int:
        """Number of free parameters."""
        return int(self.index.max(initial=-1)) + 1

    def matrix(self) -> csr_matrix:
        """(2J × size) 0/1 matrix that spreads the free parameters over the items."""
        rows = np.flatnonzero(self.index >= 0)
        shape = (self.index.size, self.size)
        return csr_matrix((np.ones(rows.size), (rows, self.index[rows])), shape=shape)

    def spread(self, free: FloatArray) -> FloatArray:
        """All 2J parameters from the free ones."""
        out = self.fixed.copy()
        used = self.index >= 0
        out[used] = free[self.index[used]]
        return out

    def hold(self, held: BoolArray, values: FloatArray) -> Layout:
        """The same layout with some parameters held at ``values``; the free ones are numbered anew."""
        index = np.where(held, -1, self.index)
        _, renumbered = np.unique(index[index >= 0], return_inverse=True)
        index[index >= 0] = renumbered
        return Layout(index, np.where(held, values, self.fixed))

    def gather(self, full: FloatArray) -> FloatArray:
        """Free parameters out of all 2J (shared ones hold the same value everywhere)."""
        out = np.zeros(self.size)
        used = self.index >= 0
        out[self.index[used]] = full[used]
        return out


def quadrature(nodes: int = NODES) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights for a standard normal; nodes whose weight can't matter are left out."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    kept = weights > 1e-15
    return points[kept], weights[kept]


@dataclass(slots=True)
class Marginal:
    """Log-likelihood, gradient and information of the marginal likelihood at any parameters."""

    data: Responses
    theta: FloatArray
    log_weight: FloatArray

    def posterior(self, full: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """(log-likelihood, posterior (patterns × nodes), P(right) (items × nodes))."""
        items = self.data.right.shape[1]
        logit = np.outer(full[:items], self.theta) + full[items:, None]
        log_wrong = -np.logaddexp(0, logit)
        joint = self.data.right @ logit + self.data.seen @ log_wrong + self.log_weight
        peak = joint.max(axis=1, keepdims=True)
        joint = np.exp(joint - peak)
        total = joint.sum(axis=1, keepdims=True)
        value = float(self.data.count @ (np.log(total) + peak).ravel())
        return value, joint / total, expit(logit)

    def expected(self, posterior: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected right answers and answers at each node, both (items × nodes)."""
        weighted = posterior * self.data.count[:, None]
        return self.data.right.T @ weighted, self.data.seen.T @ weighted

    def complete(self, right: FloatArray, seen: FloatArray, chance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradient (2J) and information (2J × 2J) as if abilities were known to lie as expected."""
        error = right - seen * chance
        gradient = np.concatenate([error @ self.theta, error.sum(axis=1)])
        spread = seen * chance * (1 - chance)
        aa, ad, dd = np.diag(spread @ self.theta**2), np.diag(spread @ self.theta), np.diag(spread.sum(axis=1))
        return gradient, np.block([[aa, ad], [ad, dd]])

    def observed(self, posterior: FloatArray, chance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Exact gradient (2J) and observed information (2J × 2J) of the marginal log-likelihood.

        Louis: information = E[complete information] − Var(complete score), both given the answers.
        """
        gradient, complete = self.complete(*self.expected(posterior), chance)
        items = chance.shape[0]
        second = np.zeros((3, items, items))
        for node, ability in enumerate(self.theta):
            mass = np.sqrt(posterior[:, node] * self.data.count)
            if mass.max() < 1e-12:
                continue
            score = (self.data.right - self.data.seen * chance[:, node]) * mass[:, None]
            block = score.T @ score
            second[0] += ability**2 * block
            second[1] += ability * block
            second[2] += block
        scores = np.hstack(
            [
                self.data.right * (posterior @ self.theta)[:, None]
                - self.data.seen * (posterior @ (chance * self.theta).T),
                self.data.right - self.data.seen * (posterior @ chance.T),
            ]
        )
        mean = scores.T @ (scores * self.data.count[:, None])
        moment = np.block([[second[0], second[1]], [second[1], second[2]]])
        return gradient, complete - moment + mean


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
    """Expectation–maximisation, three Newton steps on the expected counts per turn."""
    design = layout.matrix()
    slope_of = layout.index[: layout.index.size // 2]
    slopes = np.unique(slope_of[slope_of >= 0])
    items = slope_of.size
    for _ in range(steps):
        _, posterior, chance = marginal.posterior(layout.spread(free))
        right, seen = marginal.expected(posterior)
        for _ in range(3):
            gradient, information = marginal.complete(right, seen, chance)
            compact = design.T @ (design.T @ information).T
            compact[np.diag_indices_from(compact)] += 1e-9
            free = free + np.clip(np.linalg.solve(compact, design.T @ gradient), -1, 1)
            free[slopes] = np.clip(free[slopes], -SLOPE_BOUND, SLOPE_BOUND)
            full = layout.spread(free)
            chance = expit(np.outer(full[:items], marginal.theta) + full[items:, None])
    return free


def _newton(marginal: Marginal, layout: Layout, free: FloatArray) -> tuple[FloatArray, FloatArray | None, bool]:
    """Newton with halving; (estimate, information at it, converged). Gives up where it is not concave."""
    design = layout.matrix()
    for _ in range(50):
        value, posterior, chance = marginal.posterior(layout.spread(free))
        gradient, information = marginal.observed(posterior, chance)
        slope, compact = design.T @ gradient, design.T @ (design.T @ information).T
        try:
            np.linalg.cholesky(compact)
        except np.linalg.LinAlgError:
            return free, None, False
        step = np.linalg.solve(compact, slope)
        if float(slope @ step) < 1e-12:
            return free, compact, True
        for halving in range(12):
            moved = free + step / 2**halving
            if marginal.posterior(layout.spread(moved))[0] >= value - 1e-10 * abs(value) * (halving > 3):
                free = moved
                break
        else:
            return free, compact, float(slope @ step) < 1e-7
    return free, None, False


def maximise(data: Responses, layout: Layout, start: FloatArray, nodes: int = NODES) -> Maximum:
    """Maximum of the marginal likelihood over the free parameters of ``layout`` from ``start`` (2J)."""
    points, weights = quadrature(nodes)
    marginal = Marginal(data, points, np.log(weights))
    items = start.size // 2
    free = _em(marginal, layout, layout.gather(start), EM_STEPS)
    information, done = None, False
    for _ in range(8):
        full = layout.spread(free)
        extreme = np.zeros(start.size, dtype=np.bool_)
        extreme[:items] = (np.abs(full[:items]) >= SLOPE_BOUND - 1e-9) & (layout.index[:items] >= 0)
        if extreme.any():
            layout = layout.hold(extreme, full)
            free = layout.gather(full)
        tried, information, done = _newton(marginal, layout, free)
        too_steep = np.abs(layout.spread(tried)[:items][layout.index[:items] >= 0]) > SLOPE_BOUND
        if done and not too_steep.any():
            free = tried
            break
        free = _em(marginal, layout, free, 4 * EM_STEPS)
    full = layout.spread(free)
    covariance = None
    if done and information is not None:
        design = layout.matrix()
        inverse = np.linalg.inv(information)
        covariance = design @ (design @ inverse).T
    held = (layout.index[:items] < 0) & (np.abs(full[:items]) >= SLOPE_BOUND - 1e-9)
    value = marginal.posterior(full)[0]
    return Maximum(full, covariance, value, layout.size, done, held)
