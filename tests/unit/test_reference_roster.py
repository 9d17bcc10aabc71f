"""Dated look-ups of the roster, by example and against a slow reading of the same rows."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.reference import Member, Organisation, Roster

MOVE = date(2025, 3, 1)
BEFORE = MOVE - timedelta(days=1)


def roster() -> Roster:
    return Roster(
        [
            Organisation(org_id="top", kind="committee"),
            Organisation(org_id="a", parent_id="top"),
            Organisation(org_id="b", parent_id="top", valid_to=MOVE),
            Organisation(org_id="b", parent_id="a", valid_from=MOVE),
            Organisation(org_id="old", parent_id="top", valid_to=date(2020, 1, 1)),
        ],
        [
            Member(member_id="m", org_id="a", category="staff", valid_to=MOVE),
            Member(member_id="m", org_id="b", category="retired", valid_from=MOVE),
            Member(member_id="n", org_id="b", category="student", valid_from=MOVE),
            Member(member_id="gone", org_id="a", valid_to=date(2020, 1, 1)),
        ],
    )


def test_a_member_counts_where_it_belonged_on_the_day():
    r = roster()
    assert (r.org_of("m", BEFORE), r.org_of("m", MOVE)) == ("a", "b")
    assert (r.org_of("n", BEFORE), r.org_of("n", date.max)) == (None, "b")
    assert r.org_of("nobody", MOVE) is None
    assert r.known("gone")
    assert not r.known("nobody")
    assert r.members_of("b", BEFORE) == set()
    assert r.members_of("b", MOVE) == {"m", "n"}
    assert r.category_of("m", BEFORE) == "staff"
    assert r.categories(MOVE) == {"retired": {"m"}, "student": {"n"}}
    assert [row.org_id for row in r.memberships("m")] == ["a", "b"]
    assert r.member_ids() == ["gone", "m", "n"]


def test_the_tree_is_dated():
    r = roster()
    assert r.subtree("a", BEFORE) == {"a"}
    assert r.subtree("a", MOVE) == {"a", "b"}
    assert r.ancestors("b", BEFORE) == ["top"]
    assert r.ancestors("b", MOVE) == ["a", "top"]
    assert r.children("top", MOVE) == ["a"]
    assert r.roots(MOVE) == ["top"]
    assert r.subtree("old", MOVE) == set()
    assert r.organisation("old", date(2019, 12, 31)) is not None
    assert r.members_under("top", MOVE) == {"m", "n"}
    assert r.branches_with_members(BEFORE) == ["a"]
    assert r.known_organisation("old")


def test_audience_is_a_category_or_a_part_of_the_tree():
    r = roster()
    assert r.in_audience("m", (), MOVE)
    assert r.in_audience("m", ("staff",), BEFORE)
    assert not r.in_audience("m", ("staff",), MOVE)
    assert r.in_audience("n", ("a",), MOVE)
    assert not r.in_audience("m", ("b",), BEFORE)
    assert not r.in_audience("nobody", (), MOVE)


DAYS = st.integers(0, 40).map(lambda n: date(2025, 1, 1) + timedelta(days=n))


@st.composite
def histories(draw: st.DrawFn) -> list[Member]:
    """Memberships that don't overlap, with gaps, of a few members, in any order."""
    rows = []
    for member_id in ("m", "n"):
        cuts = sorted(draw(st.sets(DAYS, min_size=2, max_size=7)))
        bounds = [None, *cuts] if draw(st.booleans()) else list(cuts)
        ends = [*bounds[1:], None]
        for start, end in zip(bounds, ends, strict=True):
            if draw(st.booleans()):
                org_id = draw(st.sampled_from("abc"))
                rows.append(Member(member_id=member_id, org_id=org_id, valid_from=start, valid_to=end))
    return draw(st.permutations(rows))


@given(histories(), DAYS)
def test_bisection_finds_what_a_scan_finds(rows, day):
    r = Roster([], rows)
    for member_id in ("m", "n", "x"):
        valid = [
            row.org_id
            for row in rows
            if row.member_id == member_id and (row.valid_from or date.min) <= day < (row.valid_to or date.max)
        ]
        assert r.org_of(member_id, day) == (valid[0] if valid else None)
        for org_id in "abc":
            assert (member_id in r.members_of(org_id, day)) == (org_id in valid)
