"""What changed since the period before, and what became of the suggestions that its figures gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from reports.context.head import NOBODY
from reports.figures import Figure
from reports.measures.change import RatioChange, Sums, change_of_ratio
from reports.measures.proportions import wilson
from reports.text import Note
from schemas.reference import Text

VERDICTS = {1: "change.up", -1: "change.down", 0: "change.unsure"}
"""Direction → message: up, down, or within chance."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One figure in both periods. ``verdict``: a message key, '' where no interval can be given."""

    before: Figure
    now: Figure
    change: Figure
    verdict: str


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What was made of a suggestion. ``state``: a message, '' where no improvement was raised from it; ``owner``: the
    office of who took it on; ``done``: kinds of what was done."""

    state: str = ""
    owner: Text = NOBODY
    done: Text = NOBODY


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A suggestion that the figures of the period before give, and what became of its figure.

    ``state``, ``owner`` and ``done`` are those of the improvement that takes it up, see ``TakenUp``; without one, who
    took it on is written by hand.
    """

    advice: Note
    line: ChangeLine | None
    status: str
    state: str = ""
    owner: Text = NOBODY
    done: Text = NOBODY


@dataclass(frozen=True, slots=True)
class Change:
    """``first`` and ``last``: the period before."""

    first: date
    last: date
    lines: tuple[ChangeLine, ...]
    followed: tuple[FollowUp, ...]


def share_line(metric_id: str, before: Sums, now: Sums) -> ChangeLine | None:
    """A share (Σx/Σn over members) in both periods; None where either has none."""
    found = change_of_ratio(before, now)
    if found is None:
        return None
    return ChangeLine(
        _share(metric_id, before), _share(metric_id, now), _change("share_change", found), _verdict(found)
    )


def mean_line(metric_id: str, before: Mapping[str, float], now: Mapping[str, float]) -> ChangeLine | None:
    """A mean over members in both periods; None where either has none."""
    found = change_of_ratio({m: (x, 1) for m, x in before.items()}, {m: (x, 1) for m, x in now.items()})
    if found is None:
        return None
    figures = Figure(metric_id, found.before), Figure(metric_id, found.now)
    return ChangeLine(*figures, _change("study_change", found), _verdict(found))


def _share(metric_id: str, sums: Sums) -> Figure:
    x, n = (sum(pair[i] for pair in sums.values()) for i in (0, 1))
    limits = wilson(x, n)
    return Figure(metric_id, x / n, x, n, *(limits or (None, None)))


def _change(metric_id: str, found: RatioChange) -> Figure:
    low, high = found.interval or (None, None)
    return Figure(metric_id, found.change, n=found.members, low=low, high=high)


def _verdict(found: RatioChange) -> str:
    return VERDICTS[found.direction] if found.interval else ""


def right_by(answers: pl.DataFrame, key: str = "member_id") -> Sums:
    """Right of graded answers by member, or by question."""
    graded = answers.filter(pl.col("correct").is_not_null())
    grouped = graded.group_by(key).agg(pl.col("correct").sum(), pl.len()).sort(key)
    return {one: (float(x), float(n)) for one, x, n in grouped.iter_rows()}


def status(line: ChangeLine | None, *, good: int) -> str:
    """The message of what became of a figure. ``good``: 1 where up is better, −1 where down is."""
    if line is None:
        return "change.no_data"
    if line.verdict == VERDICTS[good]:
        return "change.better"
    if line.verdict == VERDICTS[-good]:
        return "change.worse"
    return "change.not_clear"


def lines(found: Iterable[ChangeLine | None]) -> tuple[ChangeLine, ...]:
    """Those that both periods have."""
    return tuple(line for line in found if line is not None)
