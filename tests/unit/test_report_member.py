"""The member's report: every figure worked out by hand from a few rows."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from reports.context.member import MemberReport, member_report
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Content, ReportData
from reports.figures import Figure
from reports.parts import rows_of
from schemas.reference import Member
from tests.support.small_reports import CATALOGUE, FIRST, LAST, answer, make, members, study


def report(data: ReportData, member: str = "b1-m1", content: Content = EVERYTHING) -> MemberReport:
    ((_, own),) = rows_of(data, [member])
    return member_report(data, Deliveries(data), content, member, own)


DAY2 = FIRST + timedelta(days=1)
DAY9 = FIRST + timedelta(days=8)


@pytest.fixture
def term() -> MemberReport:
    """Two days of study in two courses, four answers, one of them not graded."""
    days = [study("b1-m1", FIRST, 60), study("b1-m1", DAY9, 20, hour=8, course="c2")]
    answers = [
        answer("b1-m1", True, "q1", seconds=10),
        answer("b1-m1", False, "q2", seconds=30, response="Liberty"),
        answer("b1-m1", None, "q3", seconds=None, course="c2", day=DAY9),
        answer("b1-m1", True, "q1", seconds=20, day=DAY9),
    ]
    return report(make(members("b1", 1), days, answers, rejected=[{"member_id": "b1-m1", "reason": "invalid"}]))


def test_study(term: MemberReport) -> None:
    assert term.study.study.value == 80 * 60
    assert term.study.days.value == 2
    assert term.study.sessions.value == 2
    assert term.study.session.value == 40 * 60
    assert (term.study.first_day, term.study.last_day) == (FIRST, DAY9)
    assert term.study.focus.value is None, "the client reported no focus"


def test_effect(term: MemberReport) -> None:
    assert (term.effect.answers.value, term.effect.graded.value, term.effect.correct.value) == (4, 3, 2)
    assert term.effect.accuracy.value == pytest.approx(2 / 3)
    # Wilson, x = 2, n = 3, z = 1.959964: (4 + 3.8415 ± 1.96 √(3.8415 + 8/3)) / (2 · 6.8415)
    assert (term.effect.accuracy.low, term.effect.accuracy.high) == (
        pytest.approx(0.2077, abs=1e-4),
        pytest.approx(0.9385, abs=1e-4),
    )
    assert term.effect.time_per_question.value == 20
    assert term.effect.response_seconds.value == 60
    assert (term.effect.score.value, term.effect.score.n) == (2, 3)
    assert term.effect.wrong_questions.value == 1
    assert term.effect.ungraded.value == 1


def test_time_points(term: MemberReport) -> None:
    assert term.pattern.calendar.values.values[0] == 3600
    assert len(term.pattern.calendar.values.values) == 28
    assert term.pattern.hours.study.values[20] == 3600
    assert term.pattern.hours.study.values[8] == 1200
    assert term.pattern.hours.answers.values[21] == 4, "local hours, not UTC"
    assert term.pattern.weeks.study.values == (3600, 1200, 0, 0)
    assert not any(term.pattern.weeks.partial)
    assert [(d.day, d.first, d.last) for d in term.days] == [(FIRST, "20:00", "21:00"), (DAY9, "08:00", "08:20")]
    assert [d.answers.value for d in term.days] == [2, 2]


def test_per_course(term: MemberReport) -> None:
    assert [(c.course_id, c.study.value, c.effect.answers.value) for c in term.courses] == [
        ("c1", 3600, 3),
        ("c2", 1200, 1),
    ]
    assert term.courses[0].title.zh == "First course"


def test_quality(term: MemberReport) -> None:
    assert term.quality.rejected.value == 1
    assert term.quality.untimed.value == 1
    assert term.quality.untitled.value == 1, "q3 is not in the catalogue"
    assert term.quality.late.value is None, "the store did not say"
    assert term.head.events.value == 4


def test_one_course_has_its_own_study_time() -> None:
    data = make(
        members("b1", 1), [study("b1-m1", FIRST, 60), study("b1-m1", DAY9, 20, course="c2")], [answer("b1-m1", True)]
    )
    only = report(data, content=Content("course", "c2"))
    assert only.study.study.value == 1200
    assert only.effect.answers.value == 0
    assert [c.course_id for c in only.courses] == ["c2"]


def test_one_exam_has_the_study_time_of_its_course_and_only_its_answers() -> None:
    answers = [
        answer("b1-m1", True, exam="e1"),
        answer("b1-m1", False),
        answer("b1-m1", True, "q9", exam="e9", course="c2"),
    ]
    data = make(members("b1", 1), [study("b1-m1", FIRST, 60), study("b1-m1", DAY9, 20, course="c2")], answers)
    known = report(data, content=Content("exam", "e1"))
    assert (known.study.study.value, known.effect.answers.value) == (3600, 1)
    unknown = report(data, content=Content("exam", "e9"))
    assert unknown.study.study.value == 1200, "the course of an exam without catalogue is that of its answers"
    assert unknown.head.content_title.zh == "e9"


def test_exam_totals_count_unanswered_questions() -> None:
    answers = [
        answer("b1-m1", True, "q1", exam="e1", score=2.0, max_score=2.0),
        answer("b1-m1", False, "q1", exam="e1", attempt=2, score=0.0, max_score=2.0, day=DAY2),
        answer("b1-m1", True, "q2", exam="e1", attempt=2, day=DAY2),
    ]
    (exam,) = report(make(members("b1", 1), [], answers)).exams
    assert [(a.score.value, a.score.n) for a in exam.attempts] == [(2, 10), (1, 10)]
    assert exam.attempts[0].share.value == pytest.approx(0.2)
    assert exam.count.value == 2


def test_a_paper_without_stated_points_is_its_questions() -> None:
    assert CATALOGUE.paper("e1", 0.0, ()) == 10
    from dataclasses import replace

    import msgspec

    unstated = replace(CATALOGUE, exams={"e1": msgspec.structs.replace(CATALOGUE.exams["e1"], max_score=None)})
    assert unstated.paper("e1", 2.0, {"q1"}) == 3
    assert unstated.paper("unknown", 4.0, {"x"}) == 4


def test_wrong_question_book_shows_the_question() -> None:
    answers = [
        answer("b1-m1", False, "q1", response="C", exam="e1"),
        answer("b1-m1", False, "q1", response="c", day=DAY2),
    ]
    (entry,) = report(make(members("b1", 1), [], answers)).book.entries
    assert entry.question.text.zh == "How many?"
    assert [(o.letter, o.right, o.chosen) for o in entry.question.options] == [
        ("A", False, False),
        ("B", True, False),
        ("C", False, True),
    ]
    assert entry.question.explanation == "Two, by rule 1."
    assert entry.times_wrong.value == 2
    assert entry.last_wrong == DAY2
    assert entry.exam is None, "the last time it was practice"


def test_free_text_shows_own_and_right_answer() -> None:
    (entry,) = report(make(members("b1", 1), [], [answer("b1-m1", False, "q2", response="Liberty")])).book.entries
    assert (entry.own, entry.question.key, entry.question.options) == ("Liberty", "Unity", ())


def test_a_question_that_the_catalogue_lacks_is_its_id() -> None:
    (entry,) = report(make(members("b1", 1), [], [answer("b1-m1", False, "q77", response="A")])).book.entries
    assert (entry.question.known, entry.question.text.zh, entry.own) == (False, "q77", "A")


def test_two_right_answers_on_two_days_resolve_and_open_ones_come_first() -> None:
    answers = [
        answer("b1-m1", False, "q1"),
        answer("b1-m1", True, "q1", day=DAY2),
        answer("b1-m1", True, "q1", day=DAY9),
        answer("b1-m1", False, "q2", day=DAY2),
    ]
    book = report(make(members("b1", 1), [], answers)).book
    assert [e.question.question_id for e in book.entries] == ["q2", "q1"]
    assert (book.wrong.value, book.open.value, book.resolved.value) == (2, 1, 1)


def test_a_rapid_right_answer_resolves_nothing() -> None:
    answers = [answer("b1-m1", False), answer("b1-m1", True, day=DAY2, seconds=1), answer("b1-m1", True, day=DAY9)]
    assert report(make(members("b1", 1), [], answers)).book.open.value == 1
    calibrated = make(members("b1", 1), [], answers, thresholds={"q1": 500.0})
    assert report(calibrated).book.open.value == 0, "a second is not rapid for this question"


def test_what_is_open_from_before_the_period_is_listed_but_not_counted_as_wrong_in_it() -> None:
    before = FIRST - timedelta(days=10)
    answers = [answer("b1-m1", False, "q1", day=before), answer("b1-m1", True, "q2")]
    found = report(make(members("b1", 1), [], answers))
    assert found.book.wrong.value == 0
    assert [(e.question.question_id, e.earlier) for e in found.book.entries] == [("q1", True)]
    assert found.effect.answers.value == 1


def test_nothing_at_all() -> None:
    found = report(make(members("b1", 1)))
    assert found.silent
    assert found.effect.accuracy.value is None
    assert found.study.regularity.value is None, "unknown is not 0"
    assert [n.key for n in found.advice] == ["advice.no_records"]


def test_a_member_outside_the_roster_still_has_a_report() -> None:
    found = report(make([], [study("ghost")], [answer("ghost", False)]), "ghost")
    assert (found.head.name, found.head.path, found.category.zh) == ("ghost", (), "")
    assert found.study.study.value == 1800


def test_a_new_member_counts_from_the_day_of_joining() -> None:
    joined = LAST - timedelta(days=4)
    people = [Member(member_id="b1-m1", name="N", org_id="b1", valid_from=joined)]
    days = [study("b1-m1", joined + timedelta(days=i), 30) for i in range(5)]
    found = report(make(people, days))
    assert found.joined == joined
    assert found.study.regularity.value == pytest.approx(1), "even over the five enrolled days"


def test_a_transfer_shows_the_newest_organisation() -> None:
    people = [
        Member(member_id="b1-m1", name="N", org_id="b1", valid_to=DAY9),
        Member(member_id="b1-m1", name="N", org_id="b2", valid_from=DAY9),
    ]
    assert report(make(people)).head.path == ("Committee", "Branch two")


def test_weak_topics_are_marked_only_when_the_whole_interval_is_below() -> None:
    right = [answer("b1-m1", True, f"x{i}", knowledge_points=["k2"]) for i in range(20)]
    wrong = [answer("b1-m1", False, f"y{i}", knowledge_points=["k1"]) for i in range(8)]
    one = [answer("b1-m1", False, "z", knowledge_points=["k3"])]
    topics = {t.point_id: t.below for t in report(make(members("b1", 1), [], right + wrong + one)).topics}
    assert topics == {"k1": True, "k2": False, "k3": False}


def test_no_advice_about_hours_or_other_people() -> None:
    days = [study("b1-m1", FIRST, 200, hour=2)]
    for note in report(make(members("b1", 1), days)).advice:
        assert note.key in {"advice.no_answers", "advice.nothing_open"}


def test_figures_are_figures(term: MemberReport) -> None:
    assert isinstance(term.study.study, Figure)
    assert date(2026, 3, 2) == term.head.first
