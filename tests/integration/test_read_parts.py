"""An answer that is asked for in parts is the answer: same rows, same order, pages and streams included."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from sinks.client import Store
from sinks.read import QUERIES, Filters, Reader, Scope, slices
from sinks.read.macros import EVERYBODY, Span
from tests.integration.test_read import EVERYTHING, asked, reader, scopes, world
from tests.support.world import World

__all__ = ["reader", "world"]
BY_MEMBER = [q for q in QUERIES.values() if q.by_member and q.name != "unit-study"]  # nobody here has units


def test_ranges_hold_everybody_once_and_pages_begin_small() -> None:
    ids = [f"m{n:03}" for n in range(16, 16 * 101, 16)]
    for page in (True, False):
        found = slices.spans(ids, page=page)
        assert found[0].after is None
        assert found[-1].upto is None
        assert all(a.upto == b.after for a, b in pairwise(found))
    small = slices.spans(ids, page=True)
    assert [s.upto for s in small[:3]] == [ids[0], ids[2], ids[6]]
    assert [s.upto for s in slices.spans(ids, page=False)[:2]] == [ids[31], ids[63]]
    assert slices.spans([], page=True) == [EVERYBODY]


@pytest.mark.parametrize("query", BY_MEMBER, ids=lambda q: q.name)
def test_parts_make_the_whole(engine_store: Store, world: World, query: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, seen = random.Random(query.name), 0
    for _ in range(12):
        scope = scopes(chance)
        filters = asked(chance, query, scope)
        monkeypatch.setattr(slices, "FEWEST", 16)
        monkeypatch.setattr(slices, "MOST", 512)
        whole = Reader(engine_store).frame(query.name, scope, filters)
        seen += whole.height
        monkeypatch.setattr(slices, "FEWEST", 1)
        monkeypatch.setattr(slices, "MOST", 4)
        reader = Reader(engine_store)
        assert reader.frame(query.name, scope, filters).equals(whole)
        assert pl.concat(reader.batches(query.name, scope, filters)).equals(whole)
        for limit in (0, 1, 7, whole.height + 1):
            assert reader.frame(query.name, scope, filters, limit=limit).equals(whole.head(limit))
    assert seen > 30


def test_members_that_no_roster_knows_are_in_a_part(engine_store: Store, world: World) -> None:
    """Ids before the first and after the last of the roster, and between two of them."""
    query = QUERIES["events"]
    context = Reader(engine_store)._context()
    sql = [query.render(EVERYTHING, Filters(), context, None, s) for s in (Span(None, "m05"), Span("m05", None))]
    counts = [len(engine_store.rows(r.sql, r.parameters)) for r in sql]
    assert sum(counts) == Reader(engine_store).frame("events", Scope.everything()).height
    assert all(counts)
