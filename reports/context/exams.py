"""Exam attempts of one member."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from reports.catalogue import Catalogue
from reports.effect import EffectFigures, effect
from reports.figures import Figure, ratio
from reports.rows import AnswerRow
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: day of its last answer; ``score`` carries the points of the paper as its ``n``."""

    number: str
    day: date
    score: Figure
    share: Figure
    effect: EffectFigures


@dataclass(frozen=True, slots=True)
class ExamResult:
    """All attempts of one exam in the period, first to last."""

    exam_id: str
    title: Text
    course: Text
    count: Figure
    attempts: tuple[Attempt, ...]


def exam_results(
    catalogue: Catalogue, rows: Iterable[AnswerRow], first: date, unfinished: Collection[tuple[str, int]]
) -> tuple[ExamResult, ...]:
    """Results by exam, in order of the first attempt, of the attempts whose last answer lies in the period.

    ``rows`` are all answers up to its end; ``unfinished`` names the (exam, attempt) that go on after it.
    Unanswered questions count 0 of the whole paper; where the catalogue doesn't know the exam, its paper are
    the questions answered.
    """
    exams: dict[str, dict[int, list[AnswerRow]]] = {}
    for row in rows:
        if row.exam_id and (row.exam_id, row.attempt) not in unfinished:
            exams.setdefault(row.exam_id, {}).setdefault(row.attempt, []).append(row)
    found = []
    for exam_id, attempts in exams.items():
        made = tuple(_attempt(catalogue, exam_id, number, attempts[number]) for number in sorted(attempts))
        inside = tuple(attempt for attempt in made if attempt.day >= first)
        if inside:
            course = catalogue.course(next(iter(attempts.values()))[0].course_id)
            count = Figure("exam_attempts", len(inside))
            found.append(ExamResult(exam_id, catalogue.exam(exam_id), course, count, inside))
    return tuple(sorted(found, key=lambda e: (e.attempts[0].day, e.exam_id)))


def _attempt(catalogue: Catalogue, exam_id: str, number: int, rows: list[AnswerRow]) -> Attempt:
    sums = effect(rows)
    total = catalogue.paper(exam_id, sums.max_score, {r.question_id for r in rows})
    score = round(sums.score, 6)
    return Attempt(
        number=str(number),
        day=max(r.day for r in rows),
        score=Figure("exam_score", score, n=total),
        share=ratio("exam_score_share", score, total),
        effect=sums.figures,
    )
