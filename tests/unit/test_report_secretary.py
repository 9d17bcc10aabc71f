"""The annex for secretaries: named, with reasons, in a file of its own; never a claim that the data can't bear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from reports.catalogue import Catalogue
from reports.context.secretary import Secretaries, SecretaryReport
from reports.data import ReportData
from reports.population import Populations
from reports.site import Site
from schemas.reference import Course, Member
from sinks.read import Scope
from tests.support.small_reports import CATALOGUE, FIRST, LAST, answer, make, members, study


def report(data: ReportData, node: str = "b1") -> SecretaryReport:
    return Secretaries(data, Populations(data.roster, data.period), 5).report(node)


def dated(assigned: datetime, due: datetime) -> Catalogue:
    course = msgspec.structs.replace(CATALOGUE.courses["c1"], assigned_at=assigned, due_at=due)
    return Catalogue({"c1": course, "c2": Course(course_id="c2", title="Two")}, CATALOGUE.exams, CATALOGUE.questions)


START, END = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)


def test_who_has_not_begun_a_course_is_named_with_the_reason() -> None:
    people = members("b1", 6)
    data = make(people, [study(m.member_id) for m in people[1:]], catalogue=dated(START, END))
    (offer,) = report(data).offers
    assert offer.member_id == "b1-m1"
    assert "《First course》" in offer.reasons[0].zh
    assert "“First course”" in offer.reasons[0].en


def test_an_answer_begins_a_course_too() -> None:
    people = members("b1", 6)
    data = make(people, [study(m.member_id) for m in people[1:]], [answer("b1-m1", True)], catalogue=dated(START, END))
    assert report(data).offers == ()


def test_a_course_that_began_before_the_days_that_were_read_is_no_reason() -> None:
    people = members("b1", 6)
    early = dated(START - timedelta(days=60), END)
    assert report(make(people, [study(m.member_id) for m in people[1:]], catalogue=early)).offers == ()


def test_exempt_members_are_not_asked() -> None:
    people = [*members("b1", 6), *members("b1", 1, prefix="old", status="exempt")]
    data = make(people, [study(m.member_id) for m in people[:6]], catalogue=dated(START, END))
    found = report(data)
    assert found.offers == ()
    assert found.silent == ()
    assert [line.exempt for line in found.ledger] == [False] * 6 + [True]


def test_what_holds_for_most_is_said_of_the_branch_and_not_of_each() -> None:
    people = members("b1", 6)
    data = make(people, [study(people[0].member_id)], catalogue=dated(START, END))
    found = report(data)
    assert found.offers == ()
    ((key, course, number),) = [(s.key, s.course.en, s.members.value) for s in found.shared]
    assert (key, course, number) == ("secretary.not_started", "First course", 5)


def test_a_small_branch_has_its_ledger_here_and_no_figures_in_what_is_filed(tmp_path: Path) -> None:
    people = [*members("b1", 3), *members("b2", 9)]
    site = Site(make(people, [study(m.member_id, minutes=40) for m in people]), Scope.everything(), tmp_path)
    index = site.write()
    filed = (tmp_path / index.groups["b1"]).read_text("utf-8")
    annex = (tmp_path / index.annexes["b1"]).read_text("utf-8")
    assert "Name b1-m1" not in filed
    assert "40 分" not in filed
    assert annex.count("40 分") == 3
    assert "本支部有记录的成员较少" in annex
    assert index.annexes["b1"].startswith("secretary/")


def test_a_scope_of_aggregates_and_an_own_scope_have_no_annex(tmp_path: Path) -> None:
    data = make(members("b1", 9), [study(m.member_id) for m in members("b1", 9)])
    for scope in (Scope(None, "aggregate"), Scope.own("b1-m1")):
        assert Site(data, scope, tmp_path / scope.detail).write().annexes == {}
        assert not (tmp_path / scope.detail / "secretary").exists()


def test_members_are_in_order_of_their_ids_whatever_their_figures() -> None:
    people = members("b1", 6)
    days: list[Any] = [study(m.member_id, minutes=60 - 10 * i) for i, m in enumerate(people)]
    assert [line.member_id for line in report(make(people, days)).ledger] == [f"b1-m{i}" for i in range(1, 7)]


def test_who_joined_in_the_last_week_and_who_left_are_marked() -> None:
    joined, left = LAST - timedelta(days=3), FIRST + timedelta(days=10)
    people = [
        *members("b1", 5),
        Member(member_id="new", name="New", org_id="b1", category="staff", valid_from=joined),
        Member(member_id="old", name="Old", org_id="b1", category="staff", valid_to=left),
    ]
    ledger = {line.member_id: line for line in report(make(people)).ledger}
    assert ledger["new"].joined == joined
    assert ledger["old"].left == left - timedelta(days=1)
    assert ledger["b1-m1"].joined is None
