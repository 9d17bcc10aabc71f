"""Fit the four parameters of knowledge tracing to many members' answers by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize

from reports.measures.arrays import FloatArray
from reports.measures.bkt import DEFAULTS, BktParams

MIN_SEQUENCES = 30
FLOOR, CEILING = 1e-3, 1 - 1e-3
BELOW_HALF = 0.499
"""G and S stop here: at exactly 0.5 an answer would say nothing."""

STARTS = (
    DEFAULTS,
    BktParams(0.2, 0.3, 0.05, 0.1),
    BktParams(0.6, 0.05, 0.2, 0.3),
    BktParams(0.1, 0.1, 0.3, 0.3),
)
"""The likelihood has several maxima; the best of these starts is kept."""


@dataclass(frozen=True, slots=True)
class BktFit:
    """Parameters, where they come from, and how well they are supported.

    ``log_likelihood`` is of the ``n_answers`` under ``params``. ``at_bound`` names parameters that ended
    on a bound: the data do not determine them.
    """

    params: BktParams
    source: Literal["fitted", "default"]
    n_sequences: int
    n_answers: int
    log_likelihood: float | None
    converged: bool
    at_bound: tuple[str, ...]


def _pack(sequences: Sequence[Sequence[bool]]) -> tuple[FloatArray, FloatArray]:
    """Distinct sequences as rows (1 right, 0 wrong, −1 past the end), and how often each occurs."""
    longest = max(len(s) for s in sequences)
    rows = np.full((len(sequences), longest), -1, dtype=np.int8)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    return distinct.astype(np.float64), counts.astype(np.float64)


def _emission(column: FloatArray, p: BktParams) -> FloatArray:
    """P(answer | not known), P(answer | known), shape (n, 2); 1 past the end of a sequence."""
    out = np.ones((column.size, 2))
    right, wrong = column == 1, column == 0
    out[right] = (p.g, 1 - p.s)
    out[wrong] = (1 - p.g, p.s)
    return out


def _expect(rows: FloatArray, counts: FloatArray, p: BktParams) -> tuple[float, FloatArray]:
    """Log-likelihood, and four pairs of expected counts (how often, of how many).

    The pairs: known at first, learned, slipped, guessed.
    Scaled forward–backward over all sequences at once; ``rows`` is (n, length).
    """
    n, length = rows.shape
    move = np.array([[1 - p.t, p.t], [0.0, 1.0]])
    emissions = [_emission(rows[:, i], p) for i in range(length)]
    forward, scale = np.empty((length, n, 2)), np.empty((length, n))
    state = np.tile([1 - p.l0, p.l0], (n, 1))
    for i in range(length):
        joint = state * emissions[i]
        scale[i] = joint.sum(axis=1)
        forward[i] = joint / scale[i][:, None]
        state = forward[i] @ move
    log_likelihood = float(counts @ np.log(scale).sum(axis=0))
    total = np.zeros(8)
    backward = np.ones((n, 2))
    for i in reversed(range(length)):
        here = forward[i] * backward
        seen = counts * (rows[:, i] >= 0)
        right = counts * (rows[:, i] == 1)
        total[4] += (seen - right) @ here[:, 1]
        total[5] += seen @ here[:, 1]
        total[6] += right @ here[:, 0]
        total[7] += seen @ here[:, 0]
        if i == 0:
            total[0], total[1] = counts @ here[:, 1], counts.sum()
            break
        message = emissions[i] * backward / scale[i][:, None]
        # Only steps that lead to an answer are evidence on learning.
        total[2] += seen @ (forward[i - 1][:, 0] * p.t * message[:, 1])
        backward = message @ move.T
        total[3] += seen @ (forward[i - 1] * backward)[:, 0]
    return log_likelihood, total


def _maximise(total: FloatArray) -> BktParams:
    """Each pair's share, cut to its bounds; the target is concave in each of them, so the cut is exact."""

    def share(i: int, high: float) -> float:
        return float(np.clip(total[i] / total[i + 1] if total[i + 1] > 0 else FLOOR, FLOOR, high))

    return BktParams(share(0, CEILING), share(2, CEILING), share(4, BELOW_HALF), share(6, BELOW_HALF))


def _climb(rows: FloatArray, counts: FloatArray, start: BktParams, steps: int = 30) -> tuple[float, BktParams]:
    """A few turns of EM: (log-likelihood, parameters)."""
    params = start
    for _ in range(steps):
        params = _maximise(_expect(rows, counts, params)[1])
    return _expect(rows, counts, params)[0], params


def _finish(rows: FloatArray, counts: FloatArray, start: BktParams) -> tuple[float, BktParams, bool]:
    """The top of the hill within the bounds, by L-BFGS-B: EM alone crawls where data say little.

    The gradient comes from the expected counts (Fisher): k/p − (n − k)/(1 − p) for each pair (k, n).
    """

    def target(at: FloatArray) -> tuple[float, FloatArray]:
        value, total = _expect(rows, counts, BktParams(*at.tolist()))
        often, of = total[0::2], total[1::2]
        return -value, -(often / at - (of - often) / (1 - at))

    found = minimize(
        target,
        np.array([start.l0, start.t, start.s, start.g]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(FLOOR, CEILING), (FLOOR, CEILING), (FLOOR, BELOW_HALF), (FLOOR, BELOW_HALF)],
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-4},
    )
    return -float(found.fun), BktParams(*found.x.tolist()), bool(found.success)


def fit(
    sequences: Sequence[Sequence[bool]],
    *,
    min_sequences: int = MIN_SEQUENCES,
) -> BktFit:
    """Fit L0, T, S, G to the members' answers on one knowledge point (each sequence oldest first).

    Maximum likelihood: EM from four starts, then L-BFGS-B from the best, within 0.001 ≤ L0, T ≤ 0.999
    and 0.001 ≤ G, S < 0.5. Empty
    sequences are left out. With fewer than ``min_sequences`` members who answered at least twice the
    defaults are returned, since a single answer says nothing about learning. Leave rapid answers out
    before the call for parameters without them.
    Source: Corbett & Anderson 1995; EM as Rabiner 1989, Proceedings of the IEEE 77:257–286.
    """
    used = [s for s in sequences if len(s)]
    answers = sum(len(s) for s in used)
    if sum(len(s) > 1 for s in used) < min_sequences:
        return BktFit(DEFAULTS, "default", len(used), answers, None, False, ())
    rows, counts = _pack(used)
    # A few steps from each start tell the hills apart; only the best is climbed to its top.
    scouts = [_climb(rows, counts, start) for start in STARTS]
    best = max(scouts, key=lambda s: s[0])
    value, params, converged = _finish(rows, counts, best[1])
    tops = {"l0": CEILING, "t": CEILING, "s": BELOW_HALF, "g": BELOW_HALF}
    bound = tuple(k for k, v in params.to_dict().items() if v < FLOOR + 1e-6 or v > tops[k] - 1e-6)
    return BktFit(params, "fitted", len(used), answers, value, converged, bound)


def log_likelihood(sequences: Sequence[Sequence[bool]], params: BktParams) -> float:
    """Log-likelihood (natural log) of answer sequences under ``params``; 0.0 when there are none."""
    used = [s for s in sequences if len(s)]
    return _expect(*_pack(used), params)[0] if used else 0.0
