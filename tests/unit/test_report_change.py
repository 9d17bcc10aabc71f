"""This period and the one before: of members and organisations, and what became of last period's suggestions."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from reports.context.group import GroupReport, Groups
from reports.context.member import MemberReport
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Period, Policy, ReportData
from reports.population import Populations
from reports.site import Site
from schemas.reference import Member
from sinks.read import Scope
from tests.support.report_frames import days_frame
from tests.support.small_reports import FIRST, answer, make, members, study

AGO = FIRST - timedelta(days=10)
"""A day of the period before."""


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        (date(2026, 3, 1), date(2026, 3, 31), date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 1, 1), date(2026, 3, 31), date(2025, 10, 1), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 12, 31), date(2025, 1, 1), date(2025, 12, 31)),
        (date(2024, 3, 1), date(2024, 3, 31), date(2024, 2, 1), date(2024, 2, 29)),
        (date(2026, 3, 2), date(2026, 3, 29), date(2026, 2, 2), date(2026, 3, 1)),
        (date(2026, 3, 1), date(2026, 3, 30), date(2026, 1, 30), date(2026, 2, 28)),
    ],
)
def test_the_period_before_is_of_the_same_kind(first: date, last: date, start: date, end: date) -> None:
    assert Period(first, last).before() == Period(start, end)


def compared(people: list[Member], before: list[Any], now: list[Any], answers: list[Any]) -> ReportData:
    data = make(people, now, answers)
    flat = [row | {"org_id": data.roster.org_of(row["member_id"], row["day"]) or ""} for item in before for row in item]
    return data.with_before(days_frame(flat))


def group(data: ReportData, node: str = "b1") -> GroupReport:
    return Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING, Policy()).report(node)


def member(data: ReportData, member_id: str) -> MemberReport:
    return dict(Site(data, Scope.everything(), Path("/nowhere")).member_reports([member_id]))[member_id]


def improving() -> ReportData:
    """Ten members: half had records before, all have them now; a knowledge point that nobody knew is known now."""
    people = members("b1", 10)
    answers = []
    for i, m in enumerate(people):
        answers += [answer(m.member_id, i == 0, "q1", day=AGO, seconds=9 + i) for _ in range(2)]
        answers += [answer(m.member_id, True, "q2", day=AGO) for _ in range(4)]
        answers += [answer(m.member_id, i > 0, "q1", day=FIRST, seconds=9 + i) for _ in range(2)]
    before = [study(m.member_id, AGO, 20) for m in people]
    return compared(people, before, [study(m.member_id, FIRST, 30 + i) for i, m in enumerate(people)], answers)


def test_without_records_before_there_is_no_comparison() -> None:
    data = make(members("b1", 6), [study(m.member_id) for m in members("b1", 6)])
    assert data.with_before(days_frame([])).before is None
    assert group(data).change is None
    assert member(data, "b1-m1").change is None


def test_figures_of_a_group_in_both_periods() -> None:
    change = group(improving()).change
    assert change is not None
    assert (change.first, change.last) == (date(2026, 2, 2), date(2026, 3, 1))
    lines = {line.now.metric_id: line for line in change.lines}
    assert (lines["mean_study"].before.value, lines["mean_study"].now.value) == (1200, 34.5 * 60)
    assert lines["mean_study"].change.value == 14.5 * 60
    assert lines["mean_study"].verdict == "change.up"
    assert lines["coverage"].verdict == "", "nothing moved, so that nothing tells chance from change"


def test_last_periods_suggestion_is_followed() -> None:
    change = group(improving()).change
    assert change is not None
    (topic,) = [f for f in change.followed if f.advice.key == "followed.topic"]
    assert topic.line is not None
    assert (topic.line.before.x, topic.line.before.n) == (2, 20)
    assert (topic.line.now.x, topic.line.now.n) == (18, 20)
    assert topic.status == "change.better"
    assert (topic.state, topic.owner.en, topic.done.en) == ("", "", ""), "who took it on is written by hand"


def test_a_period_in_which_few_were_there_is_not_compared() -> None:
    people = members("b1", 8)
    before = [study(m.member_id, AGO, 20) for m in people[:3]]
    assert group(compared(people, before, [study(m.member_id) for m in people], [])).change is None


def test_a_member_is_compared_with_nobody_else() -> None:
    data = improving()
    change = member(data, "b1-m2").change
    assert change is not None
    assert [line.now.metric_id for line in change.lines] == ["study_seconds", "accuracy"]
    study_line, right = change.lines
    assert study_line.change.value == (31 - 20) * 60
    assert (right.before.x, right.before.n, right.now.x, right.now.n) == (4, 6, 2, 2)
    assert right.verdict == "", "two questions are too few for an interval"
    assert change.followed == ()


def test_what_was_put_right_in_the_period_is_counted_and_what_is_open_is_to_be_reviewed() -> None:
    rows = [answer("b1-m1", False, "q1", day=AGO), answer("b1-m1", False, "q2", day=AGO)]
    rows += [answer("b1-m1", True, "q1", day=FIRST + timedelta(days=d)) for d in (1, 3)]
    book = member(make(members("b1", 6), [], rows), "b1-m1").book
    assert book.put_right.value == 1
    assert [e.resolved_on for e in book.resolved_entries] == []
    assert [r.question.question_id for r in book.review] == ["q2"]
    assert book.review[0].reasons[-1].en == "open for 37 day(s)"
