"""Attitude as separate indicators of how somebody studied; they are never added up into one score.

Times are integer milliseconds since the epoch unless a name says otherwise. Amounts of study may be in
any one unit (minutes, milliseconds): the indicators are shares and do not depend on it.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.measures.arrays import FloatArray, as_floats, ratio
from reports.measures.errors import MeasureError

LAST_SHARE = 0.2
"""Cramming looks at the last fifth of the time between assigned and due."""

SENSITIVITY_MINUTES = (10, 30, 60)
"""Gaps between clicks up to which time counts, the three settings of the sensitivity band."""


def _amounts(daily: Iterable[float]) -> FloatArray:
    values = as_floats(daily)
    if values.size and (not np.all(np.isfinite(values)) or values.min() < 0):
        raise MeasureError("an amount of study is negative or not a number")
    return values


def regularity(daily: Iterable[float]) -> float | None:
    """Evenness of study over the enrolled days (0..1): 1 the same every day, 0 all on one day.

    Formula: H = −Σ p ln p / ln W over the W days given, p the day's share of all study. Give every
    enrolled day, zeros included. ``None`` with no study at all (not 0: nothing is known about its
    rhythm) and with W = 1 (evenness over one day means nothing).
    Source: Shannon entropy normalised by its maximum (Pielou 1966, J. Theoretical Biology 13:131–144).
    """
    values = _amounts(daily)
    total = float(values.sum())
    if values.size < 2 or total == 0:
        return None
    shares = values[values > 0] / total
    entropy = float(-np.sum(shares * np.log(shares)))
    # Rounding must not show a regularity of 1.0000000002 or -0.0.
    return min(1.0, max(0.0, entropy / math.log(values.size)))


def gini(daily: Iterable[float], *, corrected: bool = True) -> float | None:
    """Concentration of study over the enrolled days (0..1): 0 the same every day, 1 all on one day.

    Formula: G = Σ (2i − W − 1) x_(i) / (W Σx) over the sorted amounts; corrected for the W days by
    W/(W − 1), without which one day of seven could reach only 6/7. ``None`` as for ``regularity``.
    Source: Deltas 2003, Review of Economics and Statistics 85:226–234 (small-sample correction).
    """
    values = np.sort(_amounts(daily))
    count, total = values.size, float(values.sum())
    if count < 2 or total == 0:
        return None
    ranks = 2 * np.arange(1, count + 1) - count - 1
    raw = float(ranks @ values) / (count * total)
    return min(1.0, max(0.0, raw * count / (count - 1) if corrected else raw))


@dataclass(frozen=True, slots=True)
class HourConsistency:
    """``r`` in 0..1 (1: always the same hour); ``mean_hour`` in [0, 24), ``None`` where hours cancel out."""

    r: float
    mean_hour: float | None


def hour_consistency(
    by_hour: Mapping[float, float] | Iterable[tuple[float, float]],
) -> HourConsistency | None:
    """How much study keeps to one hour of the (local) day; 23:30 and 00:30 are neighbours.

    Formula: R = |Σ w e^{2πih/24}| / Σ w over pairs of (hour, weight); the mean hour is its direction. Give
    the hour's middle (20.5 for 20:00–21:00) where weights are sums over whole hours. ``None`` with no
    study. Says nothing about which hours are good ones.
    Source: Fisher 1993, Statistical Analysis of Circular Data, section 2.3 (mean resultant length).
    """
    pairs = list(by_hour.items() if isinstance(by_hour, Mapping) else by_hour)
    weights = _amounts(weight for _, weight in pairs)
    total = float(weights.sum())
    if total == 0:
        return None
    angles = (cmath.exp(2j * math.pi * hour / 24) for hour, _ in pairs)
    mean = sum((w * a for w, a in zip(weights.tolist(), angles, strict=True)), 0j) / total
    strength = min(1.0, abs(mean))
    if strength < 1e-9:
        return HourConsistency(0.0, None)
    return HourConsistency(strength, (cmath.phase(mean) * 24 / (2 * math.pi)) % 24)


def burstiness(gaps: Iterable[float]) -> float | None:
    """Spacing of study (−1..1): −1 evenly spaced, 0 random, towards 1 in bursts with long silences.

    Formula: B = (σ − μ)/(σ + μ) of the gaps between sessions (any unit; σ with denominator n). ``None``
    with fewer than three gaps, or when every gap is 0.
    Source: Goh & Barabási 2008, Europhysics Letters 81:48002.
    """
    values = _amounts(gaps)
    if values.size < 3:
        return None
    mean, sd = float(values.mean()), float(values.std())
    return ratio(sd - mean, sd + mean)


def cramming(intervals_ms: Iterable[tuple[int, int]], assigned_ms: int, due_ms: int) -> float | None:
    """How far study is put off to the end (−0.25..1): 0 evenly spread, 1 all in the last fifth.

    Formula: (share of the time studied in the last 20 % of assigned→due − 0.2)/0.8. Intervals are
    [start, end), already merged; what lies before ``assigned`` or after ``due`` is left out. ``None``
    with no study in the window or when due ≤ assigned.
    """
    if due_ms <= assigned_ms:
        return None
    turn = due_ms - LAST_SHARE * (due_ms - assigned_ms)
    total = late = 0.0
    for start, end in intervals_ms:
        total += max(0, min(end, due_ms) - max(start, assigned_ms))
        late += max(0.0, min(end, due_ms) - max(start, turn))
    share = ratio(late, total)
    return None if share is None else (share - LAST_SHARE) / (1 - LAST_SHARE)


@dataclass(frozen=True, slots=True)
class StartLag:
    """``value`` in 0..1 (0 at once, 1 at the due date or never); ``started`` false flags "never started"."""

    value: float
    started: bool


def start_lag(first_ms: int | None, assigned_ms: int, due_ms: int, as_of_ms: int | None = None) -> StartLag | None:
    """Share of assigned→due that went by before the first study.

    Formula: (first − assigned)/(due − assigned), cut to 0..1. Never started is 1 with a flag, but
    ``None`` while ``as_of_ms`` (when given) is before the due date: there is still time. ``None`` when
    due ≤ assigned.
    """
    if due_ms <= assigned_ms:
        return None
    if first_ms is None:
        return StartLag(1.0, False) if as_of_ms is None or as_of_ms >= due_ms else None
    return StartLag(min(1.0, max(0.0, (first_ms - assigned_ms) / (due_ms - assigned_ms))), True)


def focus(active_ms: float | None, open_ms: float) -> float | None:
    """Share of the open time that was in focus and not idle (0..1).

    Formula: active/open. ``None`` when nothing was open or the client does not report activity. Active
    time above the open time (two clocks) counts as 1.
    """
    if active_ms is None or open_ms <= 0:
        return None
    if active_ms < 0:
        raise MeasureError(f"active time {active_ms} ms is negative")
    return min(1.0, active_ms / open_ms)


@dataclass(frozen=True, slots=True)
class Completion:
    """``covered`` is the share of the unit gone through; ``complete`` also needs its required quiz."""

    covered: float
    complete: bool


def completion(covered: float, total: float, *, quiz_passed: bool | None = None) -> Completion | None:
    """Whether a unit was gone through; having opened it is a different figure.

    ``quiz_passed`` is ``None`` where the unit requires no quiz. ``None`` when the unit has no extent.
    Covering more than the unit (its length changed) counts as all of it.
    """
    if total <= 0:
        return None
    share = min(1.0, max(0.0, covered / total))
    return Completion(share, share >= 1 and quiz_passed is not False)


def click_time_ms(clicks_ms: Iterable[int], limit_ms: int) -> int | None:
    """Study time guessed from clicks alone (milliseconds).

    Formula: sum of the gaps between neighbouring clicks that are ≤ ``limit_ms``; a longer gap is taken as
    away and counts nothing, and the last click adds nothing. ``None`` without clicks.
    Source: Kovanović et al. 2015, Journal of Learning Analytics 2(3):81–110.
    """
    times = np.sort(np.fromiter(clicks_ms, dtype=np.int64))
    if times.size == 0:
        return None
    gaps = np.diff(times)
    return int(gaps[gaps <= limit_ms].sum())


def sensitivity_band(clicks_ms: Sequence[int]) -> dict[int, int] | None:
    """``click_time_ms`` at gap limits of 10, 30 and 60 minutes (keys in minutes, values in milliseconds).

    The spread between them is what the choice of the limit alone decides. ``None`` without clicks.
    Source: Kovanović et al. 2015 (the three limits most used, and how much results depend on them).
    """
    if not clicks_ms:
        return None
    return {minutes: click_time_ms(clicks_ms, minutes * 60_000) or 0 for minutes in SENSITIVITY_MINUTES}
