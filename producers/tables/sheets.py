"""Any file as named sheets of raw rows, and a sheet as typed records under a declared table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from producers.tables.cells import CellError, Raw, Value, as_text, parse
from producers.tables.examples import ExampleRows
from producers.tables.headers import HEADER_ROWS, Header, best
from producers.tables.issues import TableError, TableWarning, Unusable
from producers.tables.text_source import open_text, read_text
from producers.tables.workbook_source import open_workbook, read_sheet, sheet_names
from schemas.days import LocalDays
from schemas.reference import Column, Table, Text

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
BOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls")
PACKED_SUFFIXES = (".gz", ".zst", ".zstd")

PARSED = 4096
"""Distinct cells of a column whose values are remembered."""

RawRow = tuple[int, Sequence[Raw]]
RawRows = Iterator[RawRow | TableError]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet or text file. ``label`` names it in messages; ``rows`` starts reading from the top."""

    name: str
    label: str
    delimited: bool
    rows: Callable[[], RawRows]


@dataclass(frozen=True, slots=True)
class Record:
    """One row that parsed: its line, its cells as they stand, the values of non-empty ones by column name."""

    line: int
    cells: Sequence[Raw]
    values: dict[str, Value]


def is_table(path: Path) -> bool:
    """Whether the name is that of a table (CSV, TSV, TXT, XLSX), as against wire NDJSON. Doesn't open it."""
    return (Path(path.stem) if is_packed(path) else path).suffix.lower() in (*TEXT_SUFFIXES, *BOOK_SUFFIXES)


def is_packed(path: Path) -> bool:
    """Whether the name ends like that of a compressed file. A table must be unpacked first."""
    return path.suffix.lower() in PACKED_SUFFIXES


def zone_of(tz: ZoneInfo | str) -> ZoneInfo:
    """The zone by its IANA name; ConfigError when there is none of that name."""
    return tz if isinstance(tz, ZoneInfo) else LocalDays(tz).zone


@contextmanager
def open_sheets(path: Path) -> Iterator[list[Sheet]]:
    """The sheets of a file; a text file is one sheet. Raises InputError when it can't be read."""
    if not path.is_file():
        raise Unusable(
            Text("文件不存在", "no such file"),
            where=str(path),
            hint=Text("请检查文件名与所在文件夹", "check the name, and the folder it is in"),
        )
    if path.suffix.lower() in BOOK_SUFFIXES:
        with open_workbook(path) as book:
            yield [
                Sheet(name, f"{path.name}[{name}]", False, partial(read_sheet, book, name))
                for name in sheet_names(book)
            ]
    elif path.suffix.lower() in TEXT_SUFFIXES:
        form = open_text(path)
        yield [Sheet(path.stem, path.name, True, partial(read_text, path, form))]
    elif is_packed(path):
        raise Unusable(
            Text("表格不能是压缩文件", "a table can't be compressed"),
            where=str(path),
            hint=Text("请先解压", "unpack it first"),
        )
    else:
        readable = ", ".join((*TEXT_SUFFIXES, ".xlsx"))
        raise Unusable(
            Text("不是表格文件", "not a table"),
            where=str(path),
            hint=Text(f"可读取：{readable}", f"readable: {readable}"),
        )


def find_header(tables: Iterable[Table], rows: RawRows) -> tuple[Header | None, list[RawRow], RawRows]:
    """(the best reading of the first rows as a header, those rows, the rows below the header).

    The first row that is usable as a header wins, also below a title line.
    """
    candidates = list(tables)
    head: list[RawRow | TableError] = []
    readable: list[RawRow] = []
    for row in rows:
        head.append(row)
        if isinstance(row, TableError):
            continue
        readable.append(row)
        reading = best(candidates, [row])
        if reading is not None and reading.usable:
            return reading, readable, chain((row for row in head if isinstance(row, TableError)), rows)
        if len(readable) == HEADER_ROWS:
            break
    header = best(candidates, readable)
    return header, readable, chain(head, rows)


def read_records(
    sheet: Sheet, header: Header, rows: RawRows, zone: ZoneInfo
) -> Iterator[Record | TableError | TableWarning]:
    """Records and errors in the order of lines. A row with an error gives all its errors and no record."""
    if header.unknown:
        names = ", ".join(header.unknown[:20])
        rule = Text("未识别的列，已忽略", "columns not recognised, ignored")
        yield TableWarning(sheet.label, header.line, "", names, rule)
    examples = ExampleRows(header)
    cutter = _Cutter(sheet, header, zone)
    for row in rows:
        if isinstance(row, TableError):
            yield row
            continue
        line, cells = row
        if examples.match(cells):
            rule = Text("模板的示例行，请删除", "an example row of the template, delete it")
            yield TableWarning(sheet.label, line, "", as_text(cells[0]), rule)
        values, errors = cutter.cut(line, cells)
        if errors:
            yield from errors
        else:
            yield Record(line, cells, values)


class _Cutter:
    """Values and errors of one row after another."""

    def __init__(self, sheet: Sheet, header: Header, zone: ZoneInfo) -> None:
        self.sheet, self.header, self.zone = sheet, header, zone
        # Most columns repeat few values (courses, verdicts, members). Parsing is pure, so each is parsed once.
        self.parsed: dict[int, dict[str, Value | None]] = {index: {} for index in header.columns}
        self.required = [(index, column) for index, column in header.columns.items() if column.required]

    def cut(self, line: int, cells: Sequence[Raw]) -> tuple[dict[str, Value], list[TableError]]:
        """Values by column name, and everything that is wrong with the row."""
        values: dict[str, Value] = {}
        errors: list[TableError] = []
        broken: set[int] = set()
        for index, column in self.header.columns.items():
            raw = cells[index] if index < len(cells) else None
            try:
                value = self._value(index, column, raw)
            except CellError as error:
                broken.add(index)
                errors.append(self._error(line, index, as_text(raw), error.rule))
            else:
                if value is not None:
                    values[column.name] = value
        for index, column in self.required:
            if column.name not in values and index not in broken:
                errors.append(self._error(line, index, "", Text("必填", "is required")))
        width = len(self.header.cells)
        if self.sheet.delimited and any(cells[width:]):
            rule = Text(
                f"有 {len(cells)} 个单元格，表头只有 {width} 个；含分隔符的内容请加引号",
                f"has {len(cells)} cells under {width} headers; quote cells that hold the delimiter",
            )
            errors.append(self._error(line, width, as_text(cells[width]), rule))
        return values, errors

    def _value(self, index: int, column: Column, raw: Raw) -> Value | None:
        if not isinstance(raw, str):
            return None if raw is None else parse(column, raw, self.zone)
        known = self.parsed[index]
        if raw in known:
            return known[raw]
        value = parse(column, raw, self.zone)
        if len(known) < PARSED:
            known[raw] = value
        return value

    def _error(self, line: int, index: int, value: str, rule: Text) -> TableError:
        return TableError(self.sheet.label, line, self.header.title(index), value, rule)
