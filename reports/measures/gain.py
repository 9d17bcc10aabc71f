"""Gain between a test before and a test after: of a class (Hake) and of a member (Marx & Cummings)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.measures.arrays import ratio
from reports.measures.errors import MeasureError
from reports.measures.proportions import Interval, normal_quantile


def _check(score: float, maximum: float) -> None:
    if maximum <= 0 or not 0 <= score <= maximum:
        raise MeasureError(f"score {score} does not lie within 0..{maximum}", hint="give scores of the same test")


def hake_gain(pre_mean: float, post_mean: float, maximum: float) -> float | None:
    """Normalised gain of a class: the share of what could still be gained that was gained (≤ 1).

    Formula: ⟨g⟩ = (post − pre)/(max − pre) of the class *means*. ``None`` when pre = max (nothing left to
    gain). Negative when the class lost; then it has no lower bound, so read it with the means.
    Source: Hake 1998, American Journal of Physics 66:64–74.
    """
    _check(pre_mean, maximum)
    _check(post_mean, maximum)
    return ratio(post_mean - pre_mean, maximum - pre_mean)


def normalised_change(pre: float, post: float, maximum: float) -> float | None:
    """Normalised change c of one member (−1..1).

    Formula: post > pre: (post − pre)/(max − pre); post < pre: (post − pre)/pre; post = pre: 0. ``None``
    (dropped, as the source asks) when pre = post = 0 or pre = post = max.
    Source: Marx & Cummings 2007, American Journal of Physics 75:87–91.
    """
    _check(pre, maximum)
    _check(post, maximum)
    if post > pre:
        return (post - pre) / (maximum - pre)
    if post < pre:
        return (post - pre) / pre
    return None if pre in (0, maximum) else 0.0


@dataclass(frozen=True, slots=True)
class ClassGain:
    """⟨g⟩ with a jackknife interval, and the mean normalised change of ``n_change`` members."""

    n: int
    pre_mean: float
    post_mean: float
    gain: float | None
    interval: Interval | None
    n_change: int
    mean_change: float | None


def class_gain(pairs: Sequence[tuple[float, float]], maximum: float, confidence: float = 0.95) -> ClassGain | None:
    """Gain of a class from (pre, post) of the members who took both; ``None`` for an empty class.

    The interval is ⟨g⟩ ± z·se with the jackknife se √((n−1)/n Σ(g₍ᵢ₎ − ḡ)²) over the values with one
    member left out; ``None`` below n = 3 or where leaving one out leaves nothing to gain. Without a
    comparison group a gain does not say that the course caused it.
    Source: Hake 1998; Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 11.
    """
    if not pairs:
        return None
    for score in (s for pair in pairs for s in pair):
        _check(score, maximum)
    pre, post = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    n = len(pairs)
    gain = hake_gain(float(pre.mean()), float(post.mean()), maximum)
    changes = [c for c in (normalised_change(a, b, maximum) for a, b in pairs) if c is not None]
    interval = None
    if gain is not None and n >= 3:
        room = n * maximum - pre.sum() - (maximum - pre)
        if room.min() > 0:
            left_out = (post.sum() - post - pre.sum() + pre) / room
            se = math.sqrt((n - 1) / n * float(np.sum((left_out - left_out.mean()) ** 2)))
            half = normal_quantile(confidence) * se
            interval = Interval(gain - half, min(1.0, gain + half))
    return ClassGain(
        n,
        float(pre.mean()),
        float(post.mean()),
        gain,
        interval,
        len(changes),
        ratio(sum(changes), len(changes)),
    )
