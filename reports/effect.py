"""Effect: counts of answers and the figures made from them, from typed rows or from a frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from reports.figures import Figure, ratio, share
from reports.rows import AnswerRow


@dataclass(frozen=True, slots=True)
class Effect:
    """Sums over answers that count. Scores in points; ``response_ms`` over the ``timed`` ones."""

    answers: int = 0
    graded: int = 0
    correct: int = 0
    score: float = 0.0
    max_score: float = 0.0
    response_ms: int = 0
    timed: int = 0
    wrong_questions: int = 0

    @property
    def accuracy(self) -> Figure:
        """Share right, with its interval."""
        return share("accuracy", self.correct, self.graded)

    @property
    def time_per_question(self) -> Figure:
        """Mean seconds an answer."""
        return Figure("time_per_question", self.response_ms / self.timed / 1000 if self.timed else None)

    @property
    def figures(self) -> EffectFigures:
        """Everything as figures."""
        return EffectFigures(
            Figure("answers", self.answers),
            Figure("graded", self.graded),
            Figure("correct", self.correct),
            self.accuracy,
            Figure("score", round(self.score, 6), n=round(self.max_score, 6)),
            ratio("score_share", self.score, self.max_score),
            Figure("response_seconds", self.response_ms / 1000),
            self.time_per_question,
            Figure("wrong_questions", self.wrong_questions),
            Figure("exam_ungraded", self.answers - self.graded),
            Figure("untimed", self.answers - self.timed),
        )


@dataclass(frozen=True, slots=True)
class EffectFigures:
    """The figures of an ``Effect``; ``score`` carries the possible points as its ``n``."""

    answers: Figure
    graded: Figure
    correct: Figure
    accuracy: Figure
    score: Figure
    score_share: Figure
    response_seconds: Figure
    time_per_question: Figure
    wrong_questions: Figure
    ungraded: Figure
    untimed: Figure


def effect(rows: Iterable[AnswerRow]) -> Effect:
    """Sums over typed rows."""
    answers = graded = correct = response = timed = 0
    score = best = 0.0
    wrong: set[str] = set()
    for row in rows:
        answers += 1
        score += row.score
        best += row.max_score
        if row.correct is not None:
            graded += 1
            if row.correct:
                correct += 1
            else:
                wrong.add(row.question_id)
        if row.response_ms:
            timed += 1
            response += row.response_ms
    return Effect(answers, graded, correct, score, best, response, timed, len(wrong))


_GRADED = pl.col("correct").is_not_null()
_SPENT = pl.col("response_ms").fill_null(0)
EFFECT = (
    pl.len().alias("answers"),
    _GRADED.sum().alias("graded"),
    pl.col("correct").fill_null(False).sum().alias("correct"),
    pl.col("score").sum().alias("score"),
    pl.col("max_score").sum().alias("max_score"),
    _SPENT.filter(_SPENT > 0).sum().alias("response_ms"),
    (_SPENT > 0).sum().alias("timed"),
    pl.col("question_id").filter(_GRADED & ~pl.col("correct")).n_unique().alias("wrong_questions"),
)
"""The same sums as polars expressions over an answers frame."""


def effect_of(frame: pl.DataFrame) -> Effect:
    """Sums over a frame; ``wrong_questions`` are distinct over everybody in it."""
    return Effect(**frame.select(EFFECT).row(0, named=True))


def effects_by(frame: pl.DataFrame, *keys: str) -> dict[tuple[object, ...], Effect]:
    """Sums by the values of ``keys``, sorted by them."""
    grouped = frame.group_by(keys).agg(*EFFECT).sort(keys)
    return {
        tuple(row[k] for k in keys): Effect(**{k: v for k, v in row.items() if k not in keys})
        for row in grouped.iter_rows(named=True)
    }
