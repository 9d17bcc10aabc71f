"""Knowledge points that are hard in many organisations: a matter of the material more than of any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reports.catalogue import Catalogue
from reports.context.group_rows import FEWEST_ANSWERS, with_points
from reports.context.topics import Topic
from reports.figures import Figure, share
from reports.population import Population

FEWEST = 2
"""Organisations with enough answers below which nothing is hard everywhere."""
MOST = 10


@dataclass(frozen=True, slots=True)
class HardTopic:
    """A knowledge point over all, and in how many of the organisations it is weak."""

    topic: Topic
    organisations: Figure


def hard_topics(
    catalogue: Catalogue, topics: Sequence[Topic], answers: pl.DataFrame, branches: Sequence[Population], k: int
) -> tuple[HardTopic, ...]:
    """Of ``topics`` those that are weak in some organisation, the most widespread first, then by id.

    ``branches`` are those that may be shown side by side. Weak: the whole interval lies below the accuracy over
    all answers. Counted are organisations in which k members answered it, ten times or more.
    """
    graded = answers.filter(pl.col("correct").is_not_null())
    overall = graded["correct"].mean()
    if graded.is_empty() or not isinstance(overall, float) or len(branches) < FEWEST:
        return ()
    weak: dict[str, list[bool]] = {}
    for branch in branches:
        rows = with_points(catalogue, branch.rows(graded))
        grouped = rows.group_by("point").agg(
            pl.col("member_id").n_unique().alias("members"), pl.col("correct").sum().alias("x"), pl.len().alias("n")
        )
        for point, members, x, n in grouped.iter_rows():
            if members >= k and n >= FEWEST_ANSWERS:
                weak.setdefault(point, []).append((share("topic_accuracy", x, n).high or 1.0) < overall)
    found = [
        HardTopic(topic, share("topic_branches", sum(weak[topic.point_id]), len(weak[topic.point_id])))
        for topic in topics
        if sum(weak.get(topic.point_id, ())) and len(weak[topic.point_id]) >= FEWEST
    ]
    found.sort(key=lambda h: (-(h.organisations.value or 0.0), -(h.organisations.n or 0.0), h.topic.point_id))
    return tuple(found[:MOST])
