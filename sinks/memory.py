"""The in-memory twin of the store: the same protocol, for tests and for thinking."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pyarrow as pa

from schemas.ports import Refused
from schemas.reference import TABLES as DECLARED
from schemas.tables import BRANCH_DAY, DUPLICATES, EVENTS, IMPORTS, MEMBER_DAY, REFERENCE, Table

Row = dict[str, Any]


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.bytes
    return tuple(value) if isinstance(value, list) else value


class MemorySink:
    """Rows by table and sorting key, replaced by version as ReplacingMergeTree does after a merge."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[Any, ...], Row]] = {}

    def insert(self, table: Table, rows: pa.Table) -> Sequence[Refused]:
        """See ``schemas.ports.Sink``."""
        kept = self.tables.setdefault(table.name, {})
        for row in rows.select([c.name for c in table.columns]).to_pylist():
            key = tuple(_plain(row[name]) for name in table.order_by)
            old = kept.get(key)
            if old is None or not table.version or row[table.version] >= old[table.version]:
                kept[key] = row
        return ()

    def rows(self, table: Table) -> list[Row]:
        """Current rows in the order of their key."""
        kept = self.tables.get(table.name, {})
        return [kept[key] for key in sorted(kept)]

    def _table(self, table: Table, rows: Iterable[Row], columns: Sequence[str] | None = None) -> pa.Table:
        made = table.rows(list(rows))
        return made.select(list(columns)) if columns else made

    def facts(self, members: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        wanted = set(members)
        return self._table(EVENTS, (r for r in self.rows(EVENTS) if r["member_id"] in wanted), columns)

    def lines_of(self, events: Sequence[tuple[str, bytes]]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        wanted = set(events)
        names = [
            "member_id",
            "event_id",
            "body_hash",
            "skew_ms",
            "raw",
            "received_at",
            "cluster",
            "topic",
            "partition",
            "offset",
            "line",
        ]
        archived = [r for r in self.rows(EVENTS) if (r["member_id"], r["event_id"]) in wanted]
        first = {(r["member_id"], r["event_id"], r["body_hash"]): r for r in reversed(archived)}
        found = [{n: r[n] for n in names} for r in archived]
        for r in self.rows(DUPLICATES):
            if body := first.get((r["member_id"], r["event_id"], r["body_hash"])):
                found.append({n: r.get(n, body[n]) for n in names})
        types = {c.name: c.arrow for c in EVENTS.columns}
        return pa.table({n: pa.array([r[n] for r in found], types[n]) for n in names})

    def member_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        wanted = set(keys)
        return self._table(
            MEMBER_DAY,
            (
                r
                for r in self.rows(MEMBER_DAY)
                if r["generation"] == generation and (r["member_id"], r["day"]) in wanted
            ),
        )

    def branch_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        wanted = set(keys)
        return self._table(
            BRANCH_DAY,
            (r for r in self.rows(BRANCH_DAY) if r["generation"] == generation and (r["org_id"], r["day"]) in wanted),
        )

    def latest_import(self, kind: str) -> int:
        """See ``schemas.ports.Sink``."""
        return max((r["import_id"] for r in self.rows(IMPORTS) if r["kind"] == kind), default=0)

    def reference(self, name: str, members: Collection[str] | None = None) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        key = [c for c in DECLARED[name].key if c != "valid_from"]
        complete = {r["import_id"] for r in self.rows(IMPORTS) if r["kind"] in ("roster", "catalogue")}
        rows = [r for r in self.rows(REFERENCE[name]) if r["import_id"] in complete]
        if members is not None:
            rows = [r for r in rows if r["member_id"] in members]
        newest: dict[tuple[Any, ...], int] = {}
        for r in rows:
            identity = tuple(r[c] for c in key)
            newest[identity] = max(newest.get(identity, 0), r["import_id"])
        current = [r for r in rows if r["import_id"] == newest[tuple(r[c] for c in key)]]
        return self._table(REFERENCE[name], sorted(current, key=lambda r: (r["import_id"], r["ordinal"])))
