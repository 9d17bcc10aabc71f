"""Parts of the dashboard that stand only where there is something: further families of events, and improvements."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reports.context.group import Groups
from reports.context.member import member_report
from reports.context.quality import Deliveries
from reports.context.secretary import Secretaries
from reports.data import EVERYTHING, Period, Policy, ReportData
from reports.parts import rows_of
from reports.population import Populations
from reports.text import LANGUAGES
from tests.support.small_reports import FIRST, LAST, make, members, study
from tests.unit.test_dashboard import FRESH, NOW
from tests.unit.test_report_activities import rows_of as family_rows
from tests.unit.test_report_improvements import issue
from web.dashboard import frame
from web.dashboard.asking import Asked, is_quarter
from web.dashboard.gather import Branch, Committee, Own
from web.dashboard.glance import glance
from web.dashboard.render import pages
from web.dashboard.viewers import OPERATOR, PageKind

PEOPLE = members("b1", 6)


def small() -> ReportData:
    return make(PEOPLE, [study(m.member_id, day=FIRST) for m in PEOPLE])


def with_families(node: str | None = None) -> ReportData:
    """Of ``m0`` … ``m5`` of those rows, the members here."""
    ids = {f"m{n}": m.member_id for n, m in enumerate(PEOPLE)}
    rows = family_rows(node)
    frames = {name: f.with_columns(member_id=f["member_id"].replace_strict(ids)) for name, f in rows.frames.items()}
    return replace(small(), families=replace(rows, frames=frames))


def shown(data: ReportData, kind: PageKind, part: str, language: Any = "en", policy: Policy | None = None) -> str:
    """A part as HTML; '' where there is nothing to show."""
    populations, deliveries = Populations(data.roster, data.period), Deliveries(data)
    groups = Groups(data, populations, deliveries, EVERYTHING, policy or Policy("named", 1))
    subject = {"branch": "b1", "committee": "top", "member": PEOPLE[0].member_id}[kind]
    page = Asked(kind, subject, language=language)
    days = data.days.with_columns(answers=0, graded=0, correct=0, wrong_questions=0)
    now = glance(days, FIRST, LAST, {subject})
    view: Branch | Committee | Own
    if kind == "member":
        ((_, own),) = rows_of(data, [subject])
        view = Own(now, now, member_report(data, deliveries, EVERYTHING, subject, own), FRESH)
    elif kind == "branch":
        annex = Secretaries(data, populations, 1).report(subject)
        view = Branch(now, now, groups.report(subject), annex, FRESH)
    else:
        view = Committee(groups.report(subject), (), True, FRESH)
    parts = pages(language).parts(page, view, zone=NOW.tzinfo, k="5", **frame.inside(OPERATOR, page))
    found = {p.name: p.html for p in parts}
    for metric in re.findall(r'popovertarget="m-(\w+)"', found[part]):
        assert f'id="m-{metric}" popover' in found["definitions"]
    return found[part]


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("kind", ["branch", "committee", "member"])
def test_without_families_there_is_no_part_about_them(kind: Any) -> None:
    assert shown(small(), kind, "activities") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_activities_stand_with_the_definition_of_each_figure(language: Any) -> None:
    for kind in ("branch", "committee", "member"):
        html = shown(with_families(), kind, "activities", language)  # type: ignore[arg-type]
        assert ("Reflections" if language == "en" else "心得") in html
        assert 'popovertarget="m-reflections_submitted"' in html
        assert html.count("<div") == html.count("</div>")
        assert "activities_intro" not in html


def test_a_group_of_few_has_no_figures_of_contents_even_by_name() -> None:
    found = text(shown(with_families(), "branch", "activities"))
    assert "Reflections" in found
    assert re.search(r"Reflections submitted \? 5 ", found), found
    pushed = found[found.index("Pushed content") :]
    assert re.search(r"\d", pushed[: pushed.index("Dues")]) is None, "four took part"


def test_dues_stay_in_the_branch() -> None:
    assert "Dues" in shown(with_families(), "branch", "activities")
    assert "Dues" not in shown(with_families(), "committee", "activities")
    assert "Dues" not in shown(with_families(), "branch", "activities", policy=Policy("aggregate", 5))
    member = shown(with_families("top"), "member", "activities")
    assert "Reflections" in member
    assert "Dues" not in member
    assert "Pushed content" not in member


def test_what_the_member_alone_sees_can_be_left_out() -> None:
    data = with_families()
    found = shown(replace(data, families=data.families.without_own()), "member", "activities")
    assert "Pushed content" not in found
    assert "Dues" in found
    assert "Pushed content" in shown(data, "member", "activities")


def with_improvements() -> ReportData:
    late = issue(improvement_id="late", raised=FIRST - timedelta(days=40), due=LAST - timedelta(days=1))
    young = issue(
        improvement_id="young",
        raised=FIRST - timedelta(days=50),
        due=None,
        state="raised",
        assigned=None,
        owner_role="",
    )
    gone = issue(improvement_id="gone", closed=FIRST, due=None)
    sent = issue(improvement_id="sent", from_org="top", assigned=None, owner_role="", due=None, state="raised")
    above = issue(improvement_id="above", org_id="top", due=None)
    return replace(small(), issues=(young, late, gone, sent, above))


def test_a_branch_sees_its_open_improvements_those_overdue_first() -> None:
    found = shown(with_improvements(), "branch", "improvements")
    assert re.findall(r"raised on [^<]*, (\w+)", found) == ["late", "young", "sent"]
    assert text(found).count("overdue") == 1
    assert "Branch secretary" in found
    assert "(from above)" in found
    late = found[found.index("late") : found.index("young")]
    assert f">{(LAST - FIRST).days + 40}<" in late


def test_above_a_branch_stand_ages_and_what_was_sent_down() -> None:
    found = shown(with_improvements(), "committee", "improvements")
    own, rest = found.split("<h3>", 1)
    sent, ages = rest.split("<h3>", 1)
    assert re.findall(r"raised on [^<]*, (\w+)", own) == ["above"]
    assert re.findall(r"raised on [^<]*, (\w+)", sent) == ["sent"]
    assert "not assigned yet" in sent
    (line,) = re.findall(r"<tbody><tr>.*?</tr>", ages)
    # Open, up to 30 days, up to 90, older, not assigned, overdue, closed.
    assert re.findall(r'<td class="n">(\d+)', line) == ["3", "0", "3", "0", "2", "1", "1"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["branch", "committee"])
def test_improvements_are_said_in_both_languages_and_only_where_there_are_any(kind: Any, language: Any) -> None:
    found = shown(with_improvements(), kind, "improvements", language)
    assert re.search(r"[a-z]+\.[a-z_]+", text(found)) is None, "a message that there is not"
    assert shown(small(), kind, "improvements", language) == ""
    closed = replace(small(), issues=(issue(closed=FIRST),))
    assert (shown(closed, kind, "improvements", language) == "") == (kind == "branch")


@pytest.mark.parametrize(
    ("first", "last", "today", "whole"),
    [
        (date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 1), True),
        (date(2026, 1, 1), date(2026, 3, 31), date(2026, 3, 31), False),
        (date(2026, 1, 1), date(2026, 3, 30), date(2026, 4, 1), False),
        (date(2026, 1, 2), date(2026, 3, 31), date(2026, 4, 1), False),
        (date(2025, 10, 1), date(2025, 12, 31), date(2026, 4, 1), True),
        (date(2025, 10, 1), date(2026, 3, 31), date(2026, 4, 1), False),
    ],
)
def test_a_quarter_is_a_whole_one_that_is_over(first: date, last: date, today: date, whole: bool) -> None:
    assert is_quarter(Period(first, last), today) == whole
