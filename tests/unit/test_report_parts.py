"""Rows of members in parts: the same as of each alone, whatever the order of the frame and the size of a part."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from reports.data import ReportData
from reports.parts import rows_of
from tests.support.small_reports import FIRST, answer, make, members, study

PEOPLE = [f"b1-m{n}" for n in range(1, 8)]


def term(count: int = 7, each: int = 4) -> ReportData:
    people = [m.member_id for m in members("b1", count)]
    return make(
        members("b1", count),
        [study(m, FIRST + timedelta(days=d)) for m in people for d in range(3)],
        [answer(m, (n + k) % 3 > 0, f"q{k % 5}") for n, m in enumerate(people) for k in range(each)],
    )


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_parts_of_any_size_and_frames_in_any_order_give_each_member_the_same(size: int) -> None:
    data = term()
    alone = {m: next(rows_of(data, [m]))[1] for m in PEOPLE}
    assert all(own.days and own.answers for own in alone.values())
    assert {r.member_id for own in alone.values() for r in (*own.days, *own.answers)} == set(PEOPLE)
    assert all({r.member_id for r in (*own.days, *own.answers)} == {m} for m, own in alone.items())
    mixed = replace(
        data, days=data.days.sample(fraction=1, shuffle=True, seed=3), answers=data.answers.reverse()
    ).with_before(data.days)
    for given in (data, mixed):
        found = dict(rows_of(given, reversed(PEOPLE), size))
        assert list(found) == PEOPLE[::-1]
        assert {m: own._replace(earlier=[]) for m, own in found.items()} == alone


def test_who_has_no_rows_has_none() -> None:
    ((member, own),) = rows_of(term(), ["nobody"])
    assert member == "nobody"
    assert not any(own)


def test_memory_of_python_does_not_grow_with_members() -> None:
    def peak(count: int) -> int:
        data = term(count, 200)
        wanted = [m.member_id for m in members("b1", count)]
        tracemalloc.start()
        try:
            # What has been looked at is forgotten; what is left grows by some hundred bytes a member, the index.
            assert sum(len(own.answers) for _, own in rows_of(data, wanted, 20)) == 200 * count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(40)
    # Six times the members: all their answers at once would take about six times as much.
    assert peak(240) < 3 * peak(40)
