"""Effort and gain of members at exams, from frames of counted answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from reports.analytics.exams import attempt_shares
from reports.catalogue import Catalogue
from reports.measures.effort import Effort, effort
from reports.measures.gain import ClassGain, class_gain, normalised_change


def efforts(answers: pl.DataFrame, *keys: str) -> dict[tuple[str, ...], Effort]:
    """Response-time effort by the values of ``keys`` (columns of ``answers``, which has ``rapid``), sorted."""
    grouped = answers.group_by(keys).agg("rapid", "correct").sort(keys)
    return {tuple(row[: len(keys)]): effort(list(zip(row[-2], row[-1], strict=True))) for row in grouped.iter_rows()}


@dataclass(frozen=True, slots=True)
class MemberGain:
    """First and last attempt of a member at one exam, as shares of the paper's points; ``change`` is c."""

    member_id: str
    exam_id: str
    attempts: int
    pre: float
    post: float
    change: float | None


@dataclass(frozen=True)
class Gains:
    """Members who took an exam more than once, and the group of them by exam."""

    members: tuple[MemberGain, ...]
    groups: Mapping[str, ClassGain]


def gains(answers: pl.DataFrame, catalogue: Catalogue) -> Gains:
    """Gain from the first to the last attempt at the same exam; those who took it once are not in it.

    Who repeats an exam is seldom a random part of the group, and a low first score goes up by chance alone.
    """
    attempts: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for member, exam, attempt, share in attempt_shares(answers, catalogue):
        attempts.setdefault((exam, member), []).append((attempt, share))
    members = []
    pairs: dict[str, list[tuple[float, float]]] = {}
    for (exam, member), found in sorted(attempts.items()):
        if len(found) > 1:
            pre, post = found[0][1], found[-1][1]
            members.append(MemberGain(member, exam, len(found), pre, post, normalised_change(pre, post, 1.0)))
            pairs.setdefault(exam, []).append((pre, post))
    groups = {exam: gain for exam, p in pairs.items() if (gain := class_gain(p, 1.0))}
    return Gains(tuple(members), groups)
