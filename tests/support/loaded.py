"""Events and tables through the pure pipelines into a store: no broker, everything else as in production."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from producers.tables import inspect_reference
from schemas.reference import ReferenceTables
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from streams.rules import Rules
from tests.support.harness import Harness

LINES_A_MESSAGE, MESSAGES_A_BATCH = 500, 20


def load(store: Store, lines: Iterable[bytes], tables: ReferenceTables, zone: str) -> Harness:
    """Import the tables, then process the lines; returns the harness."""
    write_reference(store, tables, datetime.now(UTC))
    ensure_generation(store, zone, Rules().to_json())
    sink = ClickHouseSink(store, patience=10)
    harness = Harness(sink, StoreRosters(sink), zone)
    messages = _chunks(iter(lines), LINES_A_MESSAGE)
    while batch := list(islice(messages, MESSAGES_A_BATCH)):
        harness.send(*batch)
    return harness


def load_folder(store: Store, folder: Path, zone: str) -> Harness:
    """The same for ``events.ndjson`` and the tables in a folder."""
    found = inspect_reference(folder, zone, None)
    assert not found.errors, found.errors
    with (folder / "events.ndjson").open("rb") as file:
        return load(store, (line.rstrip(b"\n") for line in file), found.tables, zone)


def _chunks(lines: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    while part := list(islice(lines, size)):
        yield part
