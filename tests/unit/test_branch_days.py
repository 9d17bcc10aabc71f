"""Branch days in memory: sums, maxima, what is written, and what is kept when memory is short."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.tables import FIGURES
from streams.branch_days import ROSTER_BITS, BranchDays, Key

B1, B2 = (1, "b1", 20_000), (1, "b2", 20_000)


def figures(*events: int) -> np.ndarray:
    found = np.zeros((len(events), len(FIGURES)), np.int64)
    found[:, FIGURES.index("events")] = events
    return found


def days(*keys: Key, belong: Sequence[str] = ("m1", "m2")) -> BranchDays:
    found = BranchDays()
    for key in keys:
        found.open(key, set(belong))
    return found


def add(found: BranchDays, key: Key, course: str, *rows: tuple[str, int, int]) -> list[int]:
    """Rows of (member, version, events) in one course; returns the cells that changed."""
    of = found.numbers([key] * len(rows))
    cell = found.cells(of, [course] * len(rows))
    members, versions, events = zip(*rows, strict=True)
    return found.add(cell, members, np.array(versions), figures(*events)).tolist()


def written(found: BranchDays) -> list[tuple[str, str, int, int, int, int]]:
    rows = found.rows(np.arange(len(found._courses)), roster=3).to_pylist()
    names = ("org_id", "course_id", "members", "active_members", "events", "version")
    return sorted(tuple(r[n] for n in names) for r in rows)  # type: ignore[misc]


def at(version: int) -> int:
    return (3 << ROSTER_BITS) + version


def test_the_largest_version_of_each_member_counts_in_any_order_and_number() -> None:
    found = days(B1)
    assert add(found, B1, "", ("m1", 2, 7), ("m1", 1, 5), ("m2", 4, 1), ("m1", 2, 7)) == [0]
    assert add(found, B1, "", ("m1", 1, 5)) == []
    assert written(found) == [("b1", "", 2, 2, 8, at(6))]
    assert add(found, B1, "", ("m1", 3, 0)) == [0]
    assert written(found) == [("b1", "", 2, 1, 1, at(7))]


def test_a_course_in_which_nothing_changed_is_not_among_what_changed() -> None:
    found = days(B1, B2)
    assert add(found, B1, "c1", ("m1", 1, 1)) == [0]
    assert add(found, B1, "c2", ("m2", 1, 1)) == [1]
    assert add(found, B2, "c1", ("m2", 1, 1)) == [2]
    assert add(found, B1, "c2", ("m2", 2, 3)) == [1]
    assert found.cells_of(found.numbers([B1])).tolist() == [0, 1]


def test_who_does_not_belong_to_the_branch_is_remembered_and_not_counted() -> None:
    found = days(B1, belong=["m1"])
    add(found, B1, "", ("m1", 1, 2), ("m9", 5, 3))
    assert written(found) == [("b1", "", 1, 1, 2, at(1))]


def test_days_used_last_stay_whole_when_memory_is_short() -> None:
    found = days(B1, B2)
    add(found, B1, "", ("m1", 2, 7), ("m2", 1, 1))
    add(found, B2, "", ("m1", 1, 4))
    add(found, B2, "c2", ("m2", 1, 5))
    kept = found.newest(3)
    assert B1 not in kept
    assert B2 in kept
    assert len(kept) == 3
    assert written(kept) == [row for row in written(found) if row[0] == "b2"]
    assert add(kept, B2, "c2", ("m2", 1, 5)) == []
    assert add(kept, B2, "c2", ("m2", 2, 6)) == [1]
    assert written(kept)[-1] == ("b2", "c2", 2, 1, 6, at(2))


def test_many_rows_grow_the_columns() -> None:
    found = days(B1, belong=[f"m{n}" for n in range(3000)])
    add(found, B1, "", *((f"m{n}", 1, n) for n in range(3000)))
    assert written(found) == [("b1", "", 3000, 2999, sum(range(3000)), at(3000))]
