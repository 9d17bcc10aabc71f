"""How a table that people fill in is declared: one ``Column`` per field, in the field's annotation.

The declaration is the only place that knows a column's headers, type, meaning and examples. Readers,
templates, documentation and error messages are all derived from it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_type_hints

import msgspec

Language = Literal["zh", "en"]

ColumnKind = Literal[
    "id",  # opaque identifier, 1-64 characters
    "ids",  # identifiers joined by ';'
    "text",
    "choice",  # one code of ``Column.choices``
    "audience",  # member categories and organisation ids joined by ';'
    "integer",
    "number",
    "minutes",  # length in minutes, held as integer milliseconds
    "seconds",  # length in seconds, held as integer milliseconds
    "boolean",  # yes, no, or empty
    "date",  # local calendar day
    "time",  # instant; without an offset it is read in the organisation's time zone
    "start",  # like time; a day alone is its first instant
    "deadline",  # like time; a day alone is its last instant, i.e. the start of the next day
]


class Text(NamedTuple):
    """One sentence or name in both languages."""

    zh: str
    en: str

    def of(self, language: Language) -> str:
        """The text in ``language``."""
        return self.zh if language == "zh" else self.en


class Choice(msgspec.Struct, frozen=True):
    """One allowed value of a choice column: the code that is stored, its names, and other spellings."""

    code: str
    title: Text
    aliases: tuple[str, ...] = ()


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column. ``name`` and ``required`` are filled in from the field (required = it has no default).

    ``examples`` are cells as a Chinese reader would type them, one per example row; ``examples_en`` the
    English ones where they differ. Choice columns give codes, which are shown by their names.
    ``minimum`` and ``maximum`` bound numbers, inclusive; ``max_length`` bounds text, in characters.
    """

    kind: ColumnKind
    header: Text
    description: Text
    aliases: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    examples: tuple[str, ...] = ()
    examples_en: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    name: str = ""
    required: bool = False

    @property
    def example(self) -> str:
        """The first example, empty when the column is usually left empty."""
        return self.examples[0] if self.examples else ""

    def spellings(self) -> tuple[str, ...]:
        """Every header under which the column is recognised."""
        return (self.name, self.header.zh, self.header.en, *self.aliases)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A declared table: its name, titles (also the names of its sheet and file), row type and columns."""

    name: str
    title: Text
    description: Text
    row: type[Any]
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError when the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def spellings(self) -> tuple[str, ...]:
        """Every sheet or file name under which the table is recognised."""
        return (self.name, self.title.zh, self.title.en, *self.aliases)

    def headers(self) -> Mapping[str, Column]:
        """Column by normalised header."""
        return {normalise(spelling): column for column in self.columns for spelling in column.spellings()}


def normalise(header: str) -> str:
    """A header, sheet name or choice as compared: full-width folded, case, spaces and punctuation ignored."""
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(character for character in folded if character.isalnum())


def declare(
    row: type[Any],
    name: str,
    title: Text,
    description: Text,
    *,
    key: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Table:
    """The table declared by the annotations of ``row``, a msgspec Struct whose fields carry a ``Column``."""
    hints = get_type_hints(row, include_extras=True)
    columns = []
    for field in msgspec.structs.fields(row):
        found = [extra for extra in getattr(hints[field.name], "__metadata__", ()) if isinstance(extra, Column)]
        if len(found) != 1:
            raise TypeError(f"{row.__name__}.{field.name} needs exactly one Column in its annotation")
        columns.append(msgspec.structs.replace(found[0], name=field.name, required=field.required))
    return Table(
        name=name,
        title=title,
        description=description,
        row=row,
        columns=tuple(columns),
        key=key,
        aliases=aliases,
    )
