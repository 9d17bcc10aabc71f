"""What reading a table can find wrong: one record a cell, collected, never stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from schemas.errors import InputError
from schemas.reference import Language, Text

SHOWN = 20
"""Errors listed in a message; the rest are counted."""


class _Finding(msgspec.Struct, frozen=True):
    file: str
    line: int
    column: str
    value: str
    rule: Text

    def describe(self, language: Language = "zh") -> str:
        """``file:line column value rule`` in one line."""
        parts = (f"{self.file}:{self.line}", self.column, shown(self.value) if self.value else "")
        return " ".join((*(part for part in parts if part), self.rule.of(language)))


class TableError(_Finding, frozen=True):
    """A cell that can't be used. ``line`` is the line of the file or row of the sheet, the header included;
    ``column`` is the header as it stands in the file, empty when the whole row is meant."""


class TableWarning(_Finding, frozen=True):
    """Something a person should look at; it doesn't stop an import. Not a ``TableError``."""


def shown(value: str) -> str:
    """A cell's text as it is quoted in messages: one line, printable, at most 60 characters."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def listing(errors: Iterable[TableError | TableWarning], language: Language = "zh", limit: int = SHOWN) -> str:
    """One line an error, at most ``limit`` of them and then how many more."""
    lines = [error.describe(language) for error in errors]
    if len(lines) > limit:
        rest = len(lines) - limit
        more = Text(f"……另有 {rest} 处", f"… and {rest} more")
        lines = [*lines[:limit], more.of(language)]
    return "\n".join(lines)


class TableErrors(InputError):
    """Reference tables that can't be imported. ``errors`` has every error in the order of the files."""

    def __init__(self, errors: Sequence[TableError], *, where: str = "") -> None:
        self.errors = tuple(errors)
        count = len(self.errors)
        super().__init__(
            f"{count} 处错误 / {count} error(s):\n{listing(self.errors)}",
            where=where,
            hint="改正后重试 / mend them and try again",
        )
