"""Which column of a file is which declared column, and which table a header belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from producers.tables.cells import Raw, as_text
from producers.tables.issues import shown
from schemas.reference import Column, Table, Text, normalise

HEADER_ROWS = 5
"""A header is looked for in the first non-blank rows: exports often have a title above it."""


@dataclass(frozen=True, slots=True)
class Header:
    """How one row reads as the header of ``table``."""

    table: Table
    line: int
    cells: tuple[str, ...]
    columns: dict[int, Column]
    missing: tuple[Column, ...]
    doubled: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Every required column is there, and none twice."""
        return not self.missing and not self.doubled

    def title(self, index: int) -> str:
        """The header above column ``index`` as it stands in the file."""
        return self.cells[index] if index < len(self.cells) else ""


def match(table: Table, line: int, row: Sequence[Raw]) -> Header:
    """Read ``row`` as the header of ``table``; columns may stand in any order."""
    known = table.headers()
    cells = tuple(as_text(cell) for cell in row)
    columns: dict[int, Column] = {}
    first: dict[str, str] = {}
    doubled: list[tuple[str, str]] = []
    unknown: list[str] = []
    for index, cell in enumerate(cells):
        column = known.get(normalise(cell))
        if column is None:
            if cell:
                unknown.append(cell)
        elif column.name in first:
            doubled.append((first[column.name], cell))
        else:
            first[column.name] = cell
            columns[index] = column
    missing = tuple(column for column in table.columns if column.required and column.name not in first)
    return Header(table, line, cells, columns, missing, tuple(doubled), tuple(unknown))


def best(tables: Iterable[Table], rows: Sequence[tuple[int, Sequence[Raw]]]) -> Header | None:
    """The reading with the fewest missing columns, then the most recognised; None when there is none."""
    readings = [match(table, line, row) for line, row in rows for table in tables]
    found = [reading for reading in readings if reading.columns]
    return min(found, key=lambda reading: (len(reading.missing), -len(reading.columns)), default=None)


def explain(tables: Iterable[Table], header: Header | None, rows: Sequence[tuple[int, Sequence[Raw]]]) -> Text:
    """Why no header could be used: what was expected and what was found."""
    if header is not None and header.doubled:
        pairs = "；".join(f"{shown(a)} 与 {shown(b)}" for a, b in header.doubled)
        pairs_en = "; ".join(f"{shown(a)} and {shown(b)}" for a, b in header.doubled)
        return Text(f"两列含义相同，请只留一列：{pairs}", f"two columns mean the same, keep one: {pairs_en}")
    cells = header.cells if header is not None else tuple(as_text(cell) for cell in rows[0][1]) if rows else ()
    found = ", ".join(shown(cell) for cell in cells[:30] if cell) or "–"
    wanted = list(tables) if header is None else [header.table]
    zh = "；".join(f"{table.title.zh}：{_names(table, 0)}" for table in wanted)
    en = "; ".join(f"{table.name}: {_names(table, 1)}" for table in wanted)
    lacking_zh = lacking_en = ""
    if header is not None and header.missing:
        lacking_zh = f"缺少 {'、'.join(column.header.zh for column in header.missing)}。"
        lacking_en = f"lacks {', '.join(column.header.en for column in header.missing)}. "
    return Text(
        f"表头无法识别。{lacking_zh}应有列（*必填）：{zh}。实有：{found}",
        f"header not recognised. {lacking_en}Expected (* required): {en}. Found: {found}",
    )


def _names(table: Table, language: int) -> str:
    names = (column.header[language] + ("*" if column.required else "") for column in table.columns)
    return ("、", ", ")[language].join(names)
