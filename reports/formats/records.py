"""Rows of queries as JSON, NDJSON, CSV, Parquet or an Arrow stream. Data only: no messages here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes text for a formula, or splits the cell."""

Frames = Iterable[pl.DataFrame]


def plain(value: Any, zone: ZoneInfo) -> Any:
    """A value as JSON has it: instants as RFC 3339 in the zone, bytes that are no text escaped."""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, pl.Series):
        return [plain(v, zone) for v in value]
    if isinstance(value, list):
        return [plain(v, zone) for v in value]
    return value


def records(frames: Frames, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Rows as plain values."""
    for frame in frames:
        for row in frame.iter_rows(named=True):
            yield {name: plain(value, zone) for name, value in row.items()}


def write_ndjson(frames: Frames, out: IO[bytes], zone: ZoneInfo) -> None:
    """One JSON object a line, UTF-8."""
    for row in records(frames, zone):
        out.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def write_json(frames: Frames, out: IO[bytes], zone: ZoneInfo) -> None:
    """A list of objects, UTF-8."""
    between = b"["
    for row in records(frames, zone):
        out.write(between + b"\n" + json.dumps(row, ensure_ascii=False, allow_nan=False).encode())
        between = b","
    out.write(b"[]\n" if between == b"[" else b"\n]\n")


def cell(value: Any) -> str:
    """A CSV cell: lists joined by ';', nothing for NULL, and text that could be a formula behind a quote."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = ";".join(v if isinstance(v, str) else cell(v) for v in value)
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return repr(value)


def write_csv(frames: Frames, out: IO[bytes], zone: ZoneInfo, *, bom: bool = False) -> None:
    """RFC 4180 with a header, UTF-8; ``bom`` for spreadsheets that need it to see that."""
    if bom:
        out.write("\ufeff".encode())
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    header = True
    for frame in frames:
        if header:
            writer.writerow(frame.columns)
            header = False
        for row in frame.iter_rows():
            writer.writerow([cell(plain(value, zone)) for value in row])
        out.write(buffer.getvalue().encode())
        buffer.seek(0)
        buffer.truncate()


def write_parquet(frames: Frames, out: IO[bytes], _: ZoneInfo) -> None:
    """Parquet, one row group a block; instants are UTC."""
    writer = None
    for frame in frames:
        table = frame.to_arrow()
        if writer is None:
            writer = pq.ParquetWriter(out, table.schema, compression="zstd")
        if table.num_rows:
            writer.write_table(table)
    if writer is not None:
        writer.close()


def write_arrow(frames: Frames, out: IO[bytes], _: ZoneInfo) -> None:
    """An Arrow IPC stream of types that every reader of Arrow knows, one batch or more a block; instants are UTC."""
    writer = None
    for frame in frames:
        # A view type, which polars has by default, is unknown to readers that are a few years old.
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = pa.ipc.new_stream(out, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


WRITERS: dict[str, Callable[[Frames, IO[bytes], ZoneInfo], None]] = {
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
    "parquet": write_parquet,
    "arrow": write_arrow,
}
