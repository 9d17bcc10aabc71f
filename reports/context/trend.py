"""Accuracy week by week, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from reports.data import Period
from reports.figures import Figure, share
from reports.pattern import week_starts


@dataclass(frozen=True, slots=True)
class Trend:
    """``starts`` are Mondays; a week without enough answers or members has no value."""

    starts: tuple[date, ...]
    shares: tuple[Figure, ...]
    overall: Figure


FEWEST = 3
"""Graded answers of a week below which an interval spans the whole axis."""


def trend(period: Period, weeks: Mapping[date, tuple[int, int, int]], overall: Figure, k: int = 1) -> Trend:
    """From (right, graded, members) by Monday; weeks with fewer than ``k`` members have no value."""
    starts = week_starts(period)
    shares = []
    for start in starts:
        right, graded, members = weeks.get(start, (0, 0, 0))
        enough = graded >= FEWEST and members >= k
        shares.append(share("accuracy", right, graded) if enough else Figure("accuracy", None))
    return Trend(starts, tuple(shares), overall)
