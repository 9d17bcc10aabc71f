"""How a ClickHouse table is declared: columns with their types and meaning, key and version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

MICRO = 1_000_000
"""Scale of stored scores: 1 point = 1,000,000."""

_ARROW: dict[str, Any] = {
    "String": pa.string(),
    "Bytes": pa.binary(),
    "UUID": pa.binary(16),
    "FixedString(16)": pa.binary(16),
    "Bool": pa.bool_(),
    "Date": pa.date32(),
    "Date32": pa.date32(),
    "DateTime64(3, 'UTC')": pa.timestamp("ms", "UTC"),
    "DateTime64(6, 'UTC')": pa.timestamp("us", "UTC"),
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "Float64": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, ClickHouse type and meaning. ``Bytes`` is a String that may hold any bytes."""

    name: str
    type: str
    description: str
    codec: str = ""

    @property
    def clickhouse(self) -> str:
        """The type as ClickHouse reports it in ``system.columns``."""
        return "String" if self.type == "Bytes" else self.type

    @property
    def arrow(self) -> pa.DataType:
        """The type in which rows are handed over."""
        inner, listed = self.type, False
        while wrapper := next((w for w in ("Nullable(", "LowCardinality(", "Array(") if inner.startswith(w)), ""):
            inner, listed = inner[len(wrapper) : -1], listed or wrapper == "Array("
        return pa.list_(_ARROW[inner]) if listed else _ARROW[inner]

    @property
    def nullable(self) -> bool:
        """Whether the column may hold NULL."""
        return self.type.startswith("Nullable(")


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``version`` is the ReplacingMergeTree version column, if rows replace each other."""

    name: str
    description: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    version: str = ""
    partition_by: str = ""
    settings: tuple[str, ...] = ()
    personal: bool = False
    """Rows are about a person: row policies, retention and erasure apply."""
    arrow: pa.Schema = field(init=False)

    def __post_init__(self) -> None:
        columns = [pa.field(c.name, c.arrow, c.nullable) for c in self.columns]
        object.__setattr__(self, "arrow", pa.schema(columns))

    def tuples(self, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
        """Arrow table of rows given as tuples in the order of the columns."""
        columns = zip(*rows, strict=True) if rows else ((),) * len(self.columns)
        return pa.table({c.name: pa.array(v, c.arrow) for c, v in zip(self.columns, columns, strict=True)})

    def rows(self, rows: list[dict[str, Any]]) -> pa.Table:
        """Arrow table of ``rows``; a missing or extra key is an error, so that a typo can't lose a figure."""
        names = {c.name for c in self.columns}
        for row in rows[:1]:
            if row.keys() != names:
                raise KeyError(f"{self.name}: columns {sorted(row.keys() ^ names)} are missing or unknown")
        return pa.table({c.name: pa.array([r[c.name] for r in rows], c.arrow) for c in self.columns})
