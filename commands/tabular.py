"""Frames and rows as a table on the terminal. Data only: no messages here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from rich.box import Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.formats.records import plain

GAP = 2
"""Blanks between the columns of a table."""


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


def show_whole(rows: Sequence[Sequence[Any]], console: Console | None = None, *, box: Box | None = None) -> None:
    """Print a table, headings first; where it is wider than the terminal, record after record: nothing is cut off."""
    console = console or Console(soft_wrap=True)
    table = Table(*map(str, rows[0]), box=box, pad_edge=box is not None)
    for row in rows[1:]:
        table.add_row(*(Text(str(value)) for value in row))
    width = console.measure(table, options=console.options.update(width=10_000)).maximum
    if not console.is_terminal:
        console.width = max(width, console.width)
    if width <= console.width:
        console.print(table)
        return
    for row in rows[1:]:
        for name, value in zip(rows[0], row, strict=True):
            if str(value):
                console.print(f"{name}: {value}", markup=False, highlight=False)
        console.print()


def _short(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return ";".join(_short(v) for v in value)
    text = "".join(c if c.isprintable() else "�" for c in str(value))
    return text if len(text) <= 60 else text[:59] + "…"
