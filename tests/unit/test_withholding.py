"""Small groups: what aggregates may be asked, and an attack on what is published by linear programming."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from itertools import combinations, product

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from reports.analytics.of_credit import _few_owing
from reports.analytics.of_groups import _branch_rows
from reports.asking import ALL
from reports.credit import GroupCredit
from reports.withholding import RULES, SUMS, Cell, cells, check, large_enough, shown_cells, shown_days
from schemas.errors import InputError, XuejingError
from schemas.reference import Organisation, Roster
from sinks.read import Filters, Scope, ScopeError

K = 5
DAY = date(2026, 3, 2)
TODAY = date(2026, 11, 1)
ANALYST = Scope("top", "aggregate")


def tree(chance: random.Random) -> Roster:
    """A random tree of three levels, with members at any of them."""
    found = [Organisation(org_id="top", kind="committee")]
    for n in range(chance.randrange(1, 4)):
        found.append(Organisation(org_id=f"c{n}", parent_id="top", kind="committee"))
        found += [Organisation(org_id=f"c{n}b{i}", parent_id=f"c{n}") for i in range(chance.randrange(5))]
    return Roster(found, ())


def day_of(chance: random.Random, roster: Roster) -> dict[str, int]:
    """Active members by organisation; small groups are frequent."""
    sizes = [0, 0, 1, 2, 3, 4, 5, 6, 8, 12, 20]
    return {o.org_id: n for o in roster.organisations if (n := chance.choice(sizes))}


def attack(values: Mapping[Cell, int], parents: Mapping[Cell, Cell | None], shown: Collection[Cell]) -> set[Cell]:
    """Hidden cells whose value follows from what is shown: those with the same least and greatest value in all worlds
    of values that are not negative and give the published cells."""
    leaves = [c for c in values if c not in set(parents.values()) and values[c]]  # who has none is known to have none
    place = {leaf: i for i, leaf in enumerate(leaves)}

    def row(cell: Cell) -> np.ndarray:
        found = np.zeros(len(leaves))
        for leaf in leaves:
            at: Cell | None = leaf
            while at is not None and at != cell:
                at = parents[at]
            found[place[leaf]] = at == cell
        return found

    published = sorted(c for c in shown if values[c])
    a, b = np.array([row(c) for c in published]), np.array([values[c] for c in published])
    equations = {"A_eq": a, "b_eq": b} if published else {}
    broken = set()
    for cell in values:
        if cell in shown or not values[cell]:
            continue
        ends = [linprog(sign * row(cell), bounds=(0, None), method="highs", **equations) for sign in (1, -1)]
        least, most = ends[0].fun, -ends[1].fun if ends[1].status == 0 else np.inf
        if most - least < 1e-6:
            broken.add(cell)
    return broken


def unprotected(active: Mapping[str, int], roster: Roster, day: date, k: int) -> frozenset[Cell]:
    """What would be shown without complementary suppression."""
    sizes, _ = cells(active, roster, day)
    return frozenset(c for c, n in sizes.items() if n == 0 or n >= k)


def attacked(choose: Callable[..., frozenset[Cell]], rounds: int) -> int:
    chance, broken = random.Random(7), 0
    for _ in range(rounds):
        roster = tree(chance)
        active = day_of(chance, roster)
        sizes, parents = cells(active, roster, DAY)
        # Minutes of study: each active member has some. What a cell shows is the sum of its parts.
        minutes = {(o, "own"): sum(chance.randrange(1, 90) for _ in range(active.get(o, 0))) for o, _ in sizes}
        values: dict[Cell, int] = dict.fromkeys(sizes, 0)
        for leaf, value in minutes.items():
            at: Cell | None = leaf
            while at is not None:
                values[at] += value
                at = parents[at]
        shown = choose(active, roster, DAY, K)
        assert all(sizes[c] == 0 or sizes[c] >= K for c in shown)
        broken += bool(attack(values, parents, shown))
    return broken


def test_no_published_set_of_cells_determines_a_hidden_one() -> None:
    assert attacked(shown_cells, 150) == 0


def test_the_attack_finds_cells_without_complementary_suppression() -> None:
    assert attacked(unprotected, 150) > 40


def test_periods_that_may_be_asked_do_not_overlap() -> None:
    """So there is nothing to subtract; a quarter and its year would give the quarter that is hidden."""
    ends = [date(2025, 1, 1) + timedelta(days=n) for n in range(500)]
    starts = [d for d in ends if d.day in (1, 2)]
    allowed = []
    for first, last in product(starts, ends):
        if first <= last:
            try:
                check("questions", ANALYST, Filters(first=first, last=last), date(2026, 4, 1))
            except InputError:
                continue
            allowed.append((first, last))
    assert len(allowed) == 5
    assert all(a[1] < b[0] or b[1] < a[0] for a, b in combinations(allowed, 2))
    # The attack on a year and its quarters, of which one is small.
    year: dict[Cell, int] = {("y", "all"): 60, **{(f"q{n}", "own"): 20 if n < 3 else 2 for n in range(4)}}
    year["y", "all"] = sum(v for (o, _), v in year.items() if o != "y")
    parents: dict[Cell, Cell | None] = {c: None if c[0] == "y" else ("y", "all") for c in year}
    assert attack(year, parents, [c for c in year if c != ("q3", "own")]) == {("q3", "own")}
    assert attack(year, parents, [c for c in year if c not in (("q3", "own"), ("y", "all"))]) == set()


@pytest.mark.parametrize("name", ALL)
def test_every_query_is_covered_or_refused(name: str) -> None:
    query = ALL[name]
    if name not in RULES:
        with pytest.raises(ScopeError, match="aggregates"):
            check(name, ANALYST, Filters(), TODAY)
        return
    rule = RULES[name]
    assert "aggregate" in query.details
    assert not rule.size or rule.size in query.names
    assert set(rule.single) <= set(query.names)
    if rule.kind == "free":
        assert not {"member_id", "active_members"} & set(query.names)
    else:
        assert {"member", "category"} <= rule.refused


QUARTER = {"first": date(2026, 4, 1), "last": date(2026, 6, 30)}


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("branch-day", Filters(category="staff")),
        ("branch-day", Filters(course="c1")),
        ("questions", Filters()),
        ("questions", Filters(**QUARTER, exam="e1")),
        ("questions", Filters(**QUARTER, org="b1")),
        ("questions", Filters(first=date(2026, 4, 1), last=date(2026, 6, 29))),
        ("questions", Filters(first=date(2026, 1, 1), last=date(2026, 6, 30))),
        ("questions", Filters(first=date(2026, 10, 1), last=date(2026, 12, 31))),
        ("items", Filters(**QUARTER, course="c1")),
        ("branches", Filters(**QUARTER, category="staff")),
        ("credit-branches", Filters()),
        ("competence-branches", Filters()),
        ("organisation-map", Filters()),
        ("organisation-map", Filters(**QUARTER, org="b1")),
        ("competence", Filters(**QUARTER)),
        ("member-day", Filters()),
        ("silent", Filters()),
        ("recorded-days", Filters()),
    ],
)
def test_what_would_split_a_group_is_refused(name: str, filters: Filters) -> None:
    with pytest.raises(XuejingError):
        check(name, ANALYST, filters, TODAY)


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("branch-day", Filters(org="b1", course="")),
        ("branch-day", Filters(first=DAY, last=DAY)),
        ("questions", Filters(**QUARTER, course="c1")),
        ("tests", Filters(**QUARTER, exam="e1", org="top")),
        ("branches", Filters(**QUARTER)),
        ("organisation-map", Filters(**QUARTER)),
        ("organisations", Filters(org="b1")),
    ],
)
def test_what_does_not_is_not(name: str, filters: Filters) -> None:
    check(name, ANALYST, filters, TODAY)


def test_rows_of_days() -> None:
    roster = Roster([Organisation(org_id=o, parent_id="" if o == "top" else "top") for o in ("top", "a", "b", "c")], ())
    active = {"a": 2, "b": 6, "c": 9}
    rows = [{"org_id": o, "course_id": c, "day": d, "active_members": n, "events": 10 * n}
            for o, n in active.items() for c in ("", "c1") for d in (DAY, TODAY)]  # fmt: skip
    own = pl.DataFrame(rows)
    found = shown_days(own, own, roster, None, K, TODAY)
    assert found.select("org_id", "events").rows() == [("a", None), ("b", None), ("c", 90)]  # b is hidden for a's sake
    whole = pl.DataFrame([{**rows[0], "org_id": "top", "active_members": 17, "events": 170}])
    assert shown_days(whole, own, roster, "top", K, TODAY)["events"].to_list() == [170]
    # A principal who sees a part of the tree is told no more.
    assert shown_days(own.filter(org_id="b"), own, roster, None, K, TODAY)["events"].to_list() == [None]
    questions = pl.DataFrame({"members": [4, 5], "first_wrong_at": [1, 2], "last_wrong_at": [1, 2],
                              "last_wrong_response": ["A", "B"]})  # fmt: skip
    assert large_enough("wrong-questions", questions, K).rows() == [(5, None, None, None)]


def test_a_wrong_answer_that_few_chose_is_theirs() -> None:
    found = pl.DataFrame(
        {"members": [20, 20, 20], "most_chosen_wrong": ["A", "B", ""], "most_chosen_wrong_answers": [5, 4, 0]}
    )
    assert large_enough("questions", found, K).rows() == [(20, "A", 5), (20, None, None), (20, None, None)]


def test_branches_are_withheld_by_the_setting() -> None:
    counts = {"a": (6, 8), "b": (3, 8), "c": (20, 30), "d": (25, 31)}
    values = {org: [0.5] * n for org, (n, _) in counts.items()}
    shown = {k: {r["org_id"] for r in _branch_rows("", counts, values, k) if not r["withheld"]} for k in (5, 10)}
    assert shown == {5: {"a", "b", "c", "d"}, 10: {"c", "d"}}
    scored = {r["org_id"] for r in _branch_rows("", counts, values, 10) if r["scored"]}
    assert scored <= {"c", "d"}


def test_credit_of_few_who_owe_is_withheld_however_many_belong() -> None:
    def group(owing: int) -> GroupCredit:
        return GroupCredit(2026, "organised", 20, False, exempt=20 - owing, owing=owing, done=owing)

    groups = [("a", group(2)), ("b", group(9)), ("c", group(12))]
    assert _few_owing(groups[1][1], groups, K) == {"a", "b"}
    assert _few_owing(groups[1][1], groups[1:], K) == frozenset()


@pytest.mark.parametrize(
    ("name", "instead"),
    [("reflections", "reflection-counts"), ("contests", "contest-counts"), ("competence", "competence-branches"),
     ("improvement-steps", "improvements"), ("member-day", "branch-day or branches")],
)  # fmt: skip
def test_who_is_refused_is_told_what_to_ask_about_the_same(name: str, instead: str) -> None:
    with pytest.raises(XuejingError, match=f"ask {instead}"):
        check(name, ANALYST, Filters(**QUARTER), TODAY)


def test_what_is_named_instead_may_be_asked() -> None:
    for name in set(SUMS.values()):
        assert name in RULES
