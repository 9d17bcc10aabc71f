"""A store filled by SQL holds what the folds make of the same lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench.filled import Size, engine, fill
from schemas.tables import ANSWERS, BRANCH_DAY, EVENTS, LEDGER, MEMBER_DAY, Table
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.rosters import StoreRosters
from tests.support.engine import rows
from tests.support.harness import Harness

SIZE = Size(members=110, visits=10)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    with engine(tmp_path_factory.mktemp("filled")) as running:
        store = Store(Endpoint(running.url, running.user, running.password))
        fill(store, SIZE)
        yield store
        store.close()


@pytest.fixture(scope="module")
def folded(filled: Store) -> Harness:
    """The same lines through the stream's own code."""
    harness = Harness(rosters=StoreRosters(ClickHouseSink(filled)))
    found = filled.arrow(
        "SELECT raw, toUnixTimestamp64Milli(received_at) AS received FROM events FINAL ORDER BY partition, offset, line"
    )
    by_receipt: dict[int, list[bytes]] = {}
    for raw, received in zip(found["raw"].to_pylist(), found["received"].to_pylist(), strict=True):
        by_receipt.setdefault(received, []).append(raw.encode())
    for received, lines in sorted(by_receipt.items()):
        harness.send(lines, received=received)
    return harness


def plain(found: list[dict[str, Any]], *without: str) -> list[dict[str, Any]]:
    return sorted(({k: v for k, v in row.items() if k not in without} for row in found), key=repr)


@pytest.mark.parametrize("table", [MEMBER_DAY, ANSWERS, BRANCH_DAY])
def test_rows_are_those_of_the_folds(filled: Store, folded: Harness, table: Table) -> None:
    # What no reader takes from there: who belonged to it, and how many messages of members are behind the row.
    without = ("members", "version") if table is BRANCH_DAY else ()
    stored, computed = plain(rows(filled, table), *without), plain(folded.sink.rows(table), *without)
    assert len(stored) == len(computed) > 0
    for one, other in zip(stored, computed, strict=True):
        assert one == other


def test_archived_columns_are_those_of_the_lines(filled: Store, folded: Harness) -> None:
    own = ("body_hash", "archived_at", "keep", "cluster", "topic", "partition", "offset", "line")
    assert plain(rows(filled, EVENTS), *own) == plain(folded.sink.rows(EVENTS), *own)


def test_all_of_it_is_there_and_days_were_written_twice(filled: Store) -> None:
    assert len(rows(filled, EVENTS)) == SIZE.events
    assert sum(r["lines"] for r in rows(filled, LEDGER)) == SIZE.events
    ((kept, written),) = filled.rows("SELECT uniqExact(member_id, day, course_id), count() FROM member_day")
    assert written >= kept
