"""What a new roster changes, and the tree as dated pairs: against day by day comparison."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.reference import Member, Organisation, Roster
from schemas.reference.closure import closure
from schemas.reference.moves import member_moves, moves

FIRST = date(2026, 3, 1)
SPAN = 12


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


@st.composite
def memberships(draw: st.DrawFn) -> list[Member]:
    """Members with periods that don't overlap."""
    found = []
    for member_id in ("m1", "m2", "m3"):
        cuts = sorted(draw(st.sets(st.integers(1, SPAN - 1), max_size=3)))
        edges: list[int | None] = [draw(st.sampled_from([None, 0])), *cuts, draw(st.sampled_from([None, SPAN]))]
        for start, end in itertools.pairwise(edges):
            if draw(st.booleans()):
                found.append(
                    Member(
                        member_id=member_id,
                        name=draw(st.sampled_from(["A", "B"])),
                        org_id=draw(st.sampled_from(["b1", "b2", "b3"])),
                        category=draw(st.sampled_from(["staff", "student"])),
                        valid_from=None if start is None else day(start),
                        valid_to=None if end is None else day(end),
                    )
                )
    return found


def covered(found: set[tuple[str, date | None, date | None]], org: str, on: date) -> bool:
    return any(o == org and (a or on) <= on <= (b or on) for o, a, b in found)


@given(memberships(), memberships())
def test_moves_are_the_days_on_which_members_differ(before: list[Member], after: list[Member]) -> None:
    old, new = Roster((), before), Roster((), after)
    found = moves(old, new)
    for n in range(-3, SPAN + 3):
        for org in ("b1", "b2", "b3"):
            sets = []
            for roster in (old, new):
                rows = (roster.membership(m, day(n)) for m in ("m1", "m2", "m3"))
                sets.append({(r.member_id, r.category) for r in rows if r and r.org_id == org})
            assert covered(found, org, day(n)) == (sets[0] != sets[1]), (org, n)
    assert found == {m for m in found if not covered(found - {m}, m[0], m[1] or m[2] or FIRST)}, (
        "periods of one organisation neither overlap nor repeat"
    )


@given(memberships(), memberships())
def test_moves_of_members_add_up_to_the_moves(before: list[Member], after: list[Member]) -> None:
    old, new = Roster((), before), Roster((), after)
    by_member = {move for listed in member_moves(old, new).values() for move in listed}
    found = moves(old, new)
    for n in range(-3, SPAN + 3):
        for org in ("b1", "b2", "b3"):
            assert covered(found, org, day(n)) == covered(by_member, org, day(n))


def test_a_transfer_moves_from_its_day_on_at_both_ends() -> None:
    old = Roster((), [Member(member_id="m", org_id="b1")])
    new = Roster((), [Member(member_id="m", org_id="b1", valid_to=day(3)),
                      Member(member_id="m", org_id="b2", valid_from=day(3))])  # fmt: skip
    assert moves(old, new) == {("b1", day(3), None), ("b2", day(3), None)}
    assert moves(new, old) == moves(old, new)
    assert member_moves(old, new) == {"m": [("b1", day(3), None), ("b2", day(3), None)]}


def test_a_split_period_or_another_name_moves_nothing() -> None:
    old = Roster((), [Member(member_id="m", org_id="b1", name="A")])
    new = Roster((), [Member(member_id="m", org_id="b1", name="B", valid_to=day(3)),
                      Member(member_id="m", org_id="b1", valid_from=day(3))])  # fmt: skip
    assert moves(old, new) == set()


@st.composite
def trees(draw: st.DrawFn) -> list[Organisation]:
    """Organisations whose parents have a smaller number, so that there are no cycles; rows change with time."""
    found = []
    for n in range(draw(st.integers(1, 5))):
        cuts = sorted(draw(st.sets(st.integers(1, SPAN - 1), max_size=2)))
        edges: list[int | None] = [draw(st.sampled_from([None, 0])), *cuts, draw(st.sampled_from([None, SPAN]))]
        for start, end in itertools.pairwise(edges):
            if draw(st.integers(0, 4)):
                parent = draw(st.integers(-1, n - 1))
                found.append(
                    Organisation(
                        org_id=f"o{n}",
                        parent_id="" if parent < 0 else f"o{parent}",
                        valid_from=None if start is None else day(start),
                        valid_to=None if end is None else day(end),
                    )
                )
    return found


@given(trees())
def test_the_closure_is_the_subtree_on_every_day(rows: list[Organisation]) -> None:
    roster = Roster(rows, ())
    pairs = closure(roster)
    for n in range(-3, SPAN + 3):
        on = day(n)
        for org in {r.org_id for r in rows}:
            below = [
                p.org_id for p in pairs
                if p.ancestor_id == org and (p.valid_from or on) <= on and (p.valid_to is None or on < p.valid_to)
            ]  # fmt: skip
            assert sorted(below) == sorted(roster.subtree(org, on)), (org, n)


@given(trees())
def test_periods_of_a_pair_neither_overlap_nor_touch(rows: list[Organisation]) -> None:
    by_pair: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for p in closure(Roster(rows, ())):
        by_pair.setdefault((p.ancestor_id, p.org_id), []).append((p.valid_from or date.min, p.valid_to or date.max))
    for periods in by_pair.values():
        periods.sort()
        assert all(a[1] < b[0] for a, b in itertools.pairwise(periods))
