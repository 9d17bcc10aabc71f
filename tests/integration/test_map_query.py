"""The organisation map as rows: what the page draws, in the scope of who asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from reports.analytics.computed import COMPUTED
from reports.asking import ALL, frames
from reports.data import Period
from schemas.errors import InputError
from schemas.settings import Settings
from sinks.client import Store
from sinks.read import Filters, Reader, Scope, ScopeError
from tests.support.dashboards import load_world
from web.dashboard.asking import Asked
from web.dashboard.gather import Gatherer
from web.dashboard.map_page import map_page
from web.dashboard.viewers import OPERATOR

ALL_OF_IT = Scope.everything()
DAYS = Period(date(2026, 1, 1), date(2026, 3, 31))
QUARTER = Filters(first=DAYS.first, last=DAYS.last)
NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(engine_store: Store) -> Store:
    load_world(engine_store)
    return engine_store


@pytest.fixture(scope="module")
def reader(store: Store) -> Reader:
    return Reader(store)


def the_map(reader: Reader, scope: Scope, filters: Filters = QUARTER, **more: Any) -> list[dict[str, Any]]:
    return COMPUTED["organisation-map"].frame(reader, scope, filters, **more).to_dicts()


@pytest.mark.parametrize(("node", "k"), [("top", 3), ("left", 2), ("right", 2)])
def test_the_map_as_rows_is_what_the_page_draws(store: Store, reader: Reader, node: str, k: int) -> None:
    gatherer = Gatherer(store, clock=lambda: NOW, k=k)
    viewer = replace(OPERATOR, rights=Scope(node, "aggregate"), local=False)
    asked = Asked("map", node)
    page = map_page(gatherer, viewer, asked).map
    assert asked.period(NOW.date(), aggregate=True) == DAYS
    found = the_map(reader, Scope(node, "aggregate"), k=k)
    assert [
        (r["org_id"], r["parent_id"], r["depth"], r["members"], r["withheld"], r["coverage"], r["mean_study_seconds"],
         r["freshness_weeks"]) for r in found
    ] == [
        (n.org_id, n.parent, n.depth, n.members.value, n.hidden, n.coverage.value, n.activity.value, n.freshness.value)
        for n in page.nodes
    ]  # fmt: skip
    shown = [r for r in found if not r["withheld"]]
    assert shown
    assert any(r["freshness_weeks"] is not None for r in shown)
    for row in found:
        if row["withheld"]:
            assert not any(row[n] for n in ("coverage", "low", "high", "mean_study_seconds", "freshness_weeks"))


def test_the_map_from_one_organisation_down_withholds_what_the_whole_one_does(reader: Reader) -> None:
    whole = the_map(reader, ALL_OF_IT, k=5)
    assert {r["org_id"] for r in whole if r["depth"] == 0} == {"top", "alone"}
    assert any(r["withheld"] for r in whole)
    right = the_map(reader, ALL_OF_IT, replace(QUARTER, org="right"), k=5)
    below = next(i for i, r in enumerate(whole) if r["org_id"] == "right")
    expected = [r | {"depth": r["depth"] - 1} for r in whole[below : below + len(right)]]
    expected[0]["parent_id"] = ""
    assert right == expected
    assert [r["org_id"] for r in right] == ["right", "l2", "r1", "r2"]


def test_the_map_is_that_of_the_scope(reader: Reader) -> None:
    orgs = {r["org_id"] for r in the_map(reader, Scope("left", "named"))}
    assert orgs == {"left", "l1"}
    for org in ("right", "nowhere"):
        with pytest.raises(InputError):
            the_map(reader, Scope("left", "named"), replace(QUARTER, org=org))
    with pytest.raises(ScopeError):
        the_map(reader, Scope.own("m01"))
    query, settings = ALL["organisation-map"], Settings()
    for scope, filters in (
        (Scope("top", "aggregate"), Filters(first=date(2026, 3, 1), last=date(2026, 3, 31))),
        (Scope("top", "aggregate"), replace(QUARTER, org="left")),
    ):
        with pytest.raises((InputError, ScopeError)):
            list(frames(reader, query, scope, filters, settings))
    (quarter,) = frames(reader, query, Scope("top", "aggregate"), QUARTER, settings)
    assert quarter["org_id"].to_list() == [r["org_id"] for r in the_map(reader, Scope("top", "aggregate"))]


def test_without_records_nothing_is_withheld_and_nothing_fresh(reader: Reader) -> None:
    before = the_map(reader, Scope("top", "named"), Filters(first=date(2020, 1, 1), last=date(2020, 1, 31)))
    assert {(r["coverage"], r["mean_study_seconds"], r["freshness_weeks"], r["withheld"]) for r in before} <= {
        (0.0, None, None, False),
        (None, None, None, False),  # nobody belonged to it
    }
    assert before[0]["members"] > 0
    assert before[0]["coverage"] == 0
