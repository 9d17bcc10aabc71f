"""Exam attempts as a frame: an attempt belongs, whole, to the day and organisation of its last answer."""

from __future__ import annotations

import polars as pl

from reports.effect import EFFECT

KEY = ("member_id", "exam_id", "attempt")


def without_contests(answers: pl.DataFrame) -> pl.DataFrame:
    """Without answers given in contests, whose results are for the member alone: what is told of single members to
    others. Frames of reports that were issued before contests were told apart have none to leave out."""
    return answers.filter(~pl.col("contest")) if "contest" in answers.columns else answers


def of_exams(answers: pl.DataFrame) -> pl.DataFrame:
    """Answers to exams: not practice, and not in contests, which are no exams of the organisation."""
    return without_contests(answers).filter(pl.col("exam_id") != "")


def attempts_of(answers: pl.DataFrame, unfinished: pl.DataFrame) -> pl.DataFrame:
    """One row an attempt over an answers frame: ``KEY``, org_id, course_id and day of the last answer, question_ids,
    and the sums of ``EFFECT``. Attempts in ``unfinished`` (a frame of ``KEY``) are left out."""
    taken = answers.filter(pl.col("exam_id") != "").sort("at", "event_id")
    if not unfinished.is_empty():
        taken = taken.join(unfinished, on=KEY, how="anti", maintain_order="left")
    last = (pl.col(name).last() for name in ("org_id", "course_id", "day"))
    return (
        taken.group_by(KEY, maintain_order=True)
        .agg(*last, pl.col("question_id").unique().alias("question_ids"), *EFFECT)
        .sort("exam_id", "member_id", "attempt")
    )


def attempts_after(answers: pl.DataFrame) -> pl.DataFrame:
    """The attempts that have an answer in this frame, as a frame of ``KEY``."""
    return answers.filter(pl.col("exam_id") != "").select(KEY).unique().sort(KEY)
