"""Suppression: nothing hidden, and no group below k, can be worked out from what is shown."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures.errors import MeasureError
from reports.measures.suppression import suppress


def star(**sizes: int) -> tuple[dict[str, int], dict[str, str | None]]:
    return {"all": sum(sizes.values()), **sizes}, {"all": None, **dict.fromkeys(sizes, "all")}


def test_nothing_small_nothing_hidden() -> None:
    assert set(suppress(*star(a=5, b=9, c=0)).values()) == {"show"}


def test_one_small_branch_takes_the_next_smallest_with_it() -> None:
    got = suppress(*star(a=3, b=20, c=9, d=0))
    assert got == {"all": "show", "a": "primary", "b": "show", "c": "complementary", "d": "show"}


def test_two_small_branches_that_are_small_together_take_a_third() -> None:
    assert suppress(*star(a=2, b=2, c=9, d=8))["d"] == "complementary"
    assert suppress(*star(a=3, b=2, c=9, d=8))["d"] == "show"


def test_where_no_sibling_is_left_the_parent_goes() -> None:
    got = suppress(*star(a=2, b=1))
    assert got == {"all": "primary", "a": "primary", "b": "primary"}
    assert suppress(*star(a=2, b=2, c=2))["all"] == "show"


def test_two_small_groups_in_different_committees_are_not_added_up() -> None:
    sizes = {"top": 24, "P": 23, "Q": 1, "p1": 3, "p2": 20}
    parents = {"top": None, "P": "top", "Q": "top", "p1": "P", "p2": "P"}
    # P and p1 hidden would leave p1 + Q = 4 to be computed; p2 must go as well.
    assert suppress(sizes, parents)["p2"] == "complementary"


def test_tables_that_do_not_add_up_are_refused() -> None:
    for sizes, parents in (
        ({"all": 9, "a": 3}, {"all": None, "a": "all"}),
        ({"a": 3}, {"a": "gone"}),
        ({"a": 3, "b": 3}, {"a": "b", "b": "a"}),
        ({"a": 3}, {}),
    ):
        with pytest.raises(MeasureError):
            suppress(sizes, parents)
    with pytest.raises(MeasureError):
        suppress({"a": 3}, {"a": None}, k=0)


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, str | None]]:
    """Up to three levels; leaves of 0 to 12 members."""
    parents: dict[str, str | None] = {"r": None}
    sizes: dict[str, int] = {}
    for i in range(draw(st.integers(1, 4))):
        child = f"r.{i}"
        parents[child] = "r"
        below = draw(st.lists(st.integers(0, 12), max_size=3))
        for j, size in enumerate(below):
            parents[f"{child}.{j}"], sizes[f"{child}.{j}"] = child, size
        sizes[child] = sum(below) if below else draw(st.integers(0, 12))
    sizes["r"] = sum(sizes[n] for n, p in parents.items() if p == "r")
    return sizes, parents


@given(trees(), st.integers(1, 7))
def test_linear_algebra_finds_no_hidden_cell_and_no_small_group(
    table: tuple[dict[str, int], dict[str, str | None]], k: int
) -> None:
    sizes, parents = table
    verdict = suppress(sizes, parents, k)
    assert all(verdict[n] != "show" for n, size in sizes.items() if 0 < size < k)
    hidden = [n for n in sizes if verdict[n] != "show"]
    column = {n: i for i, n in enumerate(hidden)}
    equations = np.zeros((len(sizes), len(hidden)))
    for row, parent in enumerate(sizes):
        family = [n for n, p in parents.items() if p == parent]
        for node in family:
            if node in column:
                equations[row, column[node]] = 1
        if family and parent in column:
            equations[row, column[parent]] = -1
    rank = np.linalg.matrix_rank(equations) if hidden else 0
    leaves = [n for n in hidden if n not in parents.values()]
    targets = [(n,) for n in hidden] + [
        group for count in range(1, len(leaves) + 1) for group in combinations(leaves, count)
    ]
    for group in targets:
        wanted = np.array([[float(n in group) for n in hidden]])
        known = np.linalg.matrix_rank(np.vstack([equations, wanted])) == rank
        assert not (known and (len(group) == 1 or sum(sizes[n] for n in group) < k))
