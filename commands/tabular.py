"""Frames as JSON, NDJSON, CSV, Parquet, or a table on the terminal. Data only: no messages here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes text for a formula, or splits the cell."""

GAP = 2
"""Blanks between the columns of a table."""

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


WRITERS: dict[str, Callable[[Frames, IO[bytes], ZoneInfo], None]] = {
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
    "parquet": write_parquet,
}


def show(frame: pl.DataFrame, console: Console, zone: ZoneInfo) -> list[str]:
    """Print a table of the columns that fit; returns the names of those that did not."""
    rows = [[_short(plain(v, zone)) for v in row] for row in frame.iter_rows()]
    widths = [
        max([Text(name).cell_len, *(Text(row[i]).cell_len for row in rows)]) for i, name in enumerate(frame.columns)
    ]
    used, shown = 0, 0
    for width in widths:
        more = width + (GAP if shown else 0)
        if console.is_terminal and shown and used + more > console.width:
            break
        used, shown = used + more, shown + 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, type_ in list(frame.schema.items())[:shown]:
        table.add_column(name, justify="right" if type_.is_numeric() else "left", overflow="fold", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(value) for value in row[:shown]))
    if not console.is_terminal:
        # A file or pipe has no width, though rich takes 80 for it and would cut what is wider.
        console.width = max(used, 80)
    console.print(table)
    return frame.columns[shown:]


def _short(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return ";".join(_short(v) for v in value)
    text = "".join(c if c.isprintable() else "�" for c in str(value))
    return text if len(text) <= 60 else text[:59] + "…"
