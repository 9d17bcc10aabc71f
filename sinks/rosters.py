"""Reference rows of the store as the types of ``schemas.reference``, and the roster that the stream asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import pyarrow as pa

from schemas.ports import Sink
from schemas.reference import TABLES, Roster


def structs(name: str, rows: pa.Table) -> list[Any]:
    """Rows of ``ref_<name>`` as ``TABLES[name].row``; instants are UTC."""
    declared = TABLES[name]
    optional = {c.name: c for c in declared.columns}
    names = [c for c in rows.column_names if c in optional]
    return [declared.row(**_fields(row)) for row in rows.select(names).to_pylist()]


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def read_roster(sink: Sink, members: Collection[str] | None = None) -> Roster:
    """The roster as the store has it now; of members only the given ones."""
    organisations, people = sink.reference("organisations"), sink.reference("members", members)
    return Roster(structs("organisations", organisations), structs("members", people))


class StoreRosters:
    """``streams.pipeline.RosterSource`` on a store. One small query a call; read again only after an import."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._lock = Lock()
        self._current: tuple[int, Roster] | None = None

    def current(self) -> tuple[int, Roster]:
        """(version, roster): the version is the latest roster import, 0 before the first."""
        version = self.sink.latest_import("roster")
        with self._lock:
            if self._current is None or self._current[0] != version:
                # The version first: rows of an import that ends while they are read belong to a later version,
                # at which they are read again.
                self._current = version, read_roster(self.sink)
            return self._current
