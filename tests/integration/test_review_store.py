"""What a review asked for of the commands' SQL, on the embedded engine."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from commands import replay
from schemas.tables import EVENTS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import Reader, Scope
from sinks.read.generations import ensure_generation
from streams.rules import Rules
from tests.support.harness import Harness, event, uid

AT = "2026-03-01T10:10:00+08:00"
FROM_TO = {"first": 0, "last": 2**41, "member": "", "course": ""}


def test_a_page_of_a_replay_ends_behind_all_bodies_of_its_last_event(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Harness(ClickHouseSink(store)).send(
        [event(1, "study", AT, duration_ms=n) for n in (1, 2, 3)], [event(2, "study", AT)]
    )
    monkeypatch.setattr(replay, "EVENTS_A_STEP", 2)
    page = replay._page(store, FROM_TO, ("", 0, ""))
    assert [row[2] for row in page] == [uid(1)] * 3
    assert replay._page(store, FROM_TO, (page[-1][0], page[-1][1], page[-1][2])) == []


def test_a_replay_leaves_its_mark_where_no_folder_is_yet(tmp_path: Path) -> None:
    mark = tmp_path / "new" / "replay.json"
    replay._checkpoint(mark, FROM_TO, ("m1", 5, uid(1)), 7)
    assert replay._resume(mark, FROM_TO) == (("m1", 5, uid(1)), 7)


class Fussy(ClickHouseSink):
    """Refuses the event at one offset."""

    def insert(self, table, rows: pa.Table):  # type: ignore[no-untyped-def]
        bad = [i for i, o in enumerate(rows["offset"].to_pylist()) if o == 1] if table is EVENTS else []
        super().insert(table, rows.take([i for i in range(rows.num_rows) if i not in bad]))
        return [(i, "no") for i in bad]


def test_an_event_that_the_store_refused_is_no_negative_duplicate(store: Store) -> None:
    ensure_generation(store, "Asia/Shanghai", Rules().to_json())
    first = event(1, "study", AT, duration_ms=60_000)
    Harness(Fussy(store)).send([first], [event(2, "study", AT, duration_ms=60_000)], [first])
    (row,) = Reader(store).frame("ledger", Scope.everything()).to_dicts()
    assert (row["lines"], row["rejected"], row["duplicates"], row["archived"]) == (3, 1, 1, 1)
