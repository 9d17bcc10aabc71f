"""Results of one exam over members: how they are spread, how sure they are, and how much effort is in them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reports.analytics.effects import Gains
from reports.context.group_rows import mean_share
from reports.figures import Figure, share
from reports.measures.classical import TestStatistics, alpha_interval
from reports.measures.effort import Effort, effort

BANDS = 10
"""Bands of the distribution before those with too few members are joined."""


@dataclass(frozen=True, slots=True)
class Band:
    """Members with a share of points from ``low`` to ``high`` (the last band has its end in it)."""

    low: Figure
    high: Figure
    members: Figure


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares of points of first attempts; ``ungraded`` answers keep their attempts out of them."""

    mean: Figure
    median: Figure
    spread: Figure
    bands: tuple[Band, ...]
    ungraded: Figure


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far the test tells members apart; ``error`` in points of the paper, which are its ``n``."""

    alpha: Figure
    error: Figure
    enough: bool
    """Whether the whole interval lies at 0.7 or above: the least for statements about persons."""


@dataclass(frozen=True, slots=True)
class ExamEffort:
    """Answers with a time: how many were not rapid, and the share right with and without the rapid ones."""

    effort: Figure
    with_rapid: Figure
    without: Figure
    time_per_question: Figure
    matters: bool
    """Whether so many were rapid that both shares are to be read."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Members who took it more than once: first and last attempt, and the gain of the group."""

    members: Figure
    first: Figure
    last: Figure
    gain: Figure


ENOUGH = 0.7
"""Nunnally 1978, Psychometric Theory, chapter 7: below it a test is for research, not for statements about persons."""


def scores(shares: Sequence[float], ungraded: int, k: int) -> Scores:
    """From the shares of points (0..1) of first attempts."""
    ordered = sorted(shares)
    return Scores(
        mean=mean_share(ordered),
        median=Figure("exam_median", statistics.median(ordered) if ordered else None),
        spread=Figure("exam_spread", statistics.stdev(ordered) if len(ordered) > 1 else None),
        bands=bands(ordered, k),
        ungraded=Figure("exam_ungraded", ungraded),
    )


def bands(shares: Sequence[float], k: int) -> tuple[Band, ...]:
    """Ten bands; one with fewer than k members is joined with the following ones, the last with those before."""
    counts = [0] * BANDS
    for one in shares:
        counts[min(BANDS - 1, int(one * BANDS + 1e-9))] += 1
    joined: list[tuple[int, int, int]] = []
    start = held = 0
    for i, count in enumerate(counts):
        held += count
        if not held or held >= k:
            joined.append((start, i + 1, held))
            start, held = i + 1, 0
    if held:
        while joined and not joined[-1][2]:
            start = joined.pop()[0]
        if joined:
            first, _, before = joined.pop()
            start, held = first, held + before
        joined.append((start, BANDS, held))
    return tuple(
        Band(Figure("exam_score_share", a / BANDS), Figure("exam_score_share", b / BANDS), Figure("score_band", n))
        for a, b, n in joined
    )


def reliability(test: TestStatistics) -> Reliability:
    """Alpha with its interval, and the standard error of a score."""
    found = alpha_interval(test.alpha, test.n_complete, test.n_items)
    low, high = found or (None, None)
    return Reliability(
        Figure("test_alpha", test.alpha, low=low, high=high),
        Figure(
            "test_standard_error", test.standard_error, n=test.max_mark if test.standard_error is not None else None
        ),
        low is not None and low >= ENOUGH,
    )


def exam_effort(first: pl.DataFrame) -> ExamEffort:
    """From answers of first attempts, with ``rapid``."""
    found: Effort = effort(list(first.select("rapid", "correct").iter_rows()))
    kept = round((found.correct_kept or 0.0) * found.n_kept)
    timed = first.filter(pl.col("response_ms") > 0)["response_ms"].to_list()
    return ExamEffort(
        effort=share("effort", found.n - found.rapid, found.n),
        with_rapid=share("accuracy", round((found.correct_all or 0.0) * found.n_all), found.n_all),
        without=share("accuracy", kept, found.n_kept),
        time_per_question=Figure("time_per_question", sum(timed) / len(timed) / 1000 if len(timed) else None),
        matters=found.show_both,
    )


def repeated(gains: Gains, exam_id: str, count: int, k: int) -> Repeated | None:
    """None where fewer than k members took it again."""
    again = [m for m in gains.members if m.exam_id == exam_id]
    if count < k or len(again) < k:
        return None
    group = gains.groups[exam_id]
    low, high = group.interval or (None, None)
    return Repeated(
        Figure("exam_repeated", count),
        mean_share([m.pre for m in again]),
        mean_share([m.post for m in again]),
        Figure("class_gain", group.gain, low=low, high=high),
    )
