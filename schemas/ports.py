"""What the stream needs from a store, and nothing more. ``sinks/memory.py`` and ``sinks/clickhouse.py``
implement it; one contract suite runs over both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol

import pyarrow as pa

from .tables import Table

Refused = tuple[int, str]
"""A row that the store refused: its number in the table that was handed over, and what the store said."""


class Sink(Protocol):
    """A store of the declared tables. Rows with the same key replace each other by the table's version."""

    def insert(self, table: Table, rows: pa.Table) -> Sequence[Refused]:
        """Write rows durably, and return those of ``events`` that were refused, each for itself; the others are
        written. Raises ``StoreUnavailable`` (repeat the call) or ``StoreError`` (refused as a whole, or rows of
        another table). Inserting the same rows again changes nothing."""

    def facts(self, members: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """All rows of ``events`` of these members; bodies may repeat, order is not defined."""

    def lines_of(self, events: Sequence[tuple[str, bytes]]) -> pa.Table:
        """Every known line of these (member_id, event_id as 16 bytes), from ``events`` and ``duplicates``:
        columns member_id, event_id, body_hash, skew_ms, raw (binary), received_at and the position."""

    def member_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """Current ``member_day`` rows of these (member, local day), all courses, zero rows included."""

    def branch_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """Current ``branch_day`` rows of these (branch, local day), all courses, zero rows included."""

    def latest_import(self, kind: str) -> int:
        """Largest import_id of a kind, 0 if there is none."""

    def reference(self, name: str, members: Collection[str] | None = None) -> pa.Table:
        """Current rows of a reference table: of each id, those that its latest import brought, in order.

        ``members``: only rows of these, of a table that has a ``member_id``."""
