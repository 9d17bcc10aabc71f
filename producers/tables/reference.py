"""Roster and catalogue: a folder of CSV files, a workbook with a sheet a table, or one table's file."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from producers.tables.headers import explain
from producers.tables.issues import TableError, TableErrors, TableWarning, Unusable
from producers.tables.sheets import Record, Sheet, find_header, is_table, open_sheets, read_records, zone_of
from schemas.reference import TABLES, Problem, ReferenceTables, Table, Text, check_reference, normalise

_BY_NAME = {normalise(name): table for table in TABLES.values() for name in table.spellings()}
DEFAULT_ZONE = "Asia/Shanghai"


class ReadTables(msgspec.Struct, frozen=True):
    """Tables as read, and everything found. Rows with errors are left out of ``tables``."""

    tables: ReferenceTables
    errors: tuple[TableError, ...]
    warnings: tuple[TableWarning, ...]


def read_reference(
    path: Path, tz: ZoneInfo | str = DEFAULT_ZONE, known: ReferenceTables | None = None
) -> ReferenceTables:
    """The tables under ``path``, valid in every respect; see ``inspect_reference``.

    Raises TableErrors with every error of every table, InputError when nothing can be read at all.
    """
    found = inspect_reference(path, tz, known)
    if found.errors:
        raise TableErrors(found.errors, where=str(path))
    return found.tables


def inspect_reference(
    path: Path,
    tz: ZoneInfo | str = DEFAULT_ZONE,
    known: ReferenceTables | None = None,
    wanted: Collection[str] = tuple(TABLES),
) -> ReadTables:
    """Read the reference tables that are present, with errors and warnings side by side.

    ``path`` is a folder (``organisations.csv``, ``成员.csv``, …; other files are left alone), a workbook with
    sheets of such names, or one such file. ``tz`` is the organisation's zone, for times without an offset.
    ``known`` is what is already stored: rows may refer to it. ``wanted``: names of the tables that are meant; where
    that is one, a file holds it whatever the file is called. Raises InputError when there is no such table.
    """
    zone = zone_of(tz)
    with ExitStack() as stack:
        sheets = _find(path, stack, wanted)
        rows: dict[str, Any] = {}
        lines: dict[str, tuple[int, ...]] = {}
        errors: list[TableError] = []
        warnings: list[TableWarning] = []
        titles: dict[str, dict[str, str]] = {}
        for name, sheet in sheets.items():
            located, titles[name] = _read(TABLES[name], sheet, zone, errors, warnings)
            lines[name] = tuple(line for line, _ in located)
            rows[name] = tuple(row for _, row in located)
    labels = {name: sheet.label for name, sheet in sheets.items()}
    tables = ReferenceTables(present=frozenset(rows), lines=lines, files=labels, **rows)
    broken = {error.file for error in errors}
    for problem in check_reference(tables, known):
        # A row that failed to parse is not there to be referred to: one mistake, one message.
        if problem.refers_to and labels.get(problem.refers_to) in broken:
            continue
        _file(problem, labels, titles, errors, warnings)
    order = {label: index for index, label in enumerate(labels.values())}
    errors.sort(key=lambda error: (order[error.file], error.line))
    return ReadTables(tables, tuple(errors), tuple(warnings))


def _file(
    problem: Problem,
    labels: dict[str, str],
    titles: dict[str, dict[str, str]],
    errors: list[TableError],
    warnings: list[TableWarning],
) -> None:
    column = titles[problem.table].get(problem.column, problem.column)
    parts = (labels[problem.table], problem.line, column, problem.value, problem.rule)
    if problem.level == "error":
        errors.append(TableError(*parts))
    else:
        warnings.append(TableWarning(*parts))


def _find(path: Path, stack: ExitStack, wanted: Collection[str]) -> dict[str, Sheet]:
    """Sheet by table name, in the order of ``TABLES``."""
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if is_table(file) and normalise(file.stem) in _BY_NAME]
    else:
        files = [path]
    found: dict[str, Sheet] = {}
    seen: list[Sheet] = []
    for file in files:
        sheets = stack.enter_context(open_sheets(file))
        if path.is_dir() and not sheets[0].delimited:
            # A workbook in a folder is named after its table; its first sheet is what counts.
            sheets = [Sheet(file.stem, sheets[0].label, False, sheets[0].rows)]
        for sheet in sheets:
            seen.append(sheet)
            table = _BY_NAME.get(normalise(sheet.name))
            if table is None:
                continue
            if table.name in found:
                both = f"{found[table.name].label}, {sheet.label}"
                raise Unusable(
                    Text(f"两份“{table.title.zh}”表：{both}", f"two tables of {table.name}: {both}"),
                    where=str(path),
                    hint=Text("请只留一份", "keep one"),
                )
            found[table.name] = sheet
    if not found and len(wanted) == 1 and not path.is_dir():
        # Nothing else can be meant: as in a folder, the first sheet of a workbook is what counts.
        found = dict(zip(wanted, seen, strict=False))
    if not found:
        listed = ", ".join(sheet.label for sheet in seen[:20]) or "–"
        expected = {name: table for name, table in TABLES.items() if name in wanted}
        names = "、".join(f"{table.title.zh} {name}" for name, table in expected.items())
        raise Unusable(
            Text(f"没有名册或目录表；实有：{listed}", f"no roster or catalogue table; found: {listed}"),
            where=str(path),
            hint=Text(f"文件或工作表应名为：{names}", f"name the files or sheets: {', '.join(expected)}"),
        )
    return {name: found[name] for name in TABLES if name in found}


def _read(
    table: Table, sheet: Sheet, zone: ZoneInfo, errors: list[TableError], warnings: list[TableWarning]
) -> tuple[list[tuple[int, object]], dict[str, str]]:
    """(line, row) of the good rows, and the file's header of each column."""
    header, head, rows = find_header([table], sheet.rows())
    if header is None or not header.usable:
        line = header.line if header else (head[0][0] if head else 1)
        errors.append(TableError(sheet.label, line, "", "", explain([table], header, head)))
        return [], {}
    located: list[tuple[int, object]] = []
    for item in read_records(sheet, header, rows, zone):
        if isinstance(item, Record):
            located.append((item.line, table.row(**item.values)))
        elif isinstance(item, TableWarning):
            warnings.append(item)
        else:
            errors.append(item)
    if not located and not errors:
        warnings.append(TableWarning(sheet.label, header.line, "", "", Text("没有数据行", "has no rows")))
    return located, {column.name: header.title(index) for index, column in header.columns.items()}
