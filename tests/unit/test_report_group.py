"""Reports of organisations: coverage, roll-up, suppression, and what they never say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from reports.context.cells import hide_small, shown_parts
from reports.context.group import GroupReport, Groups
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Content, Policy, ReportData
from reports.figures import Figure
from reports.plain import plain
from reports.population import Populations
from reports.text import Words
from schemas.reference import Member, Organisation
from tests.support.small_reports import FIRST, LAST, answer, make, members, study


def report(
    data: ReportData, node: str = "b1", content: Content = EVERYTHING, detail: Any = "named", k: int = 5
) -> GroupReport:
    return Groups(data, Populations(data.roster, data.period), Deliveries(data), content, Policy(detail, k)).report(
        node
    )


def everyone(people: list[Member], minutes: float = 30) -> list[Any]:
    return [study(m.member_id, FIRST, minutes) for m in people]


def test_people_and_coverage() -> None:
    people = members("b1", 8)
    found = report(make(people, everyone(people[:6])))
    assert (found.people.members.value, found.people.active.value, found.people.silent.value) == (8, 6, 2)
    assert (found.people.coverage.x, found.people.coverage.n) == (6, 8)


def test_exempt_members_leave_the_denominator_and_are_not_listed_as_silent() -> None:
    people = [*members("b1", 6), *members("b1", 2, prefix="old", status="exempt")]
    found = report(make(people, everyone(people[:6])))
    assert (found.people.coverage.x, found.people.coverage.n) == (6, 6)
    assert found.people.silent.value == 0
    assert found.people.exempt.value == 2


def test_members_count_where_they_belonged_on_the_day() -> None:
    move = FIRST + timedelta(days=7)
    moved = [
        Member(member_id="x", name="X", org_id="b1", category="staff", valid_to=move),
        Member(member_id="x", name="X", org_id="b2", category="staff", valid_from=move),
    ]
    data = make([*moved, *members("b1", 5), *members("b2", 5)], [study("x", FIRST, 60), study("x", move, 30)])
    assert report(data, "b1", k=1).study.total.value == 3600
    assert report(data, "b2", k=1).study.total.value == 1800
    assert report(data, "b1").people.at_end.value == 5
    assert report(data, "b1").people.members.value == 6
    whole = report(data, "top", k=1)
    assert whole.study.total.value == 5400
    assert whole.people.members.value == 11, "counted once above"


def test_a_branch_that_moved_in_the_tree_counts_where_it_was() -> None:
    move = FIRST + timedelta(days=7)
    organisations = [
        Organisation(org_id="a", name="A", kind="general_branch"),
        Organisation(org_id="z", name="Z", kind="general_branch"),
        Organisation(org_id="b1", parent_id="a", name="B", valid_to=move),
        Organisation(org_id="b1", parent_id="z", name="B", valid_from=move),
    ]
    data = make(members("b1", 5), [study("b1-m1", FIRST, 60), study("b1-m1", move, 30)], organisations=organisations)
    assert report(data, "a", k=1).study.total.value == 3600
    assert report(data, "z", k=1).study.total.value == 1800


def test_roll_up_lists_organisations_by_id_with_silent_ones() -> None:
    people = [*members("b2", 6), *members("b1", 6), *members("b3", 6)]
    found = report(make(people, everyone(people[:12])), "top")
    assert [c.id for c in found.children] == ["b1", "b2", "b3"], "by id, never by a figure"
    assert [c.silent for c in found.children] == [False, False, True]
    assert [n.key for n in found.advice if "child" in n.key] == ["group_advice.silent_child"]


def test_means_are_over_members_with_records() -> None:
    people = members("b1", 8)
    found = report(make(people, everyone(people[:6], 40)))
    assert found.study.mean.value == 2400
    assert found.study.median.hidden, "below ten members"


def test_quartiles_from_ten_members_on() -> None:
    people = members("b1", 11)
    data = make(people, [study(m.member_id, FIRST, 10 * i) for i, m in enumerate(people, 1)])
    median = report(data).study.median
    assert (median.low, median.value, median.high) == (35 * 60, 60 * 60, 85 * 60)


def test_small_categories_are_withheld_together_with_one_more() -> None:
    people = [
        *members("b1", 8),
        *members("b1", 2, prefix="s", category="student"),
        *members("b1", 6, prefix="r", category="retired"),
    ]
    found = report(make(people, everyone(people)))
    assert {c.id: c.hidden for c in found.categories} == {"staff": False, "student": True, "retired": True}
    hidden = [c for c in found.categories if c.hidden]
    assert all(f.hidden for c in hidden for f in (c.active, c.coverage, c.mean_study, c.accuracy))


def test_branches_below_k_are_withheld_and_can_not_be_worked_out() -> None:
    people = [*members("b1", 6), *members("b2", 3), *members("b3", 6)]
    found = report(make(people, everyone(people), [answer(m.member_id, True) for m in people]), "top")
    hidden = [c.id for c in found.children if c.hidden]
    assert "b2" in hidden
    assert len(hidden) == 2


def test_accuracy_of_few_answerers_is_withheld_even_where_many_studied() -> None:
    people = [*members("b1", 6), *members("b2", 6), *members("b3", 6)]
    answers = [
        answer(m, i % 2 == 0, f"q{i}") for i, m in enumerate(["b1-m1", "b1-m2", *(p.member_id for p in people[6:])])
    ]
    found = report(make(people, everyone(people), answers), "top")
    assert not any(c.hidden for c in found.children)
    assert sum(c.accuracy.hidden for c in found.children) == 2


def test_aggregate_scope_withholds_small_groups_and_names_nobody() -> None:
    data = make(members("b1", 6), everyone(members("b1", 3)), [answer("b1-m1", False)])
    found = report(data, detail="aggregate")
    assert found.withheld
    assert (found.effect, found.pattern, found.exams, found.missed, found.trend) == (None, None, (), (), None)
    assert found.people.active.hidden
    assert "Name" not in str(plain(found, Words("en")))


def test_a_branch_below_k_has_no_figures_in_what_is_filed_whoever_reads_it() -> None:
    data = make(members("b1", 1), everyone(members("b1", 1)), [answer("b1-m1", False)])
    for detail in ("named", "aggregate"):
        found = report(data, detail=detail)
        assert found.people.members.value == 1
        assert found.withheld
        assert found.people.active.hidden
        assert found.study.total.hidden
        assert (found.effect, found.missed, found.categories, found.advice) == (None, (), (), ())


def test_a_sibling_that_would_give_a_small_branch_away_is_withheld_in_its_own_report_too() -> None:
    people = [*members("b1", 6), *members("b2", 3), *members("b3", 9)]
    data = make(people, everyone(people))
    hidden = {node: report(data, node).withheld for node in ("top", "b1", "b2", "b3")}
    assert hidden == {"top": False, "b1": True, "b2": True, "b3": False}
    assert {c.id: c.hidden for c in report(data, "top").children} == {"b1": True, "b2": True, "b3": False}


def test_a_branch_without_anything() -> None:
    found = report(make([]))
    assert found.empty
    assert found.people.coverage.value is None
    assert [n.key for n in found.advice] == ["group_advice.no_records"]


def exam_answers(people: list[Member], right: int) -> list[dict[str, Any]]:
    """Everybody answers q1 of exam e1 (paper of 10 points), ``right`` of them right for 2 points."""
    return [
        answer(
            m.member_id,
            i < right,
            exam="e1",
            score=2.0 if i < right else 0.0,
            max_score=2.0,
            response="B" if i < right else "C",
        )
        for i, m in enumerate(people)
    ]


def test_exam_means_use_first_attempts_and_the_whole_paper() -> None:
    people = members("b1", 6)
    again = [answer(m.member_id, True, exam="e1", attempt=2, score=10.0, max_score=10.0, day=LAST) for m in people]
    (exam,) = report(make(people, [], exam_answers(people, 3) + again)).exams
    assert exam.members.value == 6
    assert exam.mean.value == pytest.approx(0.1), "three of six have 2 of 10 points"
    # t interval by hand: sd = 0.109545, se = 0.044721, t(5; 0.975) = 2.570582, half = 0.114961
    assert exam.mean.high == pytest.approx(0.1 + 0.114961, abs=1e-5)
    assert exam.mean.low == 0, "cut at 0"


def test_missed_questions_by_lower_limit_with_the_most_frequent_wrong_choice() -> None:
    people = members("b1", 10)
    answers = exam_answers(people, 4)
    answers += [answer(m.member_id, False, "q2", response="Liberty") for m in people[:5]]
    answers += [answer(m.member_id, False, "q3") for m in people[:4]]
    first, second = report(make(people, [], answers)).missed
    assert [q.question.question_id for q in (first, second)] == ["q2", "q1"], "q3 was answered by four"
    assert (first.missed.x, first.missed.n, first.often) == (5, 5, "Liberty")
    assert [(o.letter, o.chosen) for o in second.question.options] == [("A", False), ("B", False), ("C", True)]
    assert second.often_members.value == 6


def test_a_wrong_choice_of_few_is_not_shown() -> None:
    people = members("b1", 10)
    answers = [answer(m.member_id, False, "q1", response="AC"[i % 2] if i < 8 else "B") for i, m in enumerate(people)]
    (only,) = report(make(people, [], answers)).missed
    assert not any(o.chosen for o in only.question.options)
    assert only.often_members.hidden


def test_topics_need_enough_members_and_answers() -> None:
    people = members("b1", 6)
    hard = [answer(m.member_id, False, f"h{i}", knowledge_points=["hard"]) for m in people for i in range(3)]
    easy = [answer(m.member_id, True, f"e{i}", knowledge_points=["easy"]) for m in people for i in range(3)]
    rare = [answer("b1-m1", False, f"r{i}", knowledge_points=["rare"]) for i in range(12)]
    found = report(make(people, [], hard + easy + rare))
    assert [(t.point_id, t.below) for t in found.topics] == [("hard", True), ("easy", False)]
    assert found.few_topics


def test_catalogue_knowledge_points_stand_in_where_the_event_names_none() -> None:
    people = members("b1", 6)
    answers = [answer(m.member_id, True, "q1", day=FIRST + timedelta(days=d)) for m in people for d in range(2)]
    assert [t.point_id for t in report(make(people, [], answers)).topics] == ["k1"]


def test_one_course_only() -> None:
    people = members("b1", 6)
    days = [study(m.member_id, FIRST, 60, course="c2") for m in people]
    found = report(make(people, days, [answer(m.member_id, True) for m in people]), content=Content("course", "c2"))
    assert found.study.total.value == 6 * 3600
    assert found.effect is not None
    assert found.effect.answers.value == 0
    assert found.head.content_title.en == "Second course"


def test_weeks_count_members_and_a_group_equals_the_sum_of_its_members() -> None:
    people = members("b1", 12)
    days = [study(m.member_id, FIRST + timedelta(days=7 * (i % 2)), 30, hour=7) for i, m in enumerate(people)]
    found = report(make(people, days))
    assert found.pattern is not None
    assert found.pattern.weeks.active is not None
    assert found.pattern.weeks.active.values == (6, 6, 0, 0)
    assert found.pattern.hours.study.values[7] == found.study.total.value == 12 * 1800


def test_weeks_in_which_only_a_few_were_there_are_not_drawn() -> None:
    people = members("b1", 8)
    days = [study(m.member_id, FIRST + timedelta(days=7 * (i < 2)), 30) for i, m in enumerate(people)]
    found = report(make(people, days))
    assert found.pattern is not None
    assert found.pattern.weeks.active is None


def test_quality_counts_only_lines_of_the_members() -> None:
    people = members("b1", 6)
    lines = [
        {"member_id": m, "reason": r}
        for m, r in [("b1-m1", "invalid"), ("b1-m2", "invalid"), ("b2-m1", "invalid"), ("", "malformed")]
    ]
    found = report(make(people, everyone(people), rejected=lines))
    assert found.quality.rejected.value == 2
    assert [(r.reason.en, r.lines.value) for r in found.quality.reasons] == [("a field breaks its rule", 2)]


def test_late_and_duplicate_lines_are_those_of_the_members() -> None:
    people = members("b1", 6)
    rows = [("b1-m1", "b1", 3, 2), ("b1-m2", "b1", 1, 0), ("other", "b2", 50, 50)]
    delivery = pl.DataFrame(rows, ["member_id", "org_id", "late", "duplicates"], orient="row")
    found = report(make(people, everyone(people), delivery=delivery.with_columns(pl.lit(FIRST).alias("day"))))
    assert (found.quality.late.value, found.quality.duplicates.value) == (4, 2)


@pytest.mark.parametrize("placed", [True, False])
def test_lines_of_who_moved_are_those_of_the_days_there(placed: bool) -> None:
    move = FIRST + timedelta(days=7)
    moved = [
        Member(member_id="x", org_id="b1", category="staff", valid_to=move),
        Member(member_id="x", org_id="b2", category="staff", valid_from=move),
    ]
    days = [FIRST, move]
    delivery = pl.DataFrame({"member_id": ["x", "x"], "org_id": ["b1", "b2"], "day": days, "late": [3, 5],
                             "duplicates": [1, 0]})  # fmt: skip
    data = make(
        [*moved, *members("b1", 5), *members("b2", 5)],
        rejected=[{"member_id": "x", "reason": "invalid", "day": day} for day in (move, move, LAST)],
        delivery=delivery,
    )
    if not placed:  # as it was kept by what was issued before lines had a place
        sums = delivery.group_by("member_id").agg(pl.col("late", "duplicates").sum())
        data = replace(data, rejected=data.rejected.select("member_id", "reason"), delivery=sums)

    def counts(node: str) -> list[float | None]:
        found = report(data, node).quality
        return [f.value for f in (found.late, found.duplicates, found.rejected)]

    assert counts("b1") == ([3, 1, 0] if placed else [8, 1, 3])
    assert counts("b2") == ([5, 0, 3] if placed else [8, 1, 3])
    assert counts("top") == [8, 1, 3]


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ([], []),
        ([9, 8], [False, False]),
        ([9, 0], [False, False]),
        ([9, 3], [True, True]),
        ([9, 3, 6], [False, True, True]),
        ([1, 2, 9], [True, True, True]),
        ([3, 3, 9], [True, True, False]),
        ([3], [True]),
    ],
)
def test_rows_withheld_beside_a_printed_total(sizes: list[int], hidden: list[bool]) -> None:
    assert hide_small(sizes, 5) == hidden


def test_parts_of_a_whole() -> None:
    assert shown_parts({"a": 9, "b": 3, "c": 7}, 5) == {"a": True, "b": False, "c": False}
    assert shown_parts({}, 5) == {}


def test_nobody_is_named() -> None:
    people = members("b1", 8)
    found = report(make(people, everyone(people[:6]), exam_answers(people[:6], 3)))
    text = str(plain(found, Words("en")))
    assert "Name b1-m" not in text
    assert "b1-m1" not in text
    assert isinstance(found.people.members, Figure)
