"""Excel: a sheet a table, typed columns, frozen headings in both languages; nothing that a spreadsheet would run."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from reports.formats.archive import repacked
from reports.formats.typed import WITHHELD, Column, Typed

DAY = 86400.0
"""Spreadsheets count time in days."""
FORMATS = {
    "text": "@",
    "integer": "#,##0",
    "number": "#,##0.00",
    "share": "0.0%",
    "seconds": "[h]:mm:ss",
    "date": "yyyy-mm-dd",
    "time": "yyyy-mm-dd hh:mm",
    "bool": "General",
}
LONGEST_NAME = 31
"""Of a sheet."""
LONGEST_CELL = 32767
"""Characters that a cell can hold."""
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_HEAD = {
    "font": Font(bold=True),
    "fill": PatternFill("solid", fgColor="E8ECF0"),
    "alignment": Alignment(wrap_text=True, vertical="top"),
    "border": Border(bottom=Side("thin")),
}


def to_workbook(tables: Sequence[Typed], title: str, moment: datetime, made_by: str = "") -> bytes:
    """The tables as .xlsx; ``moment`` and ``made_by`` are the date and the author that the file carries. The
    same tables give the same bytes."""
    book = Workbook(write_only=True)
    names: set[str] = set()
    for table in tables:
        _sheet(book.create_sheet(_name(table, names)), table)
    stamp = moment.replace(tzinfo=None, microsecond=0)
    book.properties.title, book.properties.creator = title, made_by
    book.properties.created = book.properties.modified = stamp
    out = io.BytesIO()
    book.save(out)
    return _dated(out.getvalue(), stamp)


def _dated(content: bytes, moment: datetime) -> bytes:
    """The writer stamps the file with the time of writing: the report's own time instead."""
    name = "docProps/core.xml"
    core = zipfile.ZipFile(io.BytesIO(content)).read(name)
    said = rb"(<dcterms:modified[^>]*>)[^<]*"
    return repacked(content, {name: re.sub(said, rb"\g<1>" + f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode(), core)})


def _name(table: Typed, taken: set[str]) -> str:
    full = _FORBIDDEN.sub(" ", table.zh if table.zh == table.en else f"{table.zh} {table.en}")
    name, number = full[:LONGEST_NAME].strip(), 1
    while name.casefold() in taken:
        number += 1
        name = f"{full[: LONGEST_NAME - 3].strip()} {number}"
    taken.add(name.casefold())
    return name


def _sheet(sheet: Any, table: Typed) -> None:
    sheet.freeze_panes = "A3"
    for index, column in enumerate(table.columns, 1):
        sheet.column_dimensions[get_column_letter(index)].width = _width(column, table, index - 1)
    sheet.append([_heading(sheet, column.zh) for column in table.columns])
    sheet.append([_heading(sheet, column.en) for column in table.columns])
    for row in table.rows:
        sheet.append([_cell(sheet, value, column) for value, column in zip(row, table.columns, strict=True)])
    if table.rows:
        sheet.auto_filter.ref = f"A2:{get_column_letter(len(table.columns))}{len(table.rows) + 2}"


def _width(column: Column, table: Typed, index: int) -> float:
    texts = [str(row[index]) for row in table.rows[:200] if isinstance(row[index], str)]
    longest = max((len(text.encode("gb18030", "replace")) for text in (column.zh, column.en, *texts)), default=8)
    return min(max(longest * 0.9 + 2, 10), 48)


def _heading(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=_safe(text))
    cell.font, cell.fill, cell.alignment, cell.border = (
        _HEAD["font"],
        _HEAD["fill"],
        _HEAD["alignment"],
        _HEAD["border"],
    )
    cell.data_type = "s"
    return cell


def _safe(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)[:LONGEST_CELL]


def _cell(sheet: Any, value: Any, column: Column) -> Any:
    """A cell of the column's type. Text is text whatever it begins with: its type says so, and a quote before it
    keeps it so when the sheet is saved as something else."""
    if value is None:
        return None
    if column.kind == "text" or value == WITHHELD or isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=_safe(str(value)))
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = True
        return cell
    if column.kind == "seconds":
        value = value / DAY
    elif column.kind == "time" and isinstance(value, datetime):
        value = value.replace(tzinfo=None)
    cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = FORMATS[column.kind]
    return cell
