"""Drift of items between two calibrations: which questions became easier, harder, sharper or duller.

Each calibration has its own scale (its members' abilities are N(0, 1)), so a change of all difficulties
together is a change of members, not of questions. The scales are linked first, by items that do not drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from reports.measures.arrays import FloatArray
from reports.measures.irt import Calibration, ItemParameters

MIN_LINK_ITEMS = 4
LARGE_SHIFT = 0.5
"""A shift of difficulty that matters, in sds of ability; smaller ones may be certain and still not matter."""


@dataclass(frozen=True, slots=True)
class ItemDrift:
    """One common item: shift of difficulty (new − old, on the old scale) and what chance says about it.

    ``p_value`` is for "the shift is 0", adjusted for testing many items (Holm). ``slope_ratio`` is
    new/old discrimination on the old scale. ``drifted``: adjusted p < alpha and |shift| ≥ 0.5.
    """

    item_id: str
    shift: float
    se: float
    z: float
    p_value: float
    slope_ratio: float
    in_link: bool
    drifted: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """Link θ_old = scale·θ_new + shift, and the common items in the order of the old calibration."""

    old_version: str
    new_version: str
    scale: float
    shift: float
    items: tuple[ItemDrift, ...]


def _common(old: Calibration, new: Calibration) -> list[tuple[ItemParameters, ItemParameters]]:
    later = {item.item_id: item for item in new.items}
    pairs = [(item, later[item.item_id]) for item in old.items if item.item_id in later]
    # A slope at or below 0 has no usable place on a scale; such an item is a matter for repair, not drift.
    return [
        (a, b)
        for a, b in pairs
        if all(i.status == "estimated" and i.a is not None and i.a > 0.1 and i.se_b for i in (a, b))
    ]


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(1.0, adjusted)
    return out


def item_drift(old: Calibration, new: Calibration, alpha: float = 0.05) -> Drift | None:
    """Items whose difficulty moved against the others between two calibrations.

    Link: scale = exp(mean(ln a_new − ln a_old)) (1 with fixed slopes), shift = mean of b_old − scale·b_new
    weighted by 1/(se_old² + scale²·se_new²), over the link items. Then z = (scale·b_new + shift − b_old)/se.
    The item with the largest |z| leaves the link while that is significant (Holm over the common items)
    and more than half of them remain, and the link is computed again: a drifting item must not drag
    the scale with it. The standard error ignores the doubt about the link itself and takes the two
    calibrations as independent, which they are not if they share members' answers: shared answers make
    the test cautious. ``None`` below four common items.
    Source: Lord 1980, chapter 14 (test of difficulty differences); Candell & Drasgow 1988, Applied
    Psychological Measurement 12:253–260 (iterative linking); Mislevy & Bock 1990 (log-mean slopes).
    """
    pairs = _common(old, new)
    if len(pairs) < MIN_LINK_ITEMS:
        return None
    a_old, a_new = (np.array([pair[k].a for pair in pairs], dtype=np.float64) for k in (0, 1))
    b_old, b_new = (np.array([pair[k].b for pair in pairs], dtype=np.float64) for k in (0, 1))
    s_old, s_new = (np.array([pair[k].se_b for pair in pairs], dtype=np.float64) for k in (0, 1))
    link = np.ones(len(pairs), dtype=np.bool_)
    while True:
        scale = math.exp(float(np.mean(np.log(a_new[link] / a_old[link]))))
        se = np.sqrt(s_old**2 + (scale * s_new) ** 2)
        offsets, weight = b_old - scale * b_new, 1 / se**2
        shift = float(np.average(offsets[link], weights=weight[link]))
        moved = shift - offsets
        z = moved / se
        p = _holm(2 * ndtr(-np.abs(z)))
        worst = int(np.argmax(np.where(link, np.abs(z), -1.0)))
        if p[worst] >= alpha or link.sum() - 1 <= len(pairs) / 2:
            break
        link[worst] = False
    items = tuple(
        ItemDrift(
            item_id=first.item_id,
            shift=float(moved[i]),
            se=float(se[i]),
            z=float(z[i]),
            p_value=float(p[i]),
            slope_ratio=float(a_new[i] / scale / a_old[i]),
            in_link=bool(link[i]),
            drifted=bool(p[i] < alpha and abs(moved[i]) >= LARGE_SHIFT),
        )
        for i, (first, _) in enumerate(pairs)
    )
    return Drift(old.version, new.version, scale, shift, items)
