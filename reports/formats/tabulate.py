"""From cells to a table that fits a printed page."""

from __future__ import annotations

from collections.abc import Sequence

from reports.formats.columns import fit, too_wide
from reports.formats.document import Cell, Table

Rows = Sequence[Sequence[Cell]]


def table(head: Sequence[Cell], rows: Rows, strong: tuple[int, ...] = ()) -> Table:
    """A table whose columns have widths. Small charts in its cells are left out where there is no room for them: what
    they show stands beside them in numbers."""
    count = max(len(head), max(sum(c.columns for c in row) for row in rows))
    headings = tuple(head) or tuple(Cell(()) for _ in range(count))
    columns = by_column(rows, count)
    drawn = {i for i, cells in enumerate(columns) if headings[i].chart or any(c.chart for c in cells)}
    plain = all(c.rows == c.columns == 1 for row in rows for c in row)
    if drawn and plain and too_wide(headings, columns):
        kept = [i for i in range(count) if i not in drawn]
        rows = [[row[i] for i in kept] for row in rows]
        headings = tuple(headings[i] for i in kept)
        columns = by_column(rows, len(kept))
    widths, room = fit(headings, columns)
    return Table(headings if head else (), tuple(map(tuple, rows)), widths, room, strong)


def by_column(rows: Rows, count: int) -> list[list[Cell]]:
    """Cells by column, those that span rows counted where they begin."""
    columns: list[list[Cell]] = [[] for _ in range(count)]
    taken: set[tuple[int, int]] = set()
    for y, row in enumerate(rows):
        x = 0
        for cell in row:
            while (x, y) in taken:
                x += 1
            taken |= {(x + dx, y + dy) for dx in range(cell.columns) for dy in range(1, cell.rows)}
            if x < count and cell.columns == 1:
                columns[x].append(cell)
            x += cell.columns
    return columns
