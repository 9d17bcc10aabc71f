"""``xuejing calibrate``: thresholds of rapid answers, item parameters by exam, knowledge tracing by point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from reports.analytics.calibrating import exam_calibrations, new_thresholds, point_calibrations
from reports.analytics.calibrations import Calibrations, Threshold, with_rapid
from reports.analytics.exams import exam_ids
from reports.analytics.inputs import Inputs
from reports.analytics.practice import practice_sequences
from schemas.errors import InputError
from schemas.tables import CALIBRATIONS, ITEM_THRESHOLDS
from sinks.client import Store
from sinks.read import ALL_ANSWERS, Filters, Reader, Scope

from . import context as contexts
from .connect import connected


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What one run wrote: numbers of thresholds, exams and knowledge points; and how many exams there are."""

    thresholds: int
    exams: int
    points: int
    of_exams: int


def run_calibration(
    store: Store, *, exam: str | None = None, course: str | None = None, now: datetime | None = None
) -> Calibrated:
    """Append what is new. Idempotent: with the same answers nothing is written.

    Thresholds rest on all answers of a question and are written once; an exam (``exam``), or the exams and knowledge
    points of a course (``course``), are calibrated when their answers changed since their last version. Raises
    InputError for an exam or course without answers.
    """
    now = now or datetime.now(UTC)
    reader = Reader(store)
    generation = reader.generation().number
    inputs = Inputs(reader, Scope.everything(), Filters(exam=exam, course=course))
    plain = inputs.frame(ALL_ANSWERS)
    if plain.is_empty() and (exam or course):
        raise InputError("there are no answers", where=f"--exam {exam}" if exam else f"--course {course}")
    known = inputs.calibrations
    # The mean time of a question is over all its answers, whichever exam is calibrated.
    every = plain if exam is None and course is None else reader.frame(ALL_ANSWERS, Scope.everything())
    thresholds = new_thresholds(every, known, generation, now)
    if thresholds:
        store.insert(ITEM_THRESHOLDS.name, ITEM_THRESHOLDS.rows(thresholds))
        known = _with_thresholds(known, {r["question_id"]: Threshold(r["ms"], r["version"]) for r in thresholds})
    exams = [exam] if exam else exam_ids(plain)
    flagged = with_rapid(plain, known)
    rows = exam_calibrations(flagged, inputs.catalogue, exams, known, generation, now)
    fitted = len(rows)
    if exam is None:
        sequences = practice_sequences(flagged, inputs.catalogue)
        rows += point_calibrations(sequences, known, generation, now)
    if rows:
        store.insert(CALIBRATIONS.name, CALIBRATIONS.rows(rows))
    return Calibrated(len(thresholds), fitted, len(rows) - fitted, len(exams))


def _with_thresholds(known: Calibrations, new: dict[str, Threshold]) -> Calibrations:
    return replace(known, thresholds={**known.thresholds, **new})


def calibrate(
    ctx: typer.Context,
    exam: Annotated[str | None, typer.Option("--exam", help="只标定一场考试 · one exam only")] = None,
    course: Annotated[str | None, typer.Option("--course", help="只标定一门课程 · one course only")] = None,
) -> None:
    """标定题目、知识点与过快作答阈值 · Calibrate questions, knowledge points and thresholds of rapid answers.

    Run it on a schedule, for instance after each exam. Nothing is written when no answer has changed; every
    calibration keeps its version, date and n, and scores name the one they used. See `xuejing query calibrations`.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        done = run_calibration(store, exam=exam, course=course)
    context.say(
        f"新定阈值 {done.thresholds} 题，新标定考试 {done.exams} 场（共 {done.of_exams} 场）、知识点 {done.points} 个",
        f"{done.thresholds} new thresholds, {done.exams} exams (of {done.of_exams}) and {done.points} knowledge points "
        "calibrated",
    )
