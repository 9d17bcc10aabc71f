"""What to do next, from analytics that are there: for members, for a branch, for the author of an exam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import polars as pl

from reports.analytics.attitude import Attitude
from reports.analytics.exams import ExamAnalysis
from reports.analytics.practice import PointMastery
from reports.catalogue import Catalogue
from reports.measures.suggest import (
    MemberProgress,
    Suggestion,
    TopicCount,
    confusing_topics,
    for_member,
    offers_of_help,
)
from reports.measures.suggest_items import for_author
from reports.measures.wrong_book import Entry


def member_advice(
    book: Mapping[str, Entry], masteries: Sequence[PointMastery], today: date, as_of_ms: int
) -> list[Suggestion]:
    """The few questions and knowledge points that a member could review next."""
    return for_member(book, {m.point_id: m.mastery for m in masteries}, today=today, as_of_ms=as_of_ms)


def exam_advice(analysis: ExamAnalysis) -> list[Suggestion]:
    """Questions of an exam that its author should look at."""
    return for_author(analysis.classical.items, analysis.options, analysis.drift, since=analysis.drift_from)


def first_answers(answers: pl.DataFrame, catalogue: Catalogue) -> pl.DataFrame:
    """Of each member and knowledge point the first graded answer: columns member_id, org_id, point, wrong.

    Every knowledge point of a question counts; rapid answers are left out: they don't show what is not understood.
    """
    points = pl.DataFrame(
        {
            "question_id": list(catalogue.questions),
            "known": [list(q.knowledge_points) for q in catalogue.questions.values()],
        },
        schema={"question_id": pl.String, "known": pl.List(pl.String)},
    )
    graded = answers.filter(pl.col("correct").is_not_null() & ~pl.col("rapid").fill_null(False))
    named = pl.when(pl.col("knowledge_points").list.len() > 0).then("knowledge_points").otherwise("known")
    rows = (
        graded.join(points, on="question_id", how="left")
        .select("member_id", "org_id", "at", "event_id", (~pl.col("correct")).alias("wrong"), named.alias("point"))
        .explode("point")
        .filter(pl.col("point").is_not_null())
        .sort("at", "event_id")
    )
    return rows.group_by("member_id", "point").agg(pl.col("org_id").last(), pl.col("wrong").first())


def branch_topics(
    answers: pl.DataFrame, members: Mapping[str, frozenset[str]], catalogue: Catalogue
) -> dict[str, list[Suggestion]]:
    """Of each group of members (by key) the knowledge points that confuse it, compared with everybody else."""
    first = first_answers(answers, catalogue)
    every = _counts(first)
    found = {}
    for key, group in members.items():
        own = _counts(first.filter(pl.col("member_id").is_in(list(group))))
        rest = {
            point: TopicCount(point, wrong - own[point][0], n - own[point][1])
            for point, (wrong, n) in every.items()
            if point in own
        }
        found[key] = confusing_topics([TopicCount(p, wrong, n) for p, (wrong, n) in sorted(own.items())], rest)
    return found


def _counts(first: pl.DataFrame) -> dict[str, tuple[int, int]]:
    grouped = first.group_by("point").agg(pl.col("wrong").sum(), pl.len()).sort("point")
    return {point: (int(wrong), int(n)) for point, wrong, n in grouped.iter_rows()}


def help_offers(
    attitudes: Iterable[Attitude],
    books: Mapping[str, Mapping[str, Entry]],
    catalogue: Catalogue,
    as_of_ms: int,
    hours: Mapping[str, tuple[float, float]] | None = None,
) -> list[Suggestion]:
    """Members who may want an offer of help: courses not begun, hours behind an even pace, questions open for long.

    Not ordered by need. ``hours``: credit hours done, and due at an even pace, by member.
    """
    waiting: dict[str, dict[str, float]] = {}
    for one in attitudes:
        member = waiting.setdefault(one.member_id, {})
        course = catalogue.courses.get(one.course_id)
        if course and course.assigned_at and course.due_at and not one.study_seconds and one.started is not True:
            start, due = course.assigned_at.timestamp() * 1000, course.due_at.timestamp() * 1000
            if due > start and as_of_ms > start:
                member[one.course_id] = min(1.0, (as_of_ms - start) / (due - start))
    pace = hours or {}
    progress = [
        MemberProgress(m, courses, *pace.get(m, (0.0, 0.0)), books.get(m, {})) for m, courses in waiting.items()
    ]
    return offers_of_help(progress, as_of_ms=as_of_ms)
