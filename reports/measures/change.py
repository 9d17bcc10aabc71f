"""Change of a share or mean from one period to the next, over members who are largely the same in both."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

from reports.measures.errors import MeasureError
from reports.measures.proportions import Interval

FEWEST = 5
"""Members below which a spread between members can't be told from chance: then there is no interval."""

Sums = Mapping[str, tuple[float, float]]
"""Member → (x, n): right of graded answers, or seconds and 1."""


@dataclass(frozen=True, slots=True)
class RatioChange:
    """``before`` and ``now`` are Σx/Σn; ``change`` is now − before, in their unit. ``members``: in either period."""

    before: float
    now: float
    change: float
    interval: Interval | None
    members: int

    @property
    def direction(self) -> int:
        """1 or −1 where the whole interval lies on one side of 0, else 0: then it may be chance."""
        if self.interval is None or self.interval.low <= 0 <= self.interval.high:
            return 0
        return 1 if self.interval.low > 0 else -1


def change_of_ratio(before: Sums, now: Sums, confidence: float = 0.95) -> RatioChange | None:
    """Change of Σx/Σn with an interval that takes members as clusters. ``None`` where either period has no n.

    Answers of one member are alike, and most members are in both periods: neither the answers nor the periods are
    independent, so that an interval for two independent shares would be wrong. By linearisation each member
    contributes u = (x₂ − r₂n₂)/N₂ − (x₁ − r₁n₁)/N₁, and the interval is d ± t·√(m/(m−1)·Σu²) with m − 1 degrees of
    freedom. No interval below five members or where no member differs from the ratio. Raises MeasureError for
    a negative n.
    Source: Cochran 1977, Sampling Techniques, 3rd ed., sections 6.3–6.5 (ratio estimator); Kish & Frankel 1974,
    Journal of the Royal Statistical Society B 36:1–37.
    """
    if any(n < 0 for part in (before, now) for _, n in part.values()):
        raise MeasureError("a negative number of cases", hint="n counts cases and is 0 or more")
    n1, n2 = (math.fsum(n for _, n in part.values()) for part in (before, now))
    if not n1 or not n2:
        return None
    r1, r2 = math.fsum(x for x, _ in before.values()) / n1, math.fsum(x for x, _ in now.values()) / n2
    members = sorted(m for m in before.keys() | now.keys() if before.get(m, _NONE)[1] or now.get(m, _NONE)[1])
    parts = []
    for member in members:
        (x1, k1), (x2, k2) = before.get(member, _NONE), now.get(member, _NONE)
        parts.append((x2 - r2 * k2) / n2 - (x1 - r1 * k1) / n1)
    m, squares = len(parts), math.fsum(u * u for u in parts)
    interval = None
    if m >= FEWEST and squares > 1e-18:
        reach = float(stdtrit(m - 1, 0.5 + confidence / 2)) * math.sqrt(m / (m - 1) * squares)
        interval = Interval(r2 - r1 - reach, r2 - r1 + reach)
    return RatioChange(r1, r2, r2 - r1, interval, m)


_NONE = (0.0, 0.0)
