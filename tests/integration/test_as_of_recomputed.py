"""The store as it was: recomputed from the archive, it answers what the pipeline's own rows answered at that moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.as_of import rebuild_at
from schemas.reference import ReferenceTables
from schemas.tables import ITEM_THRESHOLDS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.embedded import EngineOptions, EngineProcess
from sinks.migrate import migrate
from sinks.read import Filters, Reader, Scope
from sinks.read.generations import GenerationInfo, ensure_generation, set_state
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from streams.rules import Rules
from tests.support.engine import EVERY
from tests.support.harness import Harness
from tests.support.world import lines, members, reference

START = datetime(2026, 10, 1, tzinfo=UTC)
QUERIES = ("member-day", "answers", "branch-day", "rejected", "delivery", "members", "organisations", "silent",
           "wrong-questions", "calibrations", "thresholds", "exams")  # fmt: skip


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A second engine, for the store as it was."""
    folder = tmp_path_factory.mktemp("past")
    with EngineProcess(folder, options=EngineOptions(fsync=False)) as engine:
        store = Store(Endpoint(engine.url, engine.user, engine.password))
        migrate(store)
        yield store
        store.close()


def emptied(store: Store) -> Store:
    for table in EVERY:
        store.command(f"TRUNCATE TABLE {table.name}")
    return store


def answers(store: Store, member: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """What the store answers to everything that reports ask, and its roster and catalogue."""
    reader, scope = Reader(store), Scope.everything()
    found: dict[str, list[dict[str, Any]]] = {}
    for name in QUERIES:
        frame = reader.frame(
            name, scope, Filters(member=member) if member and name in ("member-day", "answers") else None
        )
        found[name] = frame.drop("raw", strict=False).to_dicts()
    for name in ("organisations", "members", "courses", "questions"):
        found[f"ref {name}"] = reader.reference(name).drop("recorded_at").to_dicts()
    found["generation"] = [{"it": (reader.generation().number, reader.generation().timezone)}]
    found["imports"] = [reader.imports()]
    return found


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_the_store_as_it_was(engine_store: Store, past: Store, seed: int) -> None:
    chance, store = random.Random(seed), emptied(engine_store)
    sink = ClickHouseSink(store)
    ensure_generation(store, "Asia/Shanghai", Rules().to_json())
    write_reference(sink, reference(seed % 97, 16), START - timedelta(days=1))
    harness, clock = Harness(sink, StoreRosters(sink)), START
    harness.members.now_us = lambda: round(clock.timestamp() * 1_000_000)
    sent = lines(seed % 89, 260, 14)
    seen: list[tuple[datetime, dict[str, list[dict[str, Any]]]]] = []
    for step in range(4):
        clock = START + timedelta(days=step, seconds=chance.randrange(86_000))  # moments in their order
        part = [sent.pop(chance.randrange(len(sent))) for _ in range(60)]
        # Repetitions, of now and of earlier, and what can't be read.
        part += [chance.choice(part) for _ in range(5)] + [b"{", b'{"member_id": "m01"}']
        harness.send(*[[line] for line in part], received=round(clock.timestamp() * 1000))
        if step == 1:
            moved = tuple(m for m in members(random.Random(seed + 1), 16) if chance.random() < 0.4)
            tables = ReferenceTables(members=moved, present=frozenset({"members"}))
            write_reference(sink, tables, clock + timedelta(seconds=1))
        if step == 2:
            row = {"question_id": "q1", "version": 1, "ms": 9000.0, "n": 9, "mean_ms": 1.0, "frozen_at": clock}
            store.insert(ITEM_THRESHOLDS.name, ITEM_THRESHOLDS.rows([row | {"generation": 1}]))
        seen.append((clock + timedelta(seconds=2), answers(store)))
    # A rebuild ends the generation of all these moments.
    info = GenerationInfo(2, "Europe/Berlin", Rules().to_json())
    set_state(store, 2, info, "active")
    set_state(store, 1, GenerationInfo(1, "Asia/Shanghai", Rules().to_json()), "retired")
    for moment, then in seen:
        rebuild_at(store, emptied(past), moment)
        for name, rows in answers(past).items():
            assert rows == then[name], (name, moment)
    moment, then = seen[2]
    rebuild_at(store, emptied(past), moment, {"m03"})
    one = answers(past, "m03")
    for name in ("member-day", "answers"):
        assert one[name] == [row for row in then[name] if row["member_id"] == "m03"]
    assert pl.DataFrame(then["delivery"]).height > 3
