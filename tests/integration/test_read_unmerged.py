"""Rows that replace others and are not merged yet do not show: answers are those of the merged store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from schemas.tables import LEDGER
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import QUERIES, Filters, Reader, Scope
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.integration.test_read import EVERYTHING, NOW, asked, scopes
from tests.support.harness import RECEIVED, Harness
from tests.support.world import day, lines, reference

REPLACED = ("events", "member_day", "answers", "ledger", "duplicates", "rejected_events")
_AGAIN = (
    # A batch that is written twice.
    "INSERT INTO member_day SELECT * FROM member_day WHERE member_id < 'm07'",
    "INSERT INTO answers SELECT * FROM answers WHERE member_id > 'm12'",
    "INSERT INTO events SELECT * FROM events WHERE member_id < 'm05'",
    "INSERT INTO duplicates SELECT * FROM duplicates",
    "INSERT INTO ledger SELECT * FROM ledger WHERE offset % 3 = 0",
    # Everything on some days and of some members is taken back, and of some of them comes again.
    "INSERT INTO member_day SELECT * REPLACE (0 AS events, 0 AS study_ms, version + 1000 AS version) FROM member_day "
    "WHERE member_id IN ('m01', 'm02', 'm03', 'm15') OR cityHash64(member_id, day) % 4 = 0",
    "INSERT INTO member_day SELECT * REPLACE (1 AS events, version + 1000 AS version) FROM member_day "
    "WHERE version > 1000 AND member_id IN ('m02', 'm15') AND cityHash64(day) % 2 = 0",
    "INSERT INTO answers SELECT * REPLACE (false AS counted, version + 1000 AS version) FROM answers "
    "WHERE cityHash64(event_id) % 5 = 0",
)


@pytest.fixture
def unmerged(store: Store) -> Iterator[Store]:
    """A store of withdrawals, late events and repetitions of which no parts are merged."""
    for table in REPLACED:
        store.command(f"SYSTEM STOP MERGES {table}")
    try:
        ensure_generation(store, "Asia/Shanghai", "{}")
        write_reference(store, reference(5), NOW)
        sink = ClickHouseSink(store)
        harness = Harness(sink, StoreRosters(sink))
        sent = lines(5, 500)
        for start in range(0, len(sent), 100):
            harness.send(*[[line] for line in sent[start : start + 100]], received=RECEIVED + start * 1_000_000)
        for statement in _AGAIN:
            store.command(statement)
        yield store
    finally:
        for table in REPLACED:
            store.command(f"SYSTEM START MERGES {table}")


def merge(store: Store) -> None:
    for table in REPLACED:
        store.command(f"SYSTEM START MERGES {table}")
        store.command(f"OPTIMIZE TABLE {table} FINAL")


def test_what_is_not_merged_does_not_show(unmerged: Store) -> None:
    chance = random.Random(5)
    questions = [("silent", EVERYTHING, Filters()), ("recorded-days", EVERYTHING, Filters())]
    questions += [("questions", EVERYTHING, Filters()), ("ledger", EVERYTHING, Filters())]
    for query in QUERIES.values():
        for _ in range(6):
            scope = scopes(chance)
            if scope.detail in query.details and (scope.operator or query.name != "ledger"):
                questions.append((query.name, scope, replace(asked(chance, query, scope), org=None)))
    questions += [("ledger", EVERYTHING, Filters(first=day(n), last=day(n + 3))) for n in range(0, 12, 2)]

    def answers() -> list[pl.DataFrame]:
        reader = Reader(unmerged)
        found = [reader.frame(name, scope, filters) for name, scope, filters in questions]
        return [frame.drop("asked_at", strict=False) for frame in found]

    before = answers()
    assert unmerged.rows("SELECT (SELECT count() FROM member_day) > (SELECT count() FROM member_day FINAL)") == [(1,)]
    merge(unmerged)
    assert unmerged.rows("SELECT (SELECT count() FROM member_day) > (SELECT count() FROM member_day FINAL)") == [(0,)]
    for question, one, two in zip(questions, before, answers(), strict=True):
        assert one.equals(two), question
    assert sum(frame.height for frame in before) > 1000


def test_emptied_days_make_members_silent(unmerged: Store) -> None:
    """All days of ``m01`` and ``m03`` were taken back; of ``m02`` some came again."""
    found = Reader(unmerged).frame("silent", EVERYTHING).filter(pl.col("kind") == "member")["member_id"].to_list()
    assert {"m01", "m03"} <= set(found)
    assert "m02" not in found
    seen = unmerged.rows(
        "SELECT DISTINCT member_id FROM member_day FINAL WHERE course_id = '' AND events + study_ms > 0"
    )
    assert not {member for (member,) in seen} & set(found)


def test_the_ledger_is_that_of_its_rows(store: Store) -> None:
    """Messages that are delivered again, with another verdict, in any part: sums are those of the last of each."""
    chance = random.Random(11)
    expected: dict[tuple[Any, ...], dict[str, Any]] = {}
    ensure_generation(store, "Asia/Kathmandu", "{}")  # days begin at a quarter to the hour
    begin = datetime(2026, 3, 1, 17, tzinfo=UTC)

    def row(topic: str, partition: int, offset: int) -> dict[str, Any]:
        count = chance.randrange(1, 20)
        split = {"valid": count, "rejected": 0, "forwarded": 0} if chance.random() < 0.7 else None
        split = split or {"valid": 0, "rejected": count, "forwarded": 0}
        place = {"cluster": "c", "topic": topic, "partition": partition, "offset": offset}
        return place | split | {"lines": count, "late": 0, "received_at": begin + timedelta(seconds=40 * offset)}

    def same() -> None:
        reader = Reader(store)
        for first, last in [(None, None), (date(2026, 3, 2), None), (date(2026, 3, 2), date(2026, 3, 2))]:
            low = first and datetime(2026, 3, 1, 18, 15, tzinfo=UTC)
            high = last and datetime(2026, 3, 2, 18, 15, tzinfo=UTC)
            kept = [
                r for r in expected.values()
                if (low is None or r["received_at"] >= low) and (high is None or r["received_at"] < high)
            ]  # fmt: skip
            (found,) = reader.frame("ledger", EVERYTHING, Filters(first=first, last=last)).to_dicts()
            assert found["messages"] == len(kept)
            for name in ("lines", "valid", "forwarded", "late"):
                assert (found[name] or 0) == sum(r[name] for r in kept)
            assert found["last_received_at"] == max((r["received_at"] for r in kept), default=None)
        (fresh,) = reader.frame("freshness", Scope.own("m01")).to_dicts()
        assert fresh["messages"] == len(expected)
        assert (fresh["lines"] or 0) == sum(r["lines"] for r in expected.values())
        assert fresh["last_received_at"] == max((r["received_at"] for r in expected.values()), default=None)

    same()
    store.command("SYSTEM STOP MERGES ledger")
    try:
        for start in range(0, 3000, 500):
            batch = [row("once", 0, offset) for offset in range(start, start + 500)]
            batch += [row("once", 1, 65_000 + offset) for offset in range(start, start + 500)]
            batch += [
                row("again", 0, offset) for offset in range(max(0, start - chance.choice([0, 0, 80])), start + 500)
            ]
            store.insert(LEDGER.name, LEDGER.rows(batch))
            expected |= {(r["topic"], r["partition"], r["offset"]): r for r in batch}
            same()
        twice = store.rows(
            "SELECT topic, count() > uniqExact(offset) FROM ledger GROUP BY topic, partition ORDER BY ALL"
        )
        assert twice == [("again", 1), ("once", 0), ("once", 0)]
    finally:
        store.command("SYSTEM START MERGES ledger")
    store.command("OPTIMIZE TABLE ledger FINAL")
    same()


def test_sums_of_the_ledger_are_read_not_its_rows(store: Store) -> None:
    """In what the engine says that it will do: the rows of no message that came once are read."""
    ensure_generation(store, "Asia/Shanghai", "{}")
    rows = (
        "SELECT 'c', 't', 0, number, 1, 1, 0, 0, 0, toDateTime64('2026-03-01 08:00:00', 3, 'UTC') FROM numbers(200000)"
    )
    store.command(f"INSERT INTO ledger {rows}")
    reader = Reader(store)
    for name in ("freshness", "ledger"):
        sql, parameters = QUERIES[name].render(EVERYTHING, Filters(), reader._context())
        plan = store.rows(f"EXPLAIN ESTIMATE {sql}", parameters)
        assert sum(rows for _, table, _, rows, _ in plan if table == "ledger") < 1000, plan
