"""Organisational life in reports of groups: what was held, what the rules expect, and the periods without."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from reports.context.group import Groups
from reports.context.meetings import MeetingLine, meeting_lines
from reports.context.quality import Deliveries
from reports.credit import CreditData
from reports.data import EVERYTHING, Policy
from reports.measures.credit import Line
from reports.population import Populations
from reports.render import Page, Renderer
from schemas.credit import MICRO, CreditPolicy
from schemas.reference.columns import Text
from tests.support.small_reports import make, members, study

FIRST, LAST = date(2026, 4, 1), date(2026, 6, 30)
RULES = CreditPolicy.of().rules


def held(day: date, kind: str, org: str = "b1", member: str = "b1-m1", **more: Any) -> Line:
    source = f"{org}-{kind}-{day}"
    return Line(member, day, "organised", source, org, "r1", 0, 0, MICRO, session_kind=kind, **more)


def credit(*lines: Line, first: date = FIRST, last: date = LAST) -> CreditData:
    return CreditData(first, last, RULES, list(lines), (), ("organised",))


def by_name(data: CreditData | None, *orgs: str) -> dict[str, MeetingLine]:
    return {line.name.en: line for line in meeting_lines(data, orgs)}


def test_a_branch_without_a_gap_and_one_with() -> None:
    days = [held(date(2026, m, 28), "theme_day") for m in (4, 5, 6)]
    found = by_name(credit(*days, held(date(2026, 5, 1), "branch_meeting")), "b1")
    theme, meeting, lecture = found["Theme day"], found["Branch meeting"], found["Party lecture"]
    assert (theme.held.value, theme.expected, theme.missing, theme.complete) == (3, "group.life_every_month", (), True)
    assert (meeting.held.value, meeting.expected, meeting.complete) == (1, "group.life_every_quarter", True)
    assert (lecture.held.value, lecture.missing) == (0, (Text("2026年第二季度", "2026 Q2"),))
    found = by_name(credit(days[0], days[2]), "b1")
    assert found["Theme day"].missing == (Text("2026年5月", "2026-05"),)
    assert not found["Theme day"].complete


def test_periods_that_are_not_whole_are_neither_missing_nor_complete() -> None:
    theme = by_name(credit(held(date(2026, 4, 9), "theme_day"), first=date(2026, 4, 2), last=date(2026, 4, 30)), "b1")
    assert (theme["Theme day"].held.value, theme["Theme day"].missing, theme["Theme day"].complete) == (1, (), False)


def test_a_kind_that_no_rule_expects_is_there_when_it_was_held() -> None:
    found = by_name(credit(held(date(2026, 4, 9), "training")), "b1")
    assert (found["Training"].held.value, found["Training"].expected, found["Training"].complete) == (1, "", False)
    assert "Training" not in by_name(credit(held(date(2026, 4, 9), "training")), "b2")


def test_a_committee_counts_the_sessions_of_its_branches_and_names_no_period() -> None:
    lines = [held(date(2026, 4, 9), "theme_day", org, f"{org}-m{i}") for org in ("b1", "b2") for i in (1, 2)]
    found = by_name(credit(*lines), "top", "b1", "b2")["Theme day"]
    assert (found.held.value, found.missing, found.complete) == (2, (), False)


def test_without_attendance_there_is_nothing() -> None:
    assert by_name(None, "b1") == {}
    assert by_name(replace(credit(held(date(2026, 4, 9), "theme_day")), kinds=("self_study",)), "b1") == {}


@pytest.mark.parametrize(
    ("node", "present", "absent"),
    [
        ("b1", ("没有记录的时段", "2026年4月、2026年6月", "每月", "<td>无</td>"), ("系统尚未接入",)),
        ("top", ("组织生活", "每月"), ("没有记录的时段", "系统尚未接入")),
    ],
)
def test_the_page_tells_a_branch_its_gaps(node: str, present: tuple[str, ...], absent: tuple[str, ...]) -> None:
    people = members("b1", 6)
    lines = [held(date(2026, 5, 9), "theme_day"), held(date(2026, 5, 9), "branch_meeting")]
    data = make(people, [study(m.member_id, date(2026, 5, 9)) for m in people], first=FIRST, last=LAST)
    data = replace(data, credit=credit(*lines))
    populations = Populations(data.roster, data.period)
    report = Groups(data, populations, Deliveries(data), EVERYTHING, Policy("named", 5)).report(node)
    page = Renderer("zh").report("group", report, Page())
    assert [text for text in present if text not in page] == []
    assert [text for text in absent if text in page] == []
