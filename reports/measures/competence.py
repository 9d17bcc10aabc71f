"""A profile in one competence: how much of what is asked about it somebody answers right, and the gap to a reference.

What shows a competence is a set of items, knowledge points or courses. Each item with answers counts alike, however
many questions it has: who practised one point a hundred times has not shown the whole competence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtrit

from reports.measures.errors import MeasureError
from reports.measures.proportions import Interval, wilson

LEAST_QUESTIONS = 5
"""Of one person: from so many questions on something is said of a gap. Wilson's interval of one
wrong answer ends at 0.79: below many a reference, and yet it is one answer."""
Verdict = Literal["below", "open", "reached"]


@dataclass(frozen=True, slots=True)
class Profile:
    """``share`` (0..1) over ``items`` with answers to ``questions``; ``effective``: questions that would tell as much
    if each counted alike (Kish)."""

    share: float
    interval: Interval
    items: int
    questions: int
    effective: float

    def gap(self, expected: float | None) -> Gap | None:
        """The gap to a reference, see ``gap``: open below ``LEAST_QUESTIONS``."""
        return gap(self.share, self.interval, expected, enough=self.questions >= LEAST_QUESTIONS)


@dataclass(frozen=True, slots=True)
class Gap:
    """Share minus reference, with its interval; a reference is given, so that its doubt is that of the share."""

    value: float
    interval: Interval | None
    verdict: Verdict


def profile(cells: Sequence[tuple[int, int]]) -> Profile | None:
    """The profile from (right, questions) of each item; ``None`` without any question.

    Formula: share = Σ(x_k/n_k)/m over the m items with n_k > 0. A question of item k has the weight 1/(m·n_k), so
    that n_eff = 1/Σw² = m²/Σ(1/n_k), and the interval is Wilson's for share·n_eff of n_eff. With equal n_k this is
    Wilson's interval of the plain share. Raises MeasureError unless 0 ≤ x ≤ n.
    Source: Kish 1965, Survey Sampling, section 11.7 (unequal weights); Wilson 1927, JASA 22:209–212.
    """
    if any(x < 0 or x > n for x, n in cells):
        raise MeasureError("more right answers than questions", hint="0 <= x <= n")
    kept = [(x, n) for x, n in cells if n]
    if not kept:
        return None
    share = math.fsum(x / n for x, n in kept) / len(kept)
    effective = len(kept) ** 2 / math.fsum(1 / n for _, n in kept)
    # A sum of shares may end 1e-17 above 1.
    found = wilson(min(share, 1.0) * effective, effective)
    assert found is not None
    return Profile(min(share, 1.0), found, len(kept), sum(n for _, n in kept), effective)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """95 % t interval of a mean of shares over members, cut to 0..1; ``None`` below two members.

    Members, not answers, are what varies: answers of one member resemble each other.
    """
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)
    reach = float(stdtrit(n - 1, 0.975)) * spread
    return Interval(max(0.0, mean - reach), min(1.0, mean + reach))


def gap(share: float, interval: Interval | None, expected: float | None, *, enough: bool = True) -> Gap | None:
    """The gap to a reference; ``None`` without one.

    ``below`` and ``reached`` only where the whole interval says so, and where there is ``enough`` to say anything;
    ``open`` says that the data don't tell.
    """
    if expected is None:
        return None
    if interval is None:
        return Gap(share - expected, None, "open")
    moved = Interval(interval.low - expected, interval.high - expected)
    if not enough:
        return Gap(share - expected, moved, "open")
    return Gap(share - expected, moved, "below" if moved.high < 0 else "reached" if moved.low >= 0 else "open")
