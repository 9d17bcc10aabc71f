"""Improvements in a group's report: which are listed, whether their figure moved, and how old those below are."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reports.context.change import FollowUp
from reports.context.group import GroupReport, Groups
from reports.context.improvements import SUGGESTED
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy, ReportData
from reports.improvements import Issue, current
from reports.population import Populations
from reports.render import Page, Renderer
from schemas.families.improvement import PROBLEMS
from schemas.reference import Text
from tests.support.report_frames import days_frame
from tests.support.small_reports import DEEP, FIRST, answer, make, members, study

AGO = FIRST - timedelta(days=10)


def issue(**changed: object) -> Issue:
    found = Issue(
        org_id="b1", improvement_id="i1", problem="accuracy", about="", course_id="", from_org="", period_first=None,
        period_last=None, state="assigned", raised=AGO, assigned=FIRST, owner_role="branch_secretary",
        due=FIRST - timedelta(days=1), acted=None, actions=("session", "talk"), closed=None, reopened=0,
    )  # fmt: skip
    return replace(found, **changed)  # type: ignore[arg-type]


def improving(*issues: Issue, count: int = 10, **more: Any) -> ReportData:
    """Nearly everybody was wrong in the period before and is right in this one."""
    people = members("b1", count)
    answers = [answer(m.member_id, i == 0, "q1", day=AGO, seconds=9 + i) for i, m in enumerate(people)] * 2
    answers += [answer(m.member_id, i != 0, "q1", day=FIRST, seconds=9 + i) for i, m in enumerate(people)] * 2
    before = [study(m.member_id, day=AGO) for m in people]
    data = make(people, [study(m.member_id, day=FIRST) for m in people], answers, **more)
    flat = [row | {"org_id": "b1"} for rows in before for row in (rows if isinstance(rows, list) else [rows])]
    return replace(data.with_before(days_frame(flat)), issues=issues)


def group(data: ReportData, node: str = "b1") -> GroupReport:
    return Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING, Policy()).report(node)


def test_every_suggestion_is_a_problem_that_can_be_named() -> None:
    assert set(SUGGESTED.values()) <= {c.code for c in PROBLEMS}


def test_what_was_closed_before_the_period_is_history() -> None:
    old = issue(improvement_id="old", closed=FIRST - timedelta(days=1))
    now = issue(improvement_id="now", closed=FIRST)
    later = issue(improvement_id="new", raised=FIRST)
    assert [i.improvement_id for i in current([later, old, now], FIRST)] == ["now", "new"]


@pytest.mark.parametrize(
    ("changed", "day", "overdue", "age"),
    [
        ({}, FIRST, True, 10),
        ({}, FIRST - timedelta(days=1), False, 9),
        ({"due": None}, FIRST, False, 10),
        ({"closed": FIRST}, FIRST + timedelta(days=5), False, 10),
        ({}, AGO - timedelta(days=3), False, 0),
    ],
)
def test_age_and_overdue(changed: dict[str, object], day: date, overdue: bool, age: int) -> None:
    found = issue(**changed)
    assert (found.overdue(day), found.age(day)) == (overdue, age)


def test_the_figure_of_an_improvement_is_shown_with_its_interval() -> None:
    report = group(improving(issue(), issue(improvement_id="i2", problem="ungraded")))
    assert report.improvements is not None
    accuracy, ungraded = report.improvements.own
    assert accuracy.line is not None
    assert accuracy.line.before.value == pytest.approx(0.1)
    assert accuracy.line.now.value == pytest.approx(0.9)
    assert accuracy.line.change.low is not None
    assert accuracy.line.change.low > 0
    assert accuracy.moved == "change.better"
    assert accuracy.overdue
    assert accuracy.owner.en == "Branch secretary"
    assert (ungraded.line, ungraded.moved) == (None, "improve.no_figure")
    for language in ("zh", "en"):
        page = Renderer(language).report("group", report, Page())  # type: ignore[arg-type]
        assert ("支部书记" if language == "zh" else "Branch secretary") in page
        assert "improve." not in page


def test_few_members_have_no_figure_but_their_improvement() -> None:
    report = group(improving(issue(), count=4))
    assert report.improvements is not None
    (line,) = report.improvements.own
    assert (line.line, line.moved) == (None, "change.no_data")


def test_a_report_without_a_period_before_says_so() -> None:
    report = group(replace(improving(issue(), issue(improvement_id="i2", problem="ungraded")), before=None))
    assert report.improvements is not None
    assert [(i.line, i.moved) for i in report.improvements.own] == [
        (None, "change.no_before"),
        (None, "improve.no_figure"),
    ]
    page = Renderer("en").report("group", report, Page())
    assert "no period before to compare with" in page
    assert "not enough data in this period" not in page


def test_without_improvements_the_page_is_as_if_there_were_none() -> None:
    report = group(improving())
    assert report.improvements is None
    assert "Improvements" not in Renderer("en").report("group", report, Page())


def test_the_committee_sees_ages_and_only_the_direction() -> None:
    found = [
        issue(from_org="top", improvement_id="a", assigned=None, owner_role=""),
        issue(improvement_id="b", raised=FIRST - timedelta(days=200), due=None),
        issue(improvement_id="c", closed=FIRST),
    ]
    report = group(improving(*found), "top")
    assert report.improvements is not None
    (sent,) = report.improvements.sent
    assert (sent.line, sent.acknowledged, sent.moved) == (None, None, "change.better")
    (ages,) = report.improvements.ages
    assert [f.value for f in (ages.open, ages.old, ages.waiting, ages.overdue, ages.closed)] == [2, 1, 1, 1, 1]
    assert report.improvements.own == ()
    words = Renderer("en").words
    page = Renderer("en").report("group", report, Page())
    assert f"<h3>{words('section.improvements')}</h3>" not in page  # nothing would stand below it
    assert f"<h3>{words('section.improvements_ages')}</h3>" in page


def test_only_what_lies_below_was_sent_down() -> None:
    """Whoever enters a step names the organisation that it comes from."""
    found = [
        issue(from_org="g1", improvement_id="own"),
        issue(from_org="g1", improvement_id="other", org_id="b4"),
        issue(from_org="g1", improvement_id="above", org_id="top"),
        issue(from_org="top", improvement_id="between", org_id="g2"),
    ]
    data = improving(*found, organisations=DEEP)
    middle, top = group(data, "g1").improvements, group(data, "top").improvements
    assert middle is not None
    assert [i.id for i in middle.sent] == ["own"]
    assert top is not None
    assert [i.id for i in top.sent] == ["between"], "also where nobody belongs to the organisation itself"
    assert [a.id for a in top.ages] == ["b1", "b4", "g2"], "and is followed like a branch"


def followed(*issues: Issue) -> tuple[FollowUp, str]:
    """The topic that last period's figures suggested, and the page."""
    people = members("b1", 10)
    answers = [answer(m.member_id, i == 0, "q1", day=AGO) for i, m in enumerate(people)] * 2
    answers += [answer(m.member_id, True, "q2", day=AGO) for m in people] * 4
    data = make(people, [study(m.member_id) for m in people], answers)
    before = [row | {"org_id": "b1"} for m in people for row in study(m.member_id, day=AGO)]
    report = group(replace(data.with_before(days_frame(before)), issues=issues))
    assert report.change is not None
    (topic,) = [f for f in report.change.followed if f.advice.key == "followed.topic"]
    return topic, Renderer("en").report("group", report, Page())


