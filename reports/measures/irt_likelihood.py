"""The marginal likelihood of logistic item response models, its gradient and its information.

Items are in slope–intercept form, P(right | θ) = 1/(1 + e^−(aθ + d)), θ ~ N(0, 1) integrated out by
Gauss–Hermite quadrature. Source: Bock & Aitkin 1981, Psychometrika 46:443–459; the information by Louis
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

    def _slope(self, error: FloatArray) -> FloatArray:
        return np.concatenate([error @ self.theta, error.sum(axis=1)])

    def score(self, posterior: FloatArray, chance: FloatArray) -> FloatArray:
        """Gradient (2J) of the marginal log-likelihood (Fisher: the expected complete one)."""
        right, seen = self.expected(posterior)
        return self._slope(right - seen * chance)

    def complete(self, right: FloatArray, seen: FloatArray, chance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradient (2J) and information (2J × 2J) as if abilities were known to lie as expected."""
        gradient = self._slope(right - seen * chance)
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
