"""Distractor analysis: do wrong options attract those who know less, and the key those who know more?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reports.measures.errors import MeasureError
from reports.measures.moments import correlation, correlation_interval
from reports.measures.proportions import Interval, wilson

RARE_BELOW = 0.05
KEY_R_BELOW = 0.15

Flag = Literal["attracts_the_able", "hardly_chosen", "weak_key"]


@dataclass(frozen=True, slots=True)
class OptionStatistics:
    """One option: how many chose it, their share with its Wilson interval, and the correlation of choosing it
    with the rest score. A flag is a reason to look at the question, not a verdict; below n = 30 chance alone
    raises many.
    """

    option: str
    is_key: bool
    n: int
    share: float
    share_interval: Interval
    r_rest: float | None
    r_interval: Interval | None
    flags: tuple[Flag, ...]


def analyse_options(
    responses: Sequence[Collection[str] | None],
    rest_scores: npt.ArrayLike,
    key: Collection[str],
    options: Sequence[str] = (),
) -> tuple[OptionStatistics, ...]:
    """Options of one question, those of the catalogue first, others (chosen but not listed) after, by name.

    ``responses``: the options that each member chose (an empty collection: left blank); ``None``: not
    administered or not recorded, left out. ``rest_scores``: the member's total without this question.
    ``share`` is of all who were given the question, so for several right options shares exceed 1 together.

    r is Pearson's correlation of "chose it" (0/1) with the rest score. Flags: a distractor with r ≥ 0
    (attracts_the_able) or a share below 0.05 (hardly_chosen), a key with r < 0.15 (weak_key). Where r is
    undefined (nobody or everybody chose it) there is no flag from it. Empty input gives ().
    Source: Haladyna & Downing 1993, Educational and Psychological Measurement 53:999–1010 (5 %); Ebel &
    Frisbie 1991, chapter 13.
    """
    rest = np.asarray(rest_scores, dtype=np.float64)
    if rest.shape != (len(responses),):
        raise MeasureError(f"{len(responses)} responses for {rest.size} rest scores")
    kept = [i for i, chosen in enumerate(responses) if chosen is not None and np.isfinite(rest[i])]
    if not kept:
        return ()
    chosen_by = [frozenset(responses[i] or ()) for i in kept]
    rest = rest[kept]
    listed = list(dict.fromkeys([*options, *sorted(key)]))
    names = listed + sorted(set().union(*chosen_by) - set(listed))
    return tuple(_option(name, name in key, np.array([name in c for c in chosen_by]), rest) for name in names)


def _option(name: str, is_key: bool, chose: npt.NDArray[np.bool_], rest: npt.NDArray[np.float64]) -> OptionStatistics:
    n, count = int(chose.size), int(chose.sum())
    r = correlation(chose.astype(np.float64), rest)
    interval = wilson(count, n)
    assert interval is not None  # n > 0
    flags: list[Flag] = []
    if is_key and r is not None and r < KEY_R_BELOW:
        flags.append("weak_key")
    if not is_key and r is not None and r >= 0:
        flags.append("attracts_the_able")
    if not is_key and count / n < RARE_BELOW:
        flags.append("hardly_chosen")
    return OptionStatistics(name, is_key, count, count / n, interval, r, correlation_interval(r, n), tuple(flags))
