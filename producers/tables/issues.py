"""What reading a table can find wrong: one record a cell, collected, never stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from schemas.errors import InputError
from schemas.reference import Language, Text

SHOWN = 20
"""Errors listed in a message; the rest are counted."""
_SILENT = Text("", "")


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


class Unusable(InputError):
    """A file that can't be read as a table, in both languages; ``what`` and ``hint`` are the English ones."""

    def __init__(self, what: Text, *, where: str = "", hint: Text = _SILENT) -> None:
        super().__init__(what.en, where=where, hint=hint.en)
        self.told = (what, hint)

    def words(self, language: str) -> tuple[str, str]:
        """What and hint, in either language."""
        what, hint = self.told
        return (what.zh, hint.zh) if language == "zh" else (what.en, hint.en)


class TableErrors(Unusable):
    """Reference tables that can't be imported. ``errors`` has every error in the order of the files."""

    def __init__(self, errors: Sequence[TableError], *, where: str = "") -> None:
        self.errors = tuple(errors)
        count = len(self.errors)
        super().__init__(
            Text(f"{count} 处错误：\n{listing(self.errors, 'zh')}", f"{count} error(s):\n{listing(self.errors, 'en')}"),
            where=where,
            hint=Text("改正后重试", "mend them and try again"),
        )
