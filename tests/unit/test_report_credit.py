"""Credit hours in reports: what is done and left, who is behind an even pace, and small groups withheld."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from reports.context.credit import behind, child_credit, group_lines, member_lines
from reports.context.group import Groups
from reports.context.quality import Deliveries
from reports.credit import CreditData
from reports.data import EVERYTHING, Policy
from reports.measures.credit import Line
from reports.measures.credit_balance import Balance
from reports.population import Populations
from reports.render import Page, Renderer
from schemas.credit import MICRO, CreditRules
from schemas.reference import Text
from tests.support.small_reports import make, members, study

LAST = date(2026, 7, 1)


def balance(member: str, earned: float, quota: float | None = 32, **more: object) -> Balance:
    left = None if quota is None else max(quota - earned, 0)
    state = "no_quota" if quota is None else "done" if left == 0 else "open"
    found: dict[str, object] = {
        "member_id": member, "year": 2026, "kind": "organised", "org_id": "b1", "category": "staff", "role": "",
        "quota": None if quota is None else round(quota * MICRO), "earned": round(earned * MICRO), "in_period": 0,
        "left": None if left is None else round(left * MICRO), "member_days": 365, "exempt_days": 0, "state": state,
        "rules": ("r1",),
    }  # fmt: skip
    return Balance(**(found | more))  # type: ignore[arg-type]


def data(*balances: Balance, delivered: bool = True) -> CreditData:
    line = Line("m1", LAST, "organised", "s", "b1", "r1", 0, 0, MICRO)
    lines = [line] if delivered else []
    return CreditData(date(2026, 1, 1), LAST, CreditRules(()), lines, balances, ("organised",))


def test_done_and_left_of_a_member() -> None:
    (line,) = member_lines(data(balance("m1", 20)), "m1")
    assert (line.earned.value, line.quota.value, line.left.value) == (20, 32, 12)
    assert (line.kind, line.state, line.rules) == ("credit.organised", "credit.state_open", "r1")
    assert member_lines(None, "m1") == ()


def test_a_group_of_few_shows_only_how_many_they_are() -> None:
    (line,) = group_lines(data(*(balance(f"m{i}", 40) for i in range(4))), {f"m{i}" for i in range(4)}, 5)
    assert line.hidden
    assert line.members.value == 4
    assert line.done.hidden
    assert line.mean.hidden


def test_the_share_is_of_those_who_owe_and_self_study_without_quota_has_a_mean() -> None:
    rows = [*(balance(f"m{i}", 40 if i < 3 else 8) for i in range(6)), balance("x", 0, state="exempt")]
    (line,) = group_lines(data(*rows), {b.member_id for b in rows}, 5)
    assert (line.done.x, line.done.n, line.exempt.value) == (3, 6, 1)
    assert line.mean.value == pytest.approx(24)
    free = [balance(f"m{i}", 10, None) for i in range(6)]
    (line,) = group_lines(data(*free), {b.member_id for b in free}, 5)
    assert line.mean.value == 10
    assert line.done.value is None


def test_a_small_organisation_is_withheld_with_one_more() -> None:
    groups = {"a": 9, "b": 3, "c": 7}
    rows = [balance(f"{org}{i}", 40) for org, n in groups.items() for i in range(n)]
    asked = [(org, Text(org, org), [f"{org}{i}" for i in range(n)]) for org, n in groups.items()]
    found = child_credit(data(*rows), asked, {}, 5)
    assert {c.id: c.line.hidden for c in found} == {"a": False, "b": True, "c": True}


def test_behind_is_measured_against_an_even_pace_and_only_where_the_kind_is_delivered() -> None:
    rows = [balance("m1", 4), balance("m2", 40)]
    found = behind(data(*rows), ["m1", "m2"])
    assert found.keys() == {"m1"}, "who is done is not behind"
    assert found["m1"][0] == 4
    assert found["m1"][1] == pytest.approx(32 * 182 / 365)
    assert behind(data(*rows, delivered=False), ["m1", "m2"]) == {}


def test_kinds_are_said_to_be_counted_apart_where_there_are_two() -> None:
    people = [m.member_id for m in members("b1", 6)]
    both = [balance(m, 20, kind=kind) for m in people for kind in ("organised", "self_study")]
    made = make(members("b1", 6), [study(m) for m in people])
    report = Groups(made, Populations(made.roster, made.period), Deliveries(made), EVERYTHING, Policy()).report("b1")
    for kinds in (("organised", "self_study"), ("self_study",)):
        found, said = [b for b in both if b.kind in kinds], len(kinds) > 1
        lines = group_lines(replace(data(*found), kinds=kinds), people, 5)
        assert len(lines) == 1 + said
        page = Renderer("en").report("group", replace(report, credit=lines), Page())
        assert ("counted apart" in page) is said
        assert "Organised sessions" in page if said else "Organised sessions" not in page
