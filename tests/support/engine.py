"""A store on the embedded engine for tests: one engine a run, empty tables for each test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.tables import TABLES, Table
from sinks.client import Endpoint, Store
from sinks.embedded.process import EngineProcess
from sinks.migrate import migrate

EVERY = tuple(TABLES.values())


@pytest.fixture(scope="session")
def engine_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A migrated store on an engine of its own. Shared: use ``store`` for an empty one."""
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    folder: Path = tmp_path_factory.mktemp("engine")
    with EngineProcess(folder) as engine:
        store = Store(Endpoint(engine.url, engine.user, engine.password))
        migrate(store)
        yield store
        store.close()


@pytest.fixture
def store(engine_store: Store) -> Store:
    """A migrated store without rows."""
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    return engine_store


def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    """Current rows of a table in the order of its key, as ``MemorySink.rows`` gives them."""
    settings = {"output_format_arrow_string_as_string": 0}
    found = store.arrow(f"SELECT * FROM {table.name} FINAL ORDER BY {', '.join(table.order_by)}", settings=settings)
    return found.select(table.arrow.names).cast(table.arrow).to_pylist()
