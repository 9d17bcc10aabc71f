"""What a review asked for of the commands' SQL, on the embedded engine."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from commands import replay
from commands.reconcile import run as reconcile
from commands.retention import apply
from commands.worker import generation
from schemas.reference import Member, Organisation, ReferenceTables
from schemas.settings import Settings
from schemas.tables import ANSWERS, EVENTS, MEMBER_DAY
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import Reader, Scope
from sinks.read.generations import ensure_generation, written_generations
from sinks.reference import write_reference
from streams.rules import Rules
from tests.support.engine import rows
from tests.support.harness import FixedGenerations, Harness, event, uid

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


NOW = datetime(2026, 9, 1, tzinfo=UTC)
OLD, OPEN = "2026-04-20T10:00:00+08:00", "2026-07-10T10:00:00+08:00"


def agreeing(store: Store) -> dict[str, list[dict[str, Any]]]:
    assert reconcile(store).differences == []
    return {t.name: rows(store, t) for t in (MEMBER_DAY, ANSWERS)}


def test_what_expires_changes_no_figure_of_an_open_day(store: Store, tmp_path: Path) -> None:
    """A withdrawn event does not come back, an error keeps its answer, a row is still replaced by a newer one."""
    ensure_generation(store, "Asia/Shanghai", Rules().to_json())
    h = Harness(ClickHouseSink(store))
    roster = ReferenceTables(
        organisations=(Organisation(org_id="b1", name="b1"),),
        members=tuple(Member(member_id=m, name=m, org_id="b1") for m in ("m1", "m2")),
        present=frozenset({"organisations", "members"}),
    )
    write_reference(store, roster, NOW)
    h.send(
        # Taken back by an event that is older.
        [event(1, "study", OPEN, duration_ms=60_000)],
        [event(2, "study", OLD, duration_ms=60_000, replaces=uid(1))],
        # A wrong answer, and practice of the same question since.
        [event(n, "answer", OLD, question_id="q1", correct=False) for n in (3, 4, 5)],
        [event(6, "error", OPEN, question_id="q1")],
        # One attempt at an exam, answered twice.
        [event(7, "answer", OPEN, question_id="q2", exam_id="e", correct=False)],
        [event(8, "answer", OLD, question_id="q2", exam_id="e", correct=True)],
        # Two bodies under one id, and nothing of interest.
        [event(9, "study", OLD, duration_ms=60_000), event(9, "study", OPEN, duration_ms=60_001)],
        [event(10, "answer", OLD, question_id="q3", correct=True), event(11, "study", OLD, duration_ms=5)],
    )
    before = agreeing(store)
    settings = Settings(data_dir=str(tmp_path), raw_days=90)
    assert apply(settings, store, NOW) == ["202604"]
    assert apply(settings, store, NOW) == []
    left = {UUID(bytes=r["event_id"]).int for r in rows(store, EVENTS)}
    assert left == {1, 2, 3, 4, 5, 6, 7, 8, 9}
    assert agreeing(store) == before

    (info,) = written_generations(store)
    h.generations = FixedGenerations(generation(info))
    h.restart()
    h.send([event(12, "answer", OPEN, question_id="q1", correct=True)])
    after = agreeing(store)
    day = [r for r in after["member_day"] if r["day"] == date(2026, 7, 10) and not r["course_id"]]
    old = [r for r in before["member_day"] if r["day"] == date(2026, 7, 10) and not r["course_id"]]
    assert [r["answers"] for r in day] == [old[0]["answers"] + 1]
    assert [r for r in after["member_day"] if r["day"] < date(2026, 6, 1)] == [
        r for r in before["member_day"] if r["day"] < date(2026, 6, 1)
    ]
