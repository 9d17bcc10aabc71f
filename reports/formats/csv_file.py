"""CSV: one file a table, UTF-8 with a mark so that Excel sees it, headings in both languages."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Any

from reports.formats.typed import WITHHELD, Typed

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters by which a spreadsheet takes text for a formula; the wide ones in East Asian settings."""


def to_csv(table: Typed) -> bytes:
    """RFC 4180. Times are seconds, shares are parts of 1; a last column names the figures that are withheld."""
    out = io.StringIO()
    writer = csv.writer(out)
    held = any(value == WITHHELD for row in table.rows for value in row)
    headings = [escaped(c.zh if c.zh == c.en else f"{c.zh} {c.en}") for c in table.columns]
    writer.writerow([*headings, "不列出 withheld"] if held else headings)
    for row in table.rows:
        hidden = ";".join(c.id for c, value in zip(table.columns, row, strict=True) if value == WITHHELD)
        cells = [cell(value) for value in row]
        writer.writerow([*cells, hidden] if held else cells)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def cell(value: Any) -> str:
    """A cell: nothing for what there is not or is withheld, ISO 8601 for days and moments."""
    if value is None or value == WITHHELD:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return escaped(value)
    return repr(value)


def escaped(text: str) -> str:
    """Text that could be a formula stands behind a quote; no NUL, which ends a file for some programs."""
    text = text.replace("\0", "\ufffd")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
