"""Example rows of templates: written by templates, and recognised when somebody forgot to delete them."""

from __future__ import annotations

from collections.abc import Sequence

from producers.tables.cells import Raw, as_text
from producers.tables.headers import Header
from schemas.reference import Column, Language, Table

LANGUAGES: tuple[Language, ...] = ("zh", "en")


def example_rows(table: Table, language: Language) -> list[list[str]]:
    """The example rows of a table as cells, choices by their names in ``language``."""
    count = len(table.columns[0].examples)  # the first column is an id and always has one
    return [[example(column, index, language) for column in table.columns] for index in range(count)]


def example(column: Column, index: int, language: Language) -> str:
    """The cell of example row ``index``, empty when the column has none."""
    cells = column.examples_en if language == "en" and column.examples_en else column.examples
    cell = cells[index] if index < len(cells) else ""
    return next((choice.title.of(language) for choice in column.choices if choice.code == cell), cell)


class ExampleRows:
    """Recognises the example rows of a table under the header of a file."""

    def __init__(self, header: Header) -> None:
        names = [column.name for column in header.table.columns]
        places = [(index, names.index(column.name)) for index, column in header.columns.items()]
        self._indexes = [index for index, _ in places]
        self._rows = {
            tuple(row[place] for _, place in places)
            for language in LANGUAGES
            for row in example_rows(header.table, language)
        }
        self._first = {row[0] for row in self._rows if row}

    def match(self, cells: Sequence[Raw]) -> bool:
        """Whether the row says exactly what an example row says in the columns of the header."""
        first = self._indexes[0]
        if first >= len(cells) or as_text(cells[first]) not in self._first:
            return False
        return tuple(as_text(cells[i]) if i < len(cells) else "" for i in self._indexes) in self._rows
