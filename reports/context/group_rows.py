"""Rows of group reports: exams, courses, knowledge points and questions over the members of a node."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import polars as pl
from scipy.special import stdtrit

from reports.catalogue import Catalogue
from reports.context.book import QuestionText, question_text
from reports.context.cells import hide_small
from reports.context.topics import Topic, make_topic
from reports.effect import Effect, EffectFigures, effects_by
from reports.figures import Figure, share, withheld
from reports.order import natural
from schemas.reference import Text

MOST_MISSED = 10
_COUNTED = ("answers", "graded", "correct", "score", "max_score", "response_ms", "timed")
_SUMS = tuple(pl.col(name).sum() for name in _COUNTED)
FEWEST_ANSWERS = 10
"""A knowledge point with fewer graded answers than this says nothing about a group."""


@dataclass(frozen=True, slots=True)
class ContentLine:
    """One course over a group; ``hidden`` rows print no figures."""

    course_id: str
    title: Text
    members: Figure
    study: Figure
    effect: EffectFigures | None
    hidden: bool


@dataclass(frozen=True, slots=True)
class ExamLine:
    """One exam over a group: first attempts for the mean, all answers that count for the accuracy."""

    exam_id: str
    title: Text
    course: Text
    members: Figure
    mean: Figure
    accuracy: Figure
    time_per_question: Figure
    ungraded: Figure
    hidden: bool


@dataclass(frozen=True, slots=True)
class MissedQuestion:
    """A question that many got wrong; ``often`` is the most frequent wrong response, if k members gave it."""

    question: QuestionText
    missed: Figure
    often: str
    often_members: Figure


def course_lines(catalogue: Catalogue, studied: pl.DataFrame, answers: pl.DataFrame, k: int) -> tuple[ContentLine, ...]:
    """One line a course, by id. ``studied``: member-day rows of single courses."""
    seconds = dict(studied.group_by("course_id").agg(pl.col("study_seconds").sum().round(3)).iter_rows())
    both = pl.concat([studied.select("course_id", "member_id"), answers.select("course_id", "member_id")])
    people = dict(both.group_by("course_id").agg(pl.col("member_id").n_unique()).iter_rows())
    effects = effects_by(answers, "course_id")
    courses = sorted(people, key=natural)
    hidden = hide_small([people[c] for c in courses], k)
    return tuple(
        ContentLine(
            course_id=course,
            title=catalogue.course(course),
            members=withheld("participants") if hide else Figure("participants", people[course]),
            study=withheld("study_seconds") if hide else Figure("study_seconds", seconds.get(course, 0.0)),
            effect=None if hide else effects.get((course,), Effect()).figures,
            hidden=hide,
        )
        for course, hide in zip(courses, hidden, strict=True)
    )


def exam_lines(catalogue: Catalogue, attempts: pl.DataFrame, k: int) -> tuple[ExamLine, ...]:
    """One line an exam, by the day of its first attempt and id. ``attempts`` as ``attempts_of`` gives them."""
    exams = attempts.group_by("exam_id").agg(
        pl.col("member_id").n_unique().alias("members"), pl.col("course_id").min(), pl.col("day").min(), *_SUMS
    )
    rows = exams.sort("day", "exam_id").rows(named=True)
    shares = _first_shares(catalogue, attempts)
    hidden = hide_small([r["members"] for r in rows], k)
    return tuple(
        _exam_line(catalogue, row, shares.get(row["exam_id"], []), hide) for row, hide in zip(rows, hidden, strict=True)
    )


def _exam_line(catalogue: Catalogue, row: dict[str, Any], shares: list[float], hide: bool) -> ExamLine:
    sums = Effect(**{name: row[name] for name in _COUNTED})
    return ExamLine(
        exam_id=row["exam_id"],
        title=catalogue.exam(row["exam_id"]),
        course=catalogue.course(row["course_id"]),
        members=withheld("participants") if hide else Figure("participants", row["members"]),
        mean=withheld("exam_mean") if hide else mean_share(shares),
        accuracy=withheld("accuracy") if hide else sums.accuracy,
        time_per_question=withheld("time_per_question") if hide else sums.time_per_question,
        ungraded=withheld("exam_ungraded") if hide else Figure("exam_ungraded", sums.answers - sums.graded),
        hidden=hide,
    )


def _first_shares(catalogue: Catalogue, attempts: pl.DataFrame) -> dict[str, list[float]]:
    """Share of exam points of each member's first attempt, by exam, in order of member."""
    first = attempts.sort("exam_id", "member_id", "attempt").unique(("exam_id", "member_id"), keep="first")
    columns = first.sort("exam_id", "member_id").select("exam_id", "score", "max_score", "question_ids")
    shares: dict[str, list[float]] = {}
    for exam_id, score, answered, ids in columns.iter_rows():
        total = catalogue.paper(exam_id, answered, set(ids))
        if total:
            shares.setdefault(exam_id, []).append(score / total)
    return shares


