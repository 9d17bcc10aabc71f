"""An organisation in this period and the one before: figures, and last period's suggestions by the same rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from reports.catalogue import Catalogue
from reports.context.change import (
    Change,
    ChangeLine,
    FollowUp,
    TakenUp,
    lines,
    mean_line,
    right_by,
    share_line,
    status,
)
from reports.context.group_advice import Suggested
from reports.context.group_parts import Sums
from reports.context.group_rows import with_points
from reports.data import Period
from reports.measures import change as measure
from reports.population import Population
from reports.text import Note, note


@dataclass(frozen=True, slots=True)
class Cut:
    """What one period knows of a node: its members, sums of members, and answers about the content."""

    population: Population
    sums: Sums
    answers: pl.DataFrame

    @property
    def present(self) -> measure.Sums:
        """1 of 1 for members with records, 0 of 1 for those without; exempt ones left out."""
        counted = {m for m, b in self.population.members.items() if not b.exempt}
        return {m: (float(m in self.sums.active), 1.0) for m in counted}

    @property
    def study(self) -> dict[str, float]:
        """Seconds of members with records."""
        return {m: self.sums.study.get(m, 0.0) for m in self.sums.active & self.population.ids}


Taken = Callable[[Suggested], TakenUp]
"""From a suggestion to what was made of it."""


def group_change(
    period: Period, before: Cut, now: Cut, suggested: Iterable[Suggested], taken: Taken, catalogue: Catalogue, k: int
) -> Change | None:
    """None where fewer than k members have records in either period: then neither is shown."""
    if any(len(cut.sums.active & cut.population.ids) < k for cut in (before, now)):
        return None
    shown = lines(
        [
            share_line("coverage", before.present, now.present),
            mean_line("mean_study", before.study, now.study),
            share_line("accuracy", right_by(before.answers), right_by(now.answers)),
        ]
    )
    followed = tuple(_follow(one, before, now, taken, catalogue, k) for one in suggested)
    return Change(period.first, period.last, shown, tuple(f for f in followed if f is not None))


def _follow(one: Suggested, before: Cut, now: Cut, taken: Taken, catalogue: Catalogue, k: int) -> FollowUp | None:
    find = FOLLOWED.get(one.note.key)
    if find is None:
        return None
    line, good, kind = *find(one, before, now, catalogue, k), one.note
    made = taken(one)
    return FollowUp(_short(kind), line, status(line, good=good), made.state, made.owner, made.done)


def _short(advice: Note) -> Note:
    """The suggestion without its figures: they stand beside it."""
    values = {name: value for name, value in advice.values if name in ("topic", "course", "question")}
    return note(f"followed.{advice.key.partition('.')[2]}", **values)


def _silent(_: Suggested, before: Cut, now: Cut, __: Catalogue, ___: int) -> tuple[ChangeLine | None, int]:
    return share_line("coverage", before.present, now.present), 1


def _topic(one: Suggested, before: Cut, now: Cut, catalogue: Catalogue, k: int) -> tuple[ChangeLine | None, int]:
    found = [
        right_by(with_points(catalogue, cut.answers).filter(pl.col("point") == one.subject)) for cut in (before, now)
    ]
    return (share_line("topic_accuracy", *found) if min(map(len, found)) >= k else None), 1


def _question(one: Suggested, before: Cut, now: Cut, _: Catalogue, k: int) -> tuple[ChangeLine | None, int]:
    found = [_missed(cut.answers.filter(pl.col("question_id") == one.subject)) for cut in (before, now)]
    return (share_line("missed_share", *found) if min(map(len, found)) >= k else None), -1


def _missed(answers: pl.DataFrame) -> measure.Sums:
    graded = answers.filter(pl.col("correct").is_not_null())
    grouped = graded.group_by("member_id").agg((~pl.col("correct")).any()).sort("member_id")
    return {member: (float(missed), 1.0) for member, missed in grouped.iter_rows()}


Find = Callable[[Suggested, Cut, Cut, Catalogue, int], tuple[ChangeLine | None, int]]
FOLLOWED: dict[str, Find] = {
    "group_advice.silent": _silent,
    "group_advice.topic": _topic,
    "group_advice.hard": _question,
}
"""Suggestion → its figure in both periods, and whether more of it is better; others have no figure to follow."""
