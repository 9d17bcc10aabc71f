"""Intervals for shares and counts: Wilson, Byar, and Newcombe's interval for a difference of two shares."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import ndtri

from reports.measures.errors import MeasureError

SHOW_FRACTION_BELOW = 30
"""Below this n a share is also printed as x/y."""


class Interval(NamedTuple):
    """Lower and upper limit, in the unit of the estimate."""

    low: float
    high: float


def normal_quantile(confidence: float) -> float:
    """Two-sided standard normal quantile: 1.959964 for 0.95, 3.090232 for 0.998.

    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    if not 0 < confidence < 1:
        raise MeasureError(f"confidence {confidence} is not within 0..1", hint="give a share, such as 0.95")
    return float(ndtri(0.5 + confidence / 2))


def wilson(x: float, n: float, confidence: float = 0.95) -> Interval | None:
    """Wilson's score interval for a share ``x / n`` (unit: share, 0..1).

    Formula: (2x + z² ± z √(z² + 4x(1 − x/n))) / (2(n + z²)).
    ``x`` may be fractional (partial credit, weighted counts). ``n = 0`` gives ``None``; at ``x = 0`` the
    lower limit is exactly 0 and at ``x = n`` the upper limit exactly 1. Raises MeasureError unless 0 ≤ x ≤ n.
    Source: Wilson 1927, JASA 22:209–212; Newcombe 1998, Statistics in Medicine 17:857–872, method 3.
    """
    if n < 0 or x < 0 or x > n or not (math.isfinite(x) and math.isfinite(n)):
        raise MeasureError(f"{x} of {n} is not a share", hint="0 <= x <= n")
    if n == 0:
        return None
    z = normal_quantile(confidence)
    centre, spread = 2 * x + z * z, z * math.sqrt(z * z + 4 * x * (1 - x / n))
    scale = 2 * (n + z * z)
    # The two ends are set, not computed: rounding would leave 1e-17 where the formula says 0.
    low = 0.0 if x == 0 else (centre - spread) / scale
    high = 1.0 if x == n else (centre + spread) / scale
    return Interval(low, high)


def byar(count: float, confidence: float = 0.95) -> Interval:
    """Byar's interval for a Poisson count (unit: events).

    Formula: low = x(1 − 1/(9x) − z/(3√x))³, high = (x+1)(1 − 1/(9(x+1)) + z/(3√(x+1)))³.
    ``count = 0`` gives a lower limit of 0; a cube that would be negative (tiny count, high confidence) is cut
    at 0. Raises MeasureError for a negative count.
    Source: Breslow & Day 1987, Statistical Methods in Cancer Research II, p. 69 (Byar's approximation).
    """
    if count < 0 or not math.isfinite(count):
        raise MeasureError(f"{count} is not a count", hint="counts are 0 or more")
    z = normal_quantile(confidence)
    upper = count + 1
    high = upper * (1 - 1 / (9 * upper) + z / (3 * math.sqrt(upper))) ** 3
    if count == 0:
        return Interval(0.0, high)
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3
    return Interval(max(0.0, low), high)


def newcombe(x1: float, n1: float, x2: float, n2: float, confidence: float = 0.95) -> Interval | None:
    """Interval for the difference x1/n1 − x2/n2 of two independent shares (unit: share, −1..1).

    Formula, with Wilson limits l, u of each: d − √((p1−l1)² + (u2−p2)²) … d + √((u1−p1)² + (p2−l2)²).
    ``None`` when either n is 0. Not for paired data (the same members twice).
    Source: Newcombe 1998, Statistics in Medicine 17:873–890, method 10 (hybrid score, no correction).
    """
    first, second = wilson(x1, n1, confidence), wilson(x2, n2, confidence)
    if first is None or second is None:
        return None
    p1, p2 = x1 / n1, x2 / n2
    low = p1 - p2 - math.hypot(p1 - first.low, second.high - p2)
    high = p1 - p2 + math.hypot(first.high - p1, p2 - second.low)
    return Interval(max(-1.0, low), min(1.0, high))
