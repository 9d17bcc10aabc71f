"""The question bank that reports show to people: enough of it, well formed, and nothing said twice."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from producers.simulate.bank import load_catalogue
from producers.simulate.catalogue import Catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(date(2026, 3, 2), 131)


def test_there_is_enough_of_it(catalogue: Catalogue) -> None:
    assert len(catalogue.questions) >= 120
    assert len(catalogue.courses) == 6
    assert sum(not exam.quiz for exam in catalogue.exams) >= 4
    practised = Counter(point for q in catalogue.questions for point in q.knowledge_points)
    assert set(practised) == {k.knowledge_point_id for k in catalogue.knowledge_points}
    assert min(practised.values()) >= 3


def test_questions_are_well_formed(catalogue: Catalogue) -> None:
    for q in catalogue.questions:
        letters = "ABCDEF"[: len(q.options)]
        assert set(q.answer_key) <= set(letters), q.text
        assert list(q.answer_key) == sorted(set(q.answer_key)), q.text
        assert len(set(q.options)) == len(q.options) == (2 if q.kind == "truefalse" else 4), q.text
        assert (len(q.answer_key) > 1) == (q.kind == "multiple"), q.text
        assert re.search(r"[。？：]$", q.text), q.text
        assert q.explanation.endswith("。"), q.text
        assert 10 < len(q.explanation) < 120, q.text
        assert not re.search(r"\s", q.text.replace(" https ", "")), q.text
    assert len({q.text for q in catalogue.questions}) == len(catalogue.questions)


def test_keys_give_nothing_away(catalogue: Catalogue) -> None:
    keys = Counter(q.answer_key for q in catalogue.questions if q.kind == "single")
    assert max(keys.values()) < 0.35 * sum(keys.values())
    assert min(keys.values()) > 0.15 * sum(keys.values())
    statements = Counter(q.answer_key for q in catalogue.questions if q.kind == "truefalse")
    assert min(statements["A"], statements["B"]) >= 5


def test_exams_hold_what_they_say(catalogue: Catalogue) -> None:
    by_id = {q.question_id: q for q in catalogue.questions}
    courses = {c.course_id: c for c in catalogue.courses}
    for exam in catalogue.exams:
        questions = [by_id[ident] for ident in exam.question_ids]
        assert len(questions) >= 5
        assert exam.max_score == sum(q.max_score for q in questions)
        assert {q.course_id for q in questions} == {exam.course_id}
        course = courses[exam.course_id]
        assert course.assigned_at <= exam.assigned_at < exam.due_at <= course.due_at
    quizzes = {u.quiz_exam_id for u in catalogue.units} - {""}
    assert quizzes == {exam.exam_id for exam in catalogue.exams if exam.quiz}


def test_a_pre_test_returns_in_the_final(catalogue: Catalogue) -> None:
    exams = {exam.exam_id: exam for exam in catalogue.exams}
    assert set(exams["x-charter-pre"].question_ids) < set(exams["x-charter-final"].question_ids)
    assert exams["x-charter-pre"].due_at < exams["x-charter-final"].assigned_at


def test_units_cover_their_course(catalogue: Catalogue) -> None:
    for course in catalogue.courses:
        lengths = [u.length_ms for u in catalogue.units if u.course_id == course.course_id]
        assert sum(lengths) == course.credit_minutes * 60_000
        used = {q.unit_id for q in catalogue.questions if q.course_id == course.course_id}
        assert used == {u.unit_id for u in catalogue.units if u.course_id == course.course_id}


@pytest.mark.parametrize("days", [14, 60, 365])
def test_dates_fit_any_term(days: int) -> None:
    loaded = load_catalogue(date(2026, 3, 2), days)
    for exam in loaded.exams:
        assert date(2026, 3, 2) <= exam.assigned_at <= exam.due_at
        assert (exam.due_at - date(2026, 3, 2)).days < days
