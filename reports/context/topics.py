"""Accuracy by knowledge point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports.catalogue import Catalogue
from reports.figures import Figure, share
from reports.order import natural
from reports.rows import AnswerRow
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class Topic:
    """One knowledge point. ``below``: its whole interval lies below the accuracy over all answers."""

    point_id: str
    title: Text
    course: Text
    accuracy: Figure
    below: bool
    members: Figure | None = None


def points_of(catalogue: Catalogue, row: AnswerRow) -> Iterable[str]:
    """Knowledge points of an answer: those it names, else those of the catalogue."""
    if row.knowledge_points:
        return row.knowledge_points
    question = catalogue.questions.get(row.question_id)
    return question.knowledge_points if question else ()


def make_topic(
    catalogue: Catalogue, point_id: str, course_id: str, x: int, n: int, overall: float | None, members: Figure | None
) -> Topic:
    """One row; ``overall`` is the accuracy over all answers."""
    accuracy = share("topic_accuracy", x, n)
    below = overall is not None and accuracy.high is not None and accuracy.high < overall
    point = catalogue.points.get(point_id)
    course = catalogue.course(point.course_id if point and point.course_id else course_id)
    return Topic(point_id, catalogue.point(point_id), course, accuracy, below, members)


def member_topics(catalogue: Catalogue, rows: Iterable[AnswerRow], overall: float | None) -> tuple[Topic, ...]:
    """Every knowledge point with graded answers, by course and id: an order that does not judge."""
    counts: dict[str, list[int]] = {}
    courses: dict[str, str] = {}
    for row in rows:
        if row.correct is None:
            continue
        for point in points_of(catalogue, row):
            cell = counts.setdefault(point, [0, 0])
            cell[0] += row.correct
            cell[1] += 1
            courses.setdefault(point, row.course_id)
    return tuple(
        make_topic(catalogue, point, courses[point], counts[point][0], counts[point][1], overall, None)
        for point in sorted(counts, key=lambda p: (natural(courses[p]), natural(p)))
    )
