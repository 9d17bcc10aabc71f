"""Titles, papers and questions of the catalogue, for reports; an unknown id is shown as itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import msgspec
import polars as pl

from schemas.reference import Competence, Course, Exam, KnowledgePoint, Place, Question, Text

Row = TypeVar("Row", Course, Exam, KnowledgePoint, Question, Competence, Place)


def typed(kind: type[Row], rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of a reference frame as their declared type; nulls take the declared default."""
    return [msgspec.convert({k: v for k, v in row.items() if v is not None}, kind) for row in rows]


@dataclass(frozen=True)
class Catalogue:
    """The catalogue by id."""

    courses: Mapping[str, Course] = field(default_factory=dict)
    exams: Mapping[str, Exam] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    points: Mapping[str, KnowledgePoint] = field(default_factory=dict)
    competences: tuple[Competence, ...] = ()

    @classmethod
    def of(
        cls,
        courses: Iterable[Course] = (),
        exams: Iterable[Exam] = (),
        questions: Iterable[Question] = (),
        points: Iterable[KnowledgePoint] = (),
        competences: Iterable[Competence] = (),
    ) -> Catalogue:
        """From rows."""
        return cls(
            {c.course_id: c for c in courses},
            {e.exam_id: e for e in exams},
            {q.question_id: q for q in questions},
            {p.knowledge_point_id: p for p in points},
            tuple(competences),
        )

    @cached_property
    def shown(self) -> dict[Any, Any]:
        """What was made of the catalogue for one report and is the same in the next, by what it depends on."""
        return {}

    @cached_property
    def points_of_questions(self) -> pl.DataFrame:
        """``question_id`` and ``_points``, the ids of its knowledge points: to join answers with."""
        return pl.DataFrame(
            {
                "question_id": [q.question_id for q in self.questions.values()],
                "_points": [list(q.knowledge_points) for q in self.questions.values()],
            },
            schema={"question_id": pl.String, "_points": pl.List(pl.String)},
        )

    def course(self, course_id: str) -> Text:
        """Title of a course, or its id."""
        return _title(self.courses.get(course_id), course_id)

    def exam(self, exam_id: str) -> Text:
        """Title of an exam, or its id."""
        return _title(self.exams.get(exam_id), exam_id)

    def point(self, point_id: str) -> Text:
        """Title of a knowledge point, or its id."""
        return _title(self.points.get(point_id), point_id)

    @cached_property
    def _items(self) -> dict[str, dict[str, float]]:
        items: dict[str, dict[str, float]] = {}
        for question in self.questions.values():
            for exam_id in question.exam_ids:
                items.setdefault(exam_id, {})[question.question_id] = question.max_score
        return items

    def paper(self, exam_id: str, answered: float = 0.0, questions: Collection[str] = ()) -> float:
        """Points of the whole paper: those of the exam if it says so, else ``answered`` (the possible points of
        the answered ``questions``) and those of the questions left out; 0 when nothing is known."""
        exam = self.exams.get(exam_id)
        if exam is not None and exam.max_score is not None:
            return exam.max_score
        left_out = (points for q, points in self._items.get(exam_id, {}).items() if q not in questions)
        return answered + sum(left_out)


def _title(row: Course | Exam | KnowledgePoint | None, fallback: str) -> Text:
    if row is None or not row.title:
        return Text(fallback, fallback)
    return Text(row.title, row.title_en or row.title)
