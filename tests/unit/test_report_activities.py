"""Lines of reports about further families: sums of what is declared, withheld where few are behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from reports.context.activities import ActivityLine, group_activities, own_activities
from reports.context.member import member_report
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Period
from reports.families import FamilyRows
from reports.parts import rows_of as parts_of
from reports.population import Populations
from reports.render import Page, Renderer
from schemas.reference import Member, Organisation, Roster
from tests.support.small_reports import make, members, study

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
ROSTER = Roster(
    [Organisation(org_id="top"), *(Organisation(org_id=f"b{n}", parent_id="top") for n in (1, 2))],
    [Member(member_id=f"m{n}", org_id="b1" if n < 6 else "b2") for n in range(9)],
)


def frame(rows: list[tuple[str, str, dict[str, Any]]]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"member_id": m, "org_id": org, "day": date(2026, 3, 5), **values} for m, org, values in rows],
        schema_overrides={"day": pl.Date},
    )


def rows_of(node: str | None = None) -> FamilyRows:
    reflections = [(f"m{n}", "b1", {"submitted": True, "replied": n < 2}) for n in range(5)]
    pushes = [(f"m{n}", "b1", {"delivered": True, "opened": n == 0}) for n in range(4)]
    dues = [(f"m{n}", "b1", {"owed": n != 1, "paid": n == 0}) for n in range(6)]
    return FamilyRows({"reflection": frame(reflections), "push": frame(pushes), "dues": frame(dues)}, node)


def lines(node: str, rows: FamilyRows, k: int = 5, *, closed: bool = False) -> dict[str, ActivityLine]:
    populations = Populations(ROSTER, MARCH)
    whole, own = populations.of(node), populations.of(node, own=True)
    found = group_activities(rows, whole, own, k, lambda _sizes, _k: {}, closed=closed)
    return {f"{line.family.en}/{line.figure.metric_id}": line for line in found}


def test_figures_are_sums_and_shares_of_what_is_declared() -> None:
    found = lines("b1", rows_of())
    assert found["Reflections/family_participants"].figure.value == 5
    assert found["Reflections/reflections_submitted"].figure.value == 5
    replied = found["Reflections/reflections_replied"].figure
    assert (replied.x, replied.n, replied.value) == (2, 5, pytest.approx(0.4))
    assert replied.low is not None
    assert [line.first for line in found.values() if line.family.en == "Reflections"] == [True, False, False]
    dues = found["Dues/dues_paid"].figure
    assert (dues.x, dues.n) == (1, 5)


def test_few_are_withheld_and_of_content_even_where_members_are_named() -> None:
    found = lines("b1", rows_of(), k=1)
    assert not found["Reflections/reflections_submitted"].figure.hidden
    assert found["Pushed content/push_opened"].figure.hidden
    assert found["Pushed content/push_opened"].figure.value is None
    assert all(line.figure.hidden for line in lines("b1", rows_of(), k=7).values())


def test_what_would_give_a_sibling_away_is_withheld() -> None:
    populations = Populations(ROSTER, MARCH)
    whole, own = populations.of("b1"), populations.of("b1", own=True)
    found = group_activities(rows_of(), whole, own, 5, lambda _sizes, _k: {"b1": False}, closed=False)
    hidden = {line.family.en: line.figure.hidden for line in found}
    assert hidden == {"Reflections": True, "Pushed content": True, "Dues": False}


def test_dues_do_not_go_up() -> None:
    assert "Dues/dues_paid" in lines("b1", rows_of())
    assert not [name for name in lines("top", rows_of()) if name.startswith("Dues")]
    assert not [name for name in lines("b1", rows_of("top")) if name.startswith("Dues")]
    assert [name for name in lines("b1", rows_of("b1")) if name.startswith("Dues")]
    assert not [name for name in lines("b1", rows_of(), closed=True) if name.startswith("Dues")]
    assert "Reflections/reflections_submitted" in lines("top", rows_of("top"))


def test_a_member_sees_all_of_it_and_others_what_is_theirs_to_see() -> None:
    def shown(rows: FamilyRows) -> set[str]:
        return {line.family.en for line in own_activities(rows, "m0")}

    assert shown(rows_of()) == {"Reflections", "Pushed content", "Dues"}
    assert shown(rows_of("b1")) == {"Reflections", "Dues"}
    assert shown(rows_of("top")) == {"Reflections"}
    assert all(line.figure.low is None for line in own_activities(rows_of(), "m0"))
    assert own_activities(rows_of(), "m8") == ()


@pytest.mark.parametrize("silent", [False, True])
def test_a_member_reads_of_activities_after_their_study(silent: bool) -> None:
    (person,) = members("b1", 1)
    done = FamilyRows({"reflection": frame([(person.member_id, "b1", {"submitted": True, "replied": True})])}, None)
    data = replace(make([person], [] if silent else [study(person.member_id)]), families=done)
    ((_, own),) = parts_of(data, [person.member_id])
    renderer = Renderer("en")
    made = member_report(data, Deliveries(data), EVERYTHING, person.member_id, own)
    page = renderer.report("member", made, Page())
    heading = f"<h3>{renderer.words('section.activities')}</h3>"
    assert page.count(heading) == 1
    before = renderer.words("member.no_records") if silent else '<div class="cards">'
    assert page.index(before) < page.index(heading)


def test_families_that_are_off_leave_no_trace() -> None:
    assert lines("b1", FamilyRows()) == {}
    assert own_activities(FamilyRows(), "m0") == ()
