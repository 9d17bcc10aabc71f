"""Moments and correlations with denominators n − 1, undefined where there is no variance."""

from __future__ import annotations

import math

import numpy as np

from reports.measures.arrays import FloatArray
from reports.measures.proportions import Interval, normal_quantile


def variance(values: FloatArray) -> float:
    """Sample variance; exactly 0 for values that are equal up to rounding, NaN below n = 2."""
    if values.size < 2:
        return math.nan
    # Sums of marks such as 0.1 + 0.2 differ in the last bit; that is not a spread to divide by.
    if np.ptp(values) <= 1e-9 * max(1.0, float(np.abs(values).max())):
        return 0.0
    return float(values.var(ddof=1))


def covariance(x: FloatArray, y: FloatArray) -> float:
    """Sample covariance, NaN below n = 2; exactly 0 where only rounding is left of it."""
    if x.size < 2:
        return math.nan
    a, b = x - x.mean(), y - y.mean()
    product = float(a @ b)
    # Its sign decides whether a weight is defined, so noise of 1e-17 must not have one.
    if abs(product) <= 1e-13 * math.sqrt(float(a @ a) * float(b @ b)):
        return 0.0
    return product / (x.size - 1)


def correlation(x: FloatArray, y: FloatArray) -> float | None:
    """Pearson's r, ``None`` where either has no variance or n < 2."""
    spread = variance(x) * variance(y)
    if not spread > 0:
        return None
    return max(-1.0, min(1.0, covariance(x, y) / math.sqrt(spread)))


def correlation_interval(r: float | None, n: int, confidence: float = 0.95) -> Interval | None:
    """Interval for a correlation: tanh(artanh r ± z/√(n − 3)).

    ``None`` where r is, and below n = 4. For a 0/1 variable it is an approximation. Source: Fisher 1921,
    Metron 1:3–32.
    """
    if r is None or n < 4:
        return None
    if abs(r) >= 1:
        return Interval(r, r)
    half = normal_quantile(confidence) / math.sqrt(n - 3)
    return Interval(math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))


def skewness(values: FloatArray) -> float | None:
    """k3/k2^1.5 with k-statistics; ``None`` below n = 3 or without variance.

    Formula: k3 = n S3/((n−1)(n−2)) with S_r = Σ(x − x̄)^r. Source: Kendall & Stuart 1977, volume 1,
    section 12; as used by Moodle's quiz statistics.
    """
    n, spread = values.size, variance(values)
    if n < 3 or not spread > 0:
        return None
    third = float(np.sum((values - values.mean()) ** 3))
    return float(n * third / ((n - 1) * (n - 2)) / spread**1.5)


def kurtosis(values: FloatArray) -> float | None:
    """k4/k2² (excess: 0 for a normal distribution); ``None`` below n = 4 or without variance.

    Formula: k4 = n²((n+1) m4 − 3(n−1) m2²)/((n−1)(n−2)(n−3)) with m_r = S_r/n. Source: as ``skewness``.
    """
    n, spread = values.size, variance(values)
    if n < 4 or not spread > 0:
        return None
    away = values - values.mean()
    m2, m4 = float(np.mean(away**2)), float(np.mean(away**4))
    k4 = n * n * ((n + 1) * m4 - 3 * (n - 1) * m2 * m2) / ((n - 1) * (n - 2) * (n - 3))
    return k4 / spread**2
