"""The organisation map: where its boxes stand, what they say, and what they withhold."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.charts.org_map import SMALL, described, fitted, org_map_chart
from reports.charts.places import Seat, places_chart, plan
from reports.charts.tiles import GAP, HEAD, PAD, TALL, TILE, Box, layout
from reports.context.group import Groups
from reports.context.org_map import OrgMap, freshness, org_map
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy, ReportData
from reports.population import Populations
from reports.text import Words
from schemas.reference import Organisation
from tests.support.small_reports import DEEP, FIRST, LAST, make, mapped, members, study


def groups(data: ReportData, detail: Any = "named", k: int = 1) -> Groups:
    return Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING, Policy(detail, k))


def the_map(data: ReportData, node: str = "top", k: int = 1, most: int = 100) -> OrgMap:
    return org_map(groups(data, k=k), node, most)


def by_id(found: OrgMap) -> dict[str, Any]:
    return {n.org_id: n for n in found.nodes}


def test_parents_before_children_in_order_of_ids() -> None:
    found = the_map(mapped())
    assert [(n.org_id, n.depth, n.parent) for n in found.nodes] == [
        ("top", 0, ""), ("g1", 1, "top"), ("b1", 2, "g1"), ("b2", 2, "g1"), ("g2", 1, "top"), ("b3", 2, "g2"),
        ("b4", 2, "g2"),
    ]  # fmt: skip
    assert not found.cut
    assert [n.inner for n in found.nodes] == [True, True, False, False, True, False, False]
    assert the_map(mapped(), "g2").root.org_id == "g2"


def test_of_many_only_whole_levels_are_drawn() -> None:
    found = the_map(mapped(), most=4)
    assert [n.org_id for n in found.nodes] == ["top", "g1", "g2"]
    assert found.cut
    assert found.nodes[1].inner
    assert len(the_map(mapped(), most=1).nodes) == 3, "the first level always"


def test_coverage_activity_and_freshness() -> None:
    people = [m for org in ("b1", "b2") for m in members(org, 4)]
    early, late = FIRST, LAST - timedelta(days=1)
    days = [study("b1-m1", late, 60), study("b1-m2", early, 30), study("b2-m1", early, 30)]
    found = by_id(the_map(make(people, days, organisations=DEEP)))
    assert (found["b1"].coverage.value, found["b1"].activity.value) == (0.5, 2700)
    assert (found["b1"].freshness.value, found["b2"].freshness.value) == (0, 3)
    assert found["top"].members.value == 8
    assert found["b3"].freshness.value is None


def test_freshness_is_of_a_week_with_enough_members() -> None:
    people = members("b1", 3)
    days = [study("b1-m1", LAST), *(study(m.member_id, FIRST) for m in people)]
    frame = make(people, days).days.filter(pl.col("course_id") == "")
    assert freshness(frame, LAST, 1).value == 0
    assert freshness(frame, LAST, 3).value == 3
    assert freshness(frame, LAST, 4).value is None


def test_what_is_about_few_is_withheld_with_what_would_give_it_away() -> None:
    people = [*members("b1", 6), *members("b2", 3), *members("b3", 6), *members("b4", 6)]
    found = by_id(the_map(make(people, [study(m.member_id) for m in people], organisations=DEEP), k=5))
    hidden = {org for org, node in found.items() if node.hidden}
    assert hidden == {"b1", "b2"}
    for org in hidden:
        node = found[org]
        assert (node.coverage.value, node.activity.value, node.freshness.value) == (None, None, None)
        assert described(node, Words("en")).endswith("members, the rest is withheld")


def test_one_that_moved_stands_where_it_was_last() -> None:
    moved = FIRST + timedelta(days=7)
    tree = [o for o in DEEP if o.org_id != "b2"]
    tree += [
        Organisation(org_id="b2", parent_id="g1", name="Branch 2", kind="branch", valid_to=moved),
        Organisation(org_id="b2", parent_id="g2", name="Branch 2", kind="branch", valid_from=moved),
    ]
    people = [m for org in ("b1", "b2", "b3") for m in members(org, 2)]
    found = the_map(make(people, [study(m.member_id) for m in people], organisations=tree))
    assert [n.parent for n in found.nodes if n.org_id == "b2"] == ["g2"]


def test_boxes_worked_out_by_hand() -> None:
    boxes, height = layout("top", {"top": ["a", "b"]}, 2 * PAD + 2 * 150 + GAP)
    assert boxes == [
        Box("top", 0, 0, 324, HEAD + TALL + PAD, True),
        Box("a", PAD, HEAD, 150, TALL, False),
        Box("b", PAD + 150 + GAP, HEAD, 150, TALL, False),
    ]
    assert height == HEAD + TALL + PAD
    # A telephone: one below the other, and the root alone is a tile of the whole width.
    narrow, tall = layout("top", {"top": ["a", "b"]}, 180)
    assert [(b.x, b.y) for b in narrow[1:]] == [(PAD, HEAD), (PAD, HEAD + TALL + GAP)]
    assert tall == HEAD + 2 * TALL + GAP + PAD
    assert layout("top", {}, 300) == ([Box("top", 0, 0, 300, TALL, False)], TALL)


def trees(sizes: list[int], deep: bool) -> dict[str, list[str]]:
    children = {"top": [f"g{i}" for i in range(len(sizes))]}
    for i, size in enumerate(sizes):
        if size:
            children[f"g{i}"] = [f"b{i}-{j}" for j in range(size)]
    if deep and sizes[0]:
        children["b0-0"] = ["x", "y"]
    return children


@given(st.lists(st.integers(0, 23), min_size=1, max_size=12), st.booleans(), st.sampled_from([334.0, 624.0, 1176.0]))
def test_boxes_lie_within_their_parents_and_never_overlap(sizes: list[int], deep: bool, width: float) -> None:
    children = trees(sizes, deep)
    boxes, height = layout("top", children, width)
    found = {b.node: b for b in boxes}
    assert len(found) == len(boxes) == 1 + sum(map(len, children.values()))
    assert found["top"].width == width
    assert found["top"].height == height
    for parent, below in children.items():
        outer = found[parent]
        inner = [found[c] for c in below]
        for b in inner:
            assert b.x >= outer.x + PAD - 0.1
            assert b.x + b.width <= outer.x + outer.width - PAD + 0.1
            assert b.y >= outer.y + HEAD - 0.1
            assert b.y + b.height <= outer.y + outer.height - PAD + 0.1
        for i, a in enumerate(inner):
            for b in inner[:i]:
                apart = a.x >= b.x + b.width or b.x >= a.x + a.width or a.y >= b.y + b.height or b.y >= a.y + a.height
                assert apart, (a, b)


def test_the_picture_says_everything_in_words_and_opens_where_it_may() -> None:
    found = the_map(mapped())
    words = Words("en")
    image = org_map_chart(found, words)
    assert 'role="img"' in image
    assert "<a " not in image
    assert image.count("<title>") == 1 + len(found.nodes)
    linked = org_map_chart(found, words, 624, {"g1": "/map/g1?a=1&b=2"})
    assert linked.count("<a ") == 1
    assert 'href="/map/g1?a=1&amp;b=2"' in linked
    assert 'role="group"' in linked
    assert "Branch 1: 6 members, coverage 100%, mean study time 30 min, active 3 weeks before" in linked


def test_the_same_figures_give_the_same_picture() -> None:
    assert org_map_chart(the_map(mapped()), Words("zh")) == org_map_chart(the_map(mapped()), Words("zh"))


def test_names_are_cut_to_their_room_and_quoted() -> None:
    assert fitted("第一党支部", 100) == "第一党支部"
    assert fitted("第一党支部", 40) == "第一…"
    # A tile on paper has room for the longest figures there usually are.
    figures = ("100% · 120 小时 41 分", "100% · 120 h 41 min")
    assert [fitted(one, TILE - 20, SMALL) for one in figures] == list(figures)
    data = mapped()
    found = the_map(data)
    evil = replace(
        found, nodes=(replace(found.nodes[0], name=type(found.nodes[0].name)("<b>", "<b>")), *found.nodes[1:])
    )
    assert "<b>" not in org_map_chart(evil, Words("en"))


def test_a_plan_is_true_to_scale_with_north_above() -> None:
    # One degree of latitude is 111,195 m; at 60° N a degree of longitude is half of it.
    found = plan([(60.0, 10.0), (60.0, 12.0), (60.5, 10.0)], 500)
    (west, east, north) = found.points
    assert west[1] == east[1] == found.height - 46
    assert north[1] < west[1]
    assert (east[0] - west[0]) / (west[1] - north[1]) == pytest.approx(2 * 0.4963 / 0.5, rel=0.01)
    assert found.metres * (west[1] - north[1]) == pytest.approx(0.5 * 111_195)


def test_places_keep_together_over_the_date_line_and_one_place_is_no_error() -> None:
    found = plan([(0.0, 179.9), (0.0, -179.9)], 500)
    assert found.metres * abs(found.points[1][0] - found.points[0][0]) == pytest.approx(0.2 * 111_195)
    assert plan([(1.0, 2.0), (1.0, 2.0)], 500).points == [(250, 46), (250, 46)]


def test_the_plan_names_places_in_words_and_links() -> None:
    nodes = by_id(the_map(mapped()))
    seats = [Seat(nodes["g1"], 39.99, 116.31), Seat(nodes["b3"], 39.98, 116.33)]
    drawn = places_chart(seats, Words("en"), 720, {"g1": "/map/g1"})
    assert drawn.count("<a ") == 1
    assert re.search(r">\d+ m</text>", drawn)
    assert "Branch 3" in drawn


def test_reports_have_the_map_of_deep_trees_alone() -> None:
    made = groups(mapped(), k=5)
    assert made.report("top").org_map is not None
    assert made.report("g1").org_map is None
    assert made.report("b1").org_map is None
