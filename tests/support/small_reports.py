"""A small organisation with hand-made rows, for reports whose figures can be worked out on paper."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from reports.catalogue import Catalogue
from reports.data import ReportData
from schemas.reference import Competence, Course, Exam, KnowledgePoint, Member, Organisation, Question
from tests.support.report_frames import report_data

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 29)
"""Four whole weeks, Monday to Sunday."""

ORGANISATIONS = [
    Organisation(org_id="top", name="Committee", kind="committee"),
    Organisation(org_id="b1", parent_id="top", name="Branch one", kind="branch"),
    Organisation(org_id="b2", parent_id="top", name="Branch two", kind="branch"),
    Organisation(org_id="b3", parent_id="top", name="Quiet branch", kind="branch"),
]
CATALOGUE = Catalogue.of(
    [Course(course_id="c1", title="First course"), Course(course_id="c2", title="Second course")],
    [Exam(exam_id="e1", course_id="c1", title="Final exam", max_score=10.0)],
    [
        Question(
            question_id="q1",
            course_id="c1",
            exam_ids=("e1",),
            text="How many?",
            option_a="One",
            option_b="Two",
            option_c="Three",
            answer_key="B",
            explanation="Two, by rule 1.",
            knowledge_points=("k1",),
            max_score=2.0,
        ),
        Question(question_id="q2", course_id="c1", exam_ids=("e1",), text="Name it.", kind="text", answer_key="Unity"),
    ],
    [KnowledgePoint(knowledge_point_id="k1", course_id="c1", title="Counting")],
)

DEEP = [
    Organisation(org_id="top", name="Committee", kind="committee"),
    Organisation(org_id="g1", parent_id="top", name="General one", kind="general_branch"),
    Organisation(org_id="g2", parent_id="top", name="General two", kind="general_branch"),
    *(
        Organisation(org_id=f"b{i}", parent_id=f"g{1 + (i > 2)}", name=f"Branch {i}", kind="branch")
        for i in (1, 2, 3, 4)
    ),
]
COMPETENCES = (
    Competence(competence_id="ideology", title="思想道德", title_en="Ideology", expected=0.8),
    Competence(
        competence_id="counting", wing="ideology", title="计数", title_en="Counting", knowledge_points=("k1", "k2"),
        expected=0.5,
    ),
    Competence(competence_id="science", title="科学技术", title_en="Science", course_ids=("c1",)),
)  # fmt: skip


def members(org: str, count: int, *, prefix: str = "", category: str = "staff", **more: Any) -> list[Member]:
    """``count`` members of one organisation."""
    names = (f"{prefix or org}-m{i}" for i in range(1, count + 1))
    return [Member(member_id=m, name=f"Name {m}", org_id=org, category=category, **more) for m in names]


def study(member: str, day: date = FIRST, minutes: float = 30, *, hour: int = 20, course: str = "c1") -> list[dict]:  # type: ignore[type-arg]
    """Study on one day: its row over all courses and that of the course."""
    hours = [0.0] * 24
    hours[hour] = minutes * 60
    start = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=8)
    row = {
        "member_id": member, "day": day, "study_seconds": minutes * 60, "sessions": 1, "events": 2,
        "hour_seconds": hours, "first_at": start, "last_at": start + timedelta(minutes=minutes),
    }  # fmt: skip
    return [row | {"course_id": ""}, row | {"course_id": course}]


_NUMBER = iter(range(10**9))


def answer(
    member: str,
    correct: bool | None,
    question: str = "q1",
    *,
    day: date = FIRST,
    hour: int = 21,
    course: str = "c1",
    exam: str = "",
    response: str = "",
    seconds: float | None = 20,
    score: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One answer; points 1 of 1 unless told."""
    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=8)
    number = next(_NUMBER)
    return {
        "member_id": member, "course_id": course, "question_id": question, "exam_id": exam, "day": day,
        "at": at + timedelta(milliseconds=number % 1000), "correct": correct,
        "score": (1.0 if correct else 0.0) if score is None else score,
        "max_score": 0.0 if correct is None else 1.0,
        "response_ms": None if seconds is None else int(seconds * 1000),
        "response": [response] if response else [], "event_id": f"{number:032x}",
    } | more  # fmt: skip


def mapped() -> ReportData:
    """Four branches below two general branches, six members each who studied and answered, and a competence map."""
    people = [m for org in ("b1", "b2", "b3", "b4") for m in members(org, 6)]
    catalogue = Catalogue.of(
        CATALOGUE.courses.values(), CATALOGUE.exams.values(), CATALOGUE.questions.values(),
        CATALOGUE.points.values(), COMPETENCES,
    )  # fmt: skip
    rows = [answer(m.member_id, i % 3 > 0, q) for i, m in enumerate(people) for q in ("q1", "q2")]
    return make(people, [study(m.member_id) for m in people], rows, catalogue=catalogue, organisations=DEEP)


def answers_to_survey(*rows: tuple[str, str, str, int], quarter: date = date(2026, 1, 1)) -> pl.DataFrame:
    """What a run reads of surveys, from organisation, question, option and how often it was chosen."""
    columns = ("org_id", "quarter", "survey_id", "item_id", "choice", "answers")
    return pl.DataFrame([(org, quarter, "s1", *rest) for org, *rest in rows], schema=columns, orient="row")


def make(people: list[Member], days: list[Any] = [], answers: list[Any] = [], **more: Any) -> ReportData:  # noqa: B006
    """Report data over the four weeks; ``days`` may hold lists as ``study`` gives them."""
    flat = [row for item in days for row in (item if isinstance(item, list) else [item])]
    given: dict[str, Any] = {"first": FIRST, "last": LAST, "catalogue": CATALOGUE} | more
    return report_data(given.pop("organisations", ORGANISATIONS), people, flat, answers, **given)