def test_last_periods_suggestion_names_who_took_it_on() -> None:
    about = issue(problem="topic", about="k1", state="acted")
    old = issue(problem="topic", about="k1", owner_role="member", closed=FIRST - timedelta(days=1))
    first = issue(problem="topic", about="k1", owner_role="organisation_officer", raised=AGO - timedelta(days=9))
    others = [replace(about, about="k2"), replace(about, problem="silent"), replace(about, org_id="b2")]
    topic, page = followed(about, first, old, *others)
    assert (topic.state, topic.owner.en, topic.done.en) == (
        "improve.acted", "Branch secretary", "Joint session; Talks, offers of help",
    )  # fmt: skip
    assert topic.done.zh == "集中学习、专题辅导；谈心了解、主动帮助"
    assert re.search(r"<td>Branch secretary<br><span class=\"quiet\">Joint session", page)
    topic, page = followed(replace(about, assigned=None, owner_role="", state="raised", actions=()))
    assert (topic.state, topic.owner, topic.done) == ("improve.not_taken", Text("", ""), Text("", ""))
    assert "<td>not assigned yet</td>" in page
    topic, page = followed(replace(about, owner_role="", actions=()))
    assert "<td>acted on</td>" in page
    for nothing in ((), (old,), tuple(others)):
        topic, page = followed(*nothing)
        assert topic.state == ""
        assert '<td><span class="blank"></span></td>' in page
