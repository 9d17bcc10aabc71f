"""What reports say beyond counts: mastery, start of courses, rapid answers, organisations compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reports.catalogue import Catalogue
from reports.context.group_compare import comparison
from reports.context.member_measures import LEAST_ANSWERS, Measures, mastery_advice, member_measures
from reports.data import EVERYTHING, Content, ReportData
from reports.figures import metrics_used
from reports.measures.bkt import trace
from reports.parts import rows_of
from schemas.reference import Course, KnowledgePoint, Question, Text
from tests.support.report_frames import report_data
from tests.support.small_reports import FIRST, LAST, ORGANISATIONS, answer, members, study

ASSIGNED = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
CATALOGUE = Catalogue.of(
    courses=[Course(course_id="c1", title="One", assigned_at=ASSIGNED, due_at=ASSIGNED + timedelta(days=10))],
    questions=[
        Question(question_id=f"q{n}", course_id="c1", text=f"q{n}", kind="text", knowledge_points=("k",))
        for n in range(9)
    ],
    points=[KnowledgePoint(knowledge_point_id="k", title="K", course_id="c1")],
)


def data(days: list[dict[str, Any]], answers: list[dict[str, Any]], **more: Any) -> ReportData:
    return report_data(
        ORGANISATIONS, members("b1", 2), days, answers, first=FIRST, last=LAST, catalogue=CATALOGUE, **more
    )


def measures(given: ReportData, content: Content = EVERYTHING, member: str = "b1-m1") -> Measures:
    ((_, own),) = rows_of(given, [member])
    return member_measures(given, content, own.days, own.answers, own.masteries)


def practised(*right: bool, seconds: float = 20) -> list[dict[str, Any]]:
    return [answer("b1-m1", r, f"q{n}", seconds=seconds) for n, r in enumerate(right)]


def test_mastery_of_enough_practice_with_its_advice() -> None:
    assert measures(data([], practised(*[False] * (LEAST_ANSWERS - 1)))).points == ()
    found = measures(data([], practised(False, False, False)))
    (point,) = found.points
    assert point.mastery.value == pytest.approx(trace([False] * 3)[-1].next_prior)
    assert (point.answers.value, point.mastered, point.fitted, point.with_rapid) == (3, False, False, None)
    (given,) = mastery_advice(found)
    assert given.key == "advice.practise"
    assert not mastery_advice(measures(data([], practised(True, True, True, True, True))))


def test_mastery_leaves_out_rapid_answers_and_exams_and_other_courses() -> None:
    rapid = [answer("b1-m1", True, f"q{n}", seconds=1) for n in (5, 6)]
    given = data([], [*practised(False, False, False), *rapid])
    (point,) = measures(given).points
    assert point.answers.value == 3
    assert point.with_rapid is not None
    assert point.with_rapid.value is not None
    assert point.mastery.value is not None
    assert point.with_rapid.value > point.mastery.value
    assert measures(given, Content("course", "c1")).points
    assert not measures(given, Content("course", "c2")).points
    assert not measures(given, Content("exam", "e1")).points


def test_a_course_has_a_plan_only_if_all_its_time_is_in_the_period() -> None:
    given = data([*study("b1-m1", FIRST + timedelta(days=5), 60, course="c1")], [])
    (plan,) = measures(given).plans
    assert plan.started
    assert plan.lag.value is not None
    assert 0.4 < plan.lag.value < 0.7
    assert plan.cramming.value == pytest.approx(-0.25)
    late = CATALOGUE.courses["c1"].due_at
    assert late is not None
    short = report_data(
        ORGANISATIONS, members("b1", 2), [*study("b1-m1", FIRST + timedelta(days=5), 60, course="c1")], [],
        first=FIRST + timedelta(days=2), last=LAST, catalogue=CATALOGUE,
    )  # fmt: skip
    assert measures(short).plans == ()


def test_rapid_answers_show_only_where_they_matter() -> None:
    calm = practised(*[True] * 8)
    assert measures(data([], calm)).rapid is None
    hasty = [*calm[:6], answer("b1-m1", False, "q7", seconds=1), answer("b1-m1", False, "q8", seconds=1)]
    found = measures(data([], hasty)).rapid
    assert found is not None
    assert (found.rapid.value, found.with_rapid.value, found.without.value) == (2, 0.75, 1.0)


NAMES = {org: Text(org, org) for org in "abcd"}


def test_organisations_are_compared_in_order_of_id_and_small_ones_not_at_all() -> None:
    values = {"a": [0.9] * 20, "b": [0.4, 0.6] * 10, "c": [0.5] * 20, "d": [0.1] * 3}
    counts = {"a": (20, 20), "b": (10, 20), "c": (19, 20), "d": (3, 3)}
    found = comparison(NAMES, counts, values, 5)
    assert found is not None
    assert [line.title.en for line in found.lines] == ["a", "b", "c"]
    assert found.common.n == 60  # nothing of d
    assert found.lines[1].place == "compare.far_below"
    assert found.lines[0].above.value is not None
    assert found.lines[0].above.value > 0.95
    assert set(metrics_used(found)) == {"coverage", "over_dispersion", "funnel_label", "shrunk_mean", "p_above"}
    assert comparison(NAMES, {o: counts[o] for o in "abd"}, values, 5) is None