def mean_share(shares: list[float]) -> Figure:
    """Mean with the 95 % t interval, cut to 0..1; no interval below two members."""
    n = len(shares)
    if not n:
        return Figure("exam_mean", None)
    mean = math.fsum(shares) / n
    if n < 2:
        return Figure("exam_mean", mean)
    spread = math.sqrt(math.fsum((s - mean) ** 2 for s in shares) / (n - 1) / n)
    reach = float(stdtrit(n - 1, 0.975)) * spread
    return Figure("exam_mean", mean, low=max(0.0, mean - reach), high=min(1.0, mean + reach))


def with_points(catalogue: Catalogue, answers: pl.DataFrame) -> pl.DataFrame:
    """Answers with the catalogue's knowledge points where the event names none, one row a point."""
    named = pl.when(pl.col("knowledge_points").list.len() > 0).then(pl.col("knowledge_points"))
    joined = answers.join(catalogue.points_of_questions, on="question_id", how="left", maintain_order="left")
    return joined.with_columns(named.otherwise(pl.col("_points")).alias("point")).explode("point").drop_nulls("point")


def topic_lines(
    catalogue: Catalogue, answers: pl.DataFrame, overall: float | None, k: int
) -> tuple[tuple[Topic, ...], int]:
    """Knowledge points with enough members and answers, the least understood first; how many were left out."""
    graded = with_points(catalogue, answers.filter(pl.col("correct").is_not_null()))
    rows = graded.group_by("point").agg(
        pl.col("member_id").n_unique().alias("members"),
        pl.col("course_id").min(),
        pl.col("correct").sum().alias("x"),
        pl.len().alias("n"),
    )
    enough = rows.filter((pl.col("members") >= k) & (pl.col("n") >= FEWEST_ANSWERS))
    topics = [
        make_topic(catalogue, r["point"], r["course_id"], r["x"], r["n"], overall, Figure("participants", r["members"]))
        for r in enough.iter_rows(named=True)
    ]
    topics.sort(key=lambda t: (t.accuracy.value or 0.0, t.point_id))
    return tuple(topics), rows.height - enough.height


def missed_questions(
    catalogue: Catalogue, answers: pl.DataFrame, k: int, most: int = MOST_MISSED
) -> tuple[MissedQuestion, ...]:
    """Questions by the lower limit of the share of members who missed them; only those that k members answered."""
    graded = answers.filter(pl.col("correct").is_not_null())
    members = graded.group_by("question_id", "member_id").agg(
        (~pl.col("correct")).any().alias("missed"), pl.col("course_id").first()
    )
    rows = members.group_by("question_id").agg(
        pl.len().alias("n"), pl.col("missed").sum().alias("x"), pl.col("course_id").min()
    )
    enough = rows.filter((pl.col("n") >= k) & (pl.col("x") > 0))
    ranked = [(share("missed_share", r["x"], r["n"]), r) for r in enough.iter_rows(named=True)]
    ranked.sort(key=lambda pair: (-(pair[0].low or 0.0), natural(pair[1]["question_id"])))
    chosen = ranked[:most]
    often = _often(graded, [r["question_id"] for _, r in chosen], k)
    found = []
    for missed, row in chosen:
        response, number = often.get(row["question_id"], ((), 0))
        text = question_text(catalogue, row["question_id"], row["course_id"], response)
        letters = {o.letter for o in text.options}
        shown = "; ".join(response) if response and not set(response) <= letters else ""
        people = Figure("option_members", number) if number else withheld("option_members")
        found.append(MissedQuestion(text, missed, shown, people))
    return tuple(found)


def _often(graded: pl.DataFrame, questions: list[str], k: int) -> dict[str, tuple[tuple[str, ...], int]]:
    """The most frequent wrong response to each question, where at least k members gave it."""
    wrong = graded.filter(~pl.col("correct") & pl.col("question_id").is_in(questions)).filter(
        pl.col("response").list.len() > 0
    )
    counted = (
        wrong.with_columns(pl.col("response").list.sort())
        .group_by("question_id", "response")
        .agg(pl.col("member_id").n_unique().alias("members"))
        .filter(pl.col("members") >= k)
    )
    found: dict[str, tuple[tuple[str, ...], int]] = {}
    for question_id, response, members in sorted(counted.iter_rows(), key=lambda r: (r[0], -r[2], r[1])):
        found.setdefault(question_id, (tuple(response), members))
    return found
