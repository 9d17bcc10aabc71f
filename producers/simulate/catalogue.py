"""Courses, units, exams, questions and knowledge points, and the parameters that the generator gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class KnowledgePoint:
    knowledge_point_id: str
    course_id: str
    title: str
    title_en: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Part of a course; ``length_ms`` is its nominal study time."""

    unit_id: str
    course_id: str
    title: str
    title_en: str
    length_ms: int
    quiz_exam_id: str


@dataclass(frozen=True, slots=True)
class Course:
    """``audience``: all, staff or student. Local dates; ``due_at`` is the last day, inclusive."""

    course_id: str
    title: str
    title_en: str
    audience: str
    assigned_at: date
    due_at: date
    credit_minutes: int


@dataclass(frozen=True, slots=True)
class Exam:
    """``shift`` is added to every ability in this exam (learning between a pre-test and a final).

    ``quiz`` exams belong to a unit and are taken when it is finished; the others have a window of their own.
    ``graded_later`` is the share of its answers that arrive ungraded and are replaced days later.
    """

    exam_id: str
    course_id: str
    title: str
    title_en: str
    audience: str
    assigned_at: date
    due_at: date
    question_ids: tuple[str, ...]
    max_score: int
    quiz: bool = False
    retake: bool = False
    shift: float = 0.0
    graded_later: float = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """``kind``: single, multiple or truefalse; ``answer_key`` joins the letters of the right options."""

    question_id: str
    course_id: str
    unit_id: str
    exam_ids: tuple[str, ...]
    kind: str
    text: str
    options: tuple[str, ...]
    answer_key: str
    explanation: str
    max_score: int
    knowledge_points: tuple[str, ...]
    version: int = 1


@dataclass(frozen=True, slots=True)
class Catalogue:
    courses: tuple[Course, ...]
    units: tuple[Unit, ...]
    exams: tuple[Exam, ...]
    questions: tuple[Question, ...]
    knowledge_points: tuple[KnowledgePoint, ...]


@dataclass(frozen=True, slots=True)
class ItemParameters:
    """2PL ``discrimination`` a and ``difficulty`` b; ``log_time`` = mean of ln(seconds)."""

    discrimination: float
    difficulty: float
    log_time: float
    distractors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PointParameters:
    """Bayesian knowledge tracing of one knowledge point: P(L0), T, S, G."""

    prior: float
    transit: float
    slip: float
    guess: float
