"""One exam: first attempts as a matrix, classical statistics, options, calibration and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from reports.catalogue import Catalogue
from reports.measures.arrays import FloatArray
from reports.measures.classical import ClassicalAnalysis, analyse
from reports.measures.distractors import OptionStatistics, analyse_options
from reports.measures.irt import Calibration, ItemParameters
from reports.measures.irt_drift import ItemDrift, item_drift
from reports.measures.irt_score import Ability, eap
from schemas.reference.question_rows import option_letters


@dataclass(frozen=True, slots=True, eq=False)
class ExamMatrix:
    """First attempts at one exam: members × questions, both sorted by id (questions in the catalogue's order).

    ``marks`` in points: NaN where a question was not administered or is not graded, 0 for a question of the
    catalogue's paper that was left out. ``right`` (1, 0) is for item response models, and NaN also for questions
    left out (to take them for wrong makes hard what comes late; Rose, von Davier & Xu 2010, ETS RR-10-11) and for
    rapid answers (they say nothing about ability: effort-moderated scoring, Wise & DeMars 2006, Journal of
    Educational Measurement 43:19–38). ``responses``: options chosen, () for a blank, None where not
    administered. ``tops``: maximum marks.
    """

    exam_id: str
    members: tuple[str, ...]
    questions: tuple[str, ...]
    tops: tuple[float, ...]
    marks: FloatArray
    right: FloatArray
    responses: tuple[tuple[frozenset[str] | None, ...], ...]


def exam_ids(answers: pl.DataFrame) -> list[str]:
    """Exams that have answers, sorted."""
    return sorted(e for e in answers["exam_id"].unique().to_list() if e)


def first_attempts(answers: pl.DataFrame) -> pl.DataFrame:
    """The answers of each member's first attempt at each exam (practice is left out)."""
    exams = answers.filter(pl.col("exam_id") != "")
    return exams.filter(pl.col("attempt") == pl.col("attempt").min().over("member_id", "exam_id"))


def attempt_shares(answers: pl.DataFrame, catalogue: Catalogue) -> list[tuple[str, str, int, float]]:
    """(member, exam, attempt, share of the paper's points, 0..1), sorted; questions left out count.

    Attempts with an answer that waits for grading are left out: their share is not known yet.
    """
    exams = answers.filter(pl.col("exam_id") != "").with_columns(pl.col("correct").is_null().alias("waiting"))
    sums = exams.group_by("member_id", "exam_id", "attempt").agg(
        pl.col("score").sum(), pl.col("max_score").sum(), "question_id", pl.col("waiting").any()
    )
    found = []
    for member, exam, attempt, score, best, questions, waiting in sums.iter_rows():
        paper = catalogue.paper(exam, best, frozenset(questions))
        if paper > 0 and not waiting:
            found.append((member, exam, attempt, min(1.0, max(0.0, score / paper))))
    return sorted(found)


def exam_matrix(answers: pl.DataFrame, catalogue: Catalogue, exam_id: str) -> ExamMatrix:
    """The first attempts at ``exam_id`` in ``answers`` (any exams; one row a counted answer, with ``rapid``)."""
    rows = first_attempts(answers.filter(pl.col("exam_id") == exam_id))
    paper = [q.question_id for q in catalogue.questions.values() if exam_id in q.exam_ids]
    answered = sorted(set(rows["question_id"].to_list()) - set(paper))
    questions, members = [*paper, *answered], sorted(rows["member_id"].unique().to_list())
    tops = _tops(rows, catalogue, questions)
    row_of, column_of = {m: i for i, m in enumerate(members)}, {q: j for j, q in enumerate(questions)}
    marks = np.full((len(members), len(questions)), np.nan)
    marks[:, : len(paper)] = 0.0
    right = np.full(marks.shape, np.nan)
    responses: list[list[frozenset[str] | None]] = [
        [frozenset() if j < len(paper) else None for j in range(len(questions))] for _ in members
    ]
    wanted = rows.select("member_id", "question_id", "correct", "score", "max_score", "response", "rapid").iter_rows()
    for member, question, correct, score, best, response, rapid in wanted:
        i, j = row_of[member], column_of[question]
        responses[i][j] = frozenset(response) if response else None
        if correct is None:
            marks[i, j] = np.nan
            continue
        # The share of the possible points, on the paper's scale: clients may count in other points.
        marks[i, j] = min(1.0, score / best) * tops[j] if best > 0 else 0.0
        right[i, j] = np.nan if rapid else float(correct)
    return ExamMatrix(
        exam_id, tuple(members), tuple(questions), tuple(tops), marks, right, tuple(map(tuple, responses))
    )


def _tops(rows: pl.DataFrame, catalogue: Catalogue, questions: Sequence[str]) -> list[float]:
    seen = dict(rows.group_by("question_id").agg(pl.col("max_score").max()).iter_rows())
    found = []
    for question in questions:
        known = catalogue.questions.get(question)
        top = known.max_score if known and known.max_score else seen.get(question) or 1.0
        found.append(float(top))
    return found


@dataclass(frozen=True, slots=True)
class ExamAnalysis:
    """Classical statistics, and of each question its options and its calibrated parameters where there are any.

    ``drift``: of questions in both calibrations, against the one named ``drift_from`` ("" without one).
    """

    exam_id: str
    classical: ClassicalAnalysis
    options: Mapping[str, tuple[OptionStatistics, ...]]
    calibration: Calibration | None
    parameters: Mapping[str, ItemParameters]
    drift: Mapping[str, ItemDrift]
    drift_from: str


def analyse_exam(
    matrix: ExamMatrix,
    catalogue: Catalogue,
    calibration: Calibration | None = None,
    before: Calibration | None = None,
) -> ExamAnalysis:
    """Everything about the questions of an exam from its first attempts, and their drift since ``before``.

    ``xuejing calibrate`` fits every version to all first attempts so far, so the members behind ``before`` are mostly
    behind ``calibration`` too: the shift is smaller than that among the new members alone, and its p cautious.
    """
    classical = analyse(matrix.marks, matrix.tops, matrix.questions)
    options: dict[str, tuple[OptionStatistics, ...]] = {}
    totals = np.nan_to_num(matrix.marks).sum(axis=1)
    for j, question_id in enumerate(matrix.questions):
        question = catalogue.questions.get(question_id)
        key = question.key_letters if question else ()
        if question is None or not key:
            continue
        rest = totals - np.nan_to_num(matrix.marks[:, j])
        chosen = [None if np.isnan(matrix.marks[i, j]) else _letters(row[j]) for i, row in enumerate(matrix.responses)]
        options[question_id] = analyse_options(chosen, rest, key, list(question.options))
    parameters = {item.item_id: item for item in calibration.items} if calibration else {}
    moved = item_drift(before, calibration) if before and calibration else None
    drift = {item.item_id: item for item in moved.items} if moved else {}
    since = moved.old_version if moved else ""
    return ExamAnalysis(matrix.exam_id, classical, options, calibration, parameters, drift, since)


def _letters(response: frozenset[str] | None) -> frozenset[str] | None:
    """Chosen options one by one: some clients join the letters of a multiple choice in one string."""
    if not response:
        return response
    return frozenset(option_letters(";".join(response), adjacent=True)) or response


def abilities(matrix: ExamMatrix, calibration: Calibration) -> dict[str, Ability]:
    """EAP scores of the members by the calibration's items; members without an answer to any are left out."""
    column_of = {q: j for j, q in enumerate(matrix.questions)}
    aligned = np.full((len(matrix.members), len(calibration.items)), np.nan)
    for k, item in enumerate(calibration.items):
        if item.item_id in column_of:
            aligned[:, k] = matrix.right[:, column_of[item.item_id]]
    scores = eap(calibration, aligned) if len(matrix.members) else []
    return {m: s for m, s in zip(matrix.members, scores, strict=True) if s is not None}
