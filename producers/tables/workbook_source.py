"""Rows of XLSX workbooks, streamed sheet by sheet. The only module here that knows openpyxl."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from producers.tables.cells import Raw, as_text
from producers.tables.issues import Unusable
from schemas.reference import Text

Row = tuple[int, list[Raw]]
"""Row number as the spreadsheet shows it, and its cells."""


@contextmanager
def open_workbook(path: Path) -> Iterator[Any]:
    """The workbook, values only. Raises InputError for anything that isn't a readable XLSX file."""
    if path.suffix.lower() == ".xls":
        raise Unusable(
            Text("旧式 .xls 工作簿无法读取", "old .xls workbooks can't be read"),
            where=str(path),
            hint=Text("请另存为 .xlsx", "save it as .xlsx"),
        )
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, EOFError) as error:
        raise Unusable(
            Text(f"不是可读取的 XLSX 工作簿：{error}", f"not a readable XLSX workbook: {error}"),
            where=str(path),
            hint=Text("如有密码请先取消，再另存为 .xlsx", "remove any password and save it as .xlsx"),
        ) from error
    try:
        yield book
    finally:
        book.close()


def sheet_names(book: Any) -> list[str]:
    """Names of the visible sheets that hold cells, in order."""
    return [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]


def read_sheet(book: Any, name: str) -> Iterator[Row]:
    """Non-blank rows of one sheet in order."""
    sheet = book[name]
    # Several exporters write a wrong extent, which would cut rows off.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if any(as_text(cell) for cell in cells if cell is not None):
            yield number, list(cells)
