"""Classical test theory: what a test and each of its questions measured, on first attempts.

Scores are a matrix members × items of marks, NaN where a question was *not administered* to the member; a
question that was shown and left unanswered is 0, else skipping would look like knowing. Variances have
denominators n − 1. Source: Moodle's quiz statistics (Hunt & Pratt, "Quiz statistics calculations"); Lord &
Novick 1968, Statistical Theories of Mental Test Scores; Ebel & Frisbie 1991.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import fdtri

from reports.measures.arrays import FloatArray, finite, ratio
from reports.measures.errors import MeasureError
from reports.measures.moments import (
    correlation,
    correlation_interval,
    covariance,
    kurtosis,
    skewness,
    variance,
)
from reports.measures.proportions import Interval, wilson


@dataclass(frozen=True, slots=True)
class ItemStatistics:
    """One question. Marks unless said otherwise; x its marks, T the member's total, T − x the rest score.

    facility mean/max (0..1) with its Wilson interval (for partial credit it is on the wide side) · sd ·
    mark_variance, rest_variance, covariance: of x and T − x · covariance_max: of both sorted, the most the
    two distributions allow · discrimination_index 100·corr(x, T−x) · efficiency 100·covariance/
    covariance_max · effective_weight 100·√cov(x,T)/Σ√cov over the test, ``None`` where that covariance is
    negative (it counts 0 in the sum) · r_total corr(x, T), r_rest corr(x, T−x) with Fisher's interval ·
    alpha_without: alpha of the test without this question.
    """

    item_id: str
    n: int
    max_mark: float
    facility: float | None
    facility_interval: Interval | None
    sd: float | None
    mark_variance: float | None
    rest_variance: float | None
    covariance: float | None
    covariance_max: float | None
    discrimination_index: float | None
    efficiency: float | None
    effective_weight: float | None
    r_total: float | None
    r_rest: float | None
    r_rest_interval: Interval | None
    alpha_without: float | None


@dataclass(frozen=True, slots=True)
class TestStatistics:
    """The test as a whole, in marks; alpha (Moodle's CIC/100) and error_ratio are shares.

    alpha = k/(k−1)·(1 − Σ var x_j / var T), not clipped: below 0 the questions pull in different
    directions · error_ratio = √(1 − alpha) · standard_error = error_ratio·sd. ``n_complete`` members
    had every question; alpha rests on them alone.
    """

    __test__ = False  # not a test class for pytest

    n: int
    n_complete: int
    n_items: int
    max_mark: float
    mean: float | None
    median: float | None
    sd: float | None
    skewness: float | None
    kurtosis: float | None
    alpha: float | None
    error_ratio: float | None
    standard_error: float | None


@dataclass(frozen=True, slots=True)
class ClassicalAnalysis:
    """Statistics of the test and of its items, in the order of the columns."""

    test: TestStatistics
    items: tuple[ItemStatistics, ...]


def _alphas(complete: FloatArray) -> tuple[float | None, list[float | None]]:
    """Cronbach's alpha, and alpha without each item, from one covariance matrix."""
    rows, k = complete.shape
    nothing: list[float | None] = [None] * k
    if rows < 2 or k < 2:
        return None, nothing
    matrix = np.atleast_2d(np.cov(complete, rowvar=False))
    own, total = np.diag(matrix), float(matrix.sum())
    tiny = 1e-15 * max(1.0, float(np.abs(complete).max()) ** 2)

    def alpha(items: int, parts: float, whole: float) -> float | None:
        return finite(items / (items - 1) * (1 - parts / whole)) if whole > tiny else None

    overall = alpha(k, float(own.sum()), total)
    if k < 3:
        return overall, nothing
    rest = total - 2 * matrix.sum(axis=1) + own
    return overall, [alpha(k - 1, float(own.sum() - own[j]), float(rest[j])) for j in range(k)]


def alpha_interval(alpha: float | None, members: int, items: int, confidence: float = 0.95) -> Interval | None:
    """Interval for Cronbach's alpha from ``members`` who had all ``items``; None where alpha is undefined.

    Formula: 1 − (1 − α̂)·F at the quantiles of F with n − 1 and (n − 1)(k − 1) degrees of freedom. It rests on
    normal scores with equal covariances; few or very skew questions make it too narrow.
    Source: Feldt, Woodruff & Salih 1987, Applied Psychological Measurement 11:93–103.
    """
    if alpha is None or members < 2 or items < 2:
        return None
    first, second = members - 1, (members - 1) * (items - 1)
    low, high = (1 - (1 - alpha) * float(fdtri(first, second, 0.5 + s * confidence / 2)) for s in (1, -1))
    return Interval(low, high)


def _weights(contributions: Sequence[float]) -> list[float | None]:
    """100·√c_j/Σ√c over covariances with the total; negative ones are ``None`` and count 0."""
    roots = [math.sqrt(c) if c >= 0 else 0.0 for c in contributions]
    total = sum(roots)
    return [ratio(100 * r, total) if c >= 0 else None for r, c in zip(roots, contributions, strict=True)]


def analyse(
    scores: npt.ArrayLike, max_marks: Sequence[float], item_ids: Sequence[str] | None = None
) -> ClassicalAnalysis:
    """Item and test statistics of a members × items matrix of marks (NaN: not administered).

    Where forms differ, T is the sum over what the member was given, and an item is judged on the members who
    had it and at least one other. Negative marks (penalties) are allowed; facility then has no interval.
    Undefined figures are ``None``: variance 0, n < 2, skewness n < 3, kurtosis n < 4. Raises MeasureError
    where the shapes don't fit or a mark lies above its maximum.
    """
    marks, tops = np.array(scores, dtype=np.float64, ndmin=2), np.asarray(max_marks, dtype=np.float64)
    if marks.size == 0:
        marks = marks.reshape(0, tops.size)
    names = list(item_ids) if item_ids is not None else [str(j + 1) for j in range(tops.size)]
    if marks.shape[1] != tops.size or len(names) != tops.size:
        raise MeasureError(f"{marks.shape[1]} columns, {tops.size} maximum marks and {len(names)} item ids")
    if tops.size and not tops.min() > 0:
        raise MeasureError("a maximum mark is not above 0")
    if np.any(marks > tops * (1 + 1e-9)):
        raise MeasureError("a mark lies above its maximum", hint="check the catalogue's max_score")
    given = ~np.isnan(marks)
    marks = marks[given.any(axis=1)]
    given = ~np.isnan(marks)
    totals = np.where(given, marks, 0.0).sum(axis=1)
    alpha, without = _alphas(marks[given.all(axis=1)])
    comparable = given.sum(axis=1) > 1
    partial: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    for j in range(tops.size):
        rows = given[:, j] & comparable
        x, whole = marks[rows, j], totals[rows]
        partial.append((x, whole, whole - x))
    weights = _weights([finite(covariance(x, whole)) or 0.0 for x, whole, _ in partial])
    items = tuple(
        _item(names[j], float(tops[j]), marks[given[:, j], j], *partial[j], weights[j], without[j])
        for j in range(tops.size)
    )
    sd = finite(math.sqrt(variance(totals))) if totals.size > 1 else None
    noise = None if alpha is None else math.sqrt(1 - alpha)
    test = TestStatistics(
        n=int(totals.size),
        n_complete=int(given.all(axis=1).sum()),
        n_items=int(tops.size),
        max_mark=float(tops.sum()),
        mean=float(totals.mean()) if totals.size else None,
        median=float(np.median(totals)) if totals.size else None,
        sd=sd,
        skewness=skewness(totals),
        kurtosis=kurtosis(totals),
        alpha=alpha,
        error_ratio=noise,
        standard_error=None if noise is None or sd is None else noise * sd,
    )
    return ClassicalAnalysis(test, items)


def _item(
    item_id: str,
    top: float,
    own: FloatArray,
    x: FloatArray,
    whole: FloatArray,
    rest: FloatArray,
    weight: float | None,
    alpha_without: float | None,
) -> ItemStatistics:
    """One item: ``own`` all its marks; ``x``, ``whole``, ``rest`` of the members who had another item too."""
    n, summed = int(own.size), float(own.sum())
    together, most = covariance(x, rest), covariance(np.sort(x), np.sort(rest))
    r_rest = correlation(x, rest)
    spread, rest_spread = finite(variance(own)), finite(variance(rest))
    negative = n > 0 and float(own.min()) < 0
    return ItemStatistics(
        item_id=item_id,
        n=n,
        max_mark=top,
        facility=ratio(summed, n * top),
        facility_interval=None if negative else wilson(min(summed / top, float(n)), n),
        sd=None if spread is None else math.sqrt(spread),
        mark_variance=spread,
        rest_variance=rest_spread,
        covariance=finite(together),
        covariance_max=finite(most),
        discrimination_index=None if r_rest is None else 100 * r_rest,
        # Without variance on either side there is no most that the two could share.
        efficiency=None if r_rest is None else ratio(100 * together, most),
        effective_weight=weight if spread else None if spread is None else 0.0,
        r_total=correlation(x, whole),
        r_rest=r_rest,
        r_rest_interval=correlation_interval(r_rest, int(x.size)),
        alpha_without=alpha_without,
    )
