"""A few days at a glance: today, and this week."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from reports.figures import Figure, share


@dataclass(frozen=True, slots=True)
class Glance:
    """Days ``first`` to ``last`` of some members: how many were there, for how long, and how they answered."""

    first: date
    last: date
    active: Figure
    study: Figure
    answers: Figure
    accuracy: Figure
    wrong: Figure


def glance(days: pl.DataFrame, first: date, last: date, members: Set[str]) -> Glance:
    """From rows of ``member-day`` over all courses or of one; ``members``: those it is about."""
    inside = days.filter(pl.col("day").is_between(first, last) & pl.col("member_id").is_in(list(members)))
    there = inside.filter((pl.col("events") > 0) | (pl.col("study_seconds") > 0))
    active = there["member_id"].n_unique()
    answers, graded, correct, wrong = (
        int(inside[c].sum()) for c in ("answers", "graded", "correct", "wrong_questions")
    )
    return Glance(
        first,
        last,
        active=Figure("active_members", active, x=active, n=len(members)),
        study=Figure("study_seconds", float(inside["study_seconds"].sum())),
        answers=Figure("answers", answers),
        accuracy=share("accuracy", correct, graded),
        wrong=Figure("wrong_questions", wrong),
    )


def week_of(today: date) -> date:
    """The Monday of the day's week."""
    return today - timedelta(days=today.weekday())
