"""One table of a TOML file, read key by key: everything that is wrong is collected, with its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from schemas.errors import ConfigError, XuejingError

_HEADER = re.compile(r"^\s*\[\[?\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(#.*)?$")


class Lines:
    """Finds the line of a key. tomllib does not tell lines; headers and keys at the beginning of a line do."""

    def __init__(self, text: str) -> None:
        self.at: dict[tuple[str, int, str], int] = {}
        name, seen = "", {"": 0}
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                name = re.sub(r"[\s\"']", "", header["name"])
                seen[name] = seen.get(name, 0) + 1
                self.at[name, seen[name], ""] = number
            elif key := re.match(r"\s*[\"']?([\w.*-]+)[\"']?\s*=", line):
                for prefix in (key[1], key[1].partition(".")[0]):
                    self.at.setdefault((name, seen[name], prefix), number)

    def find(self, table: str, nth: int, key: str) -> int:
        """Line of the key, else of a table below of this name, else of the table, else 0."""
        places = ((table, nth, key), (f"{table}.{key}", 1, ""), (table, nth, ""))
        return next((self.at[place] for place in places if place in self.at), 0)


class Table:
    """``name`` is that of the header, ``nth`` counts tables of the same name from 1, ``within`` is the key of a table
    that is written inside."""

    def __init__(
        self, values: Any, file: str, lines: Lines, name: str, nth: int, problems: list[ConfigError], within: str = ""
    ) -> None:
        self.file, self.lines, self.name, self.nth, self.problems = file, lines, name, nth, problems
        self.within = within
        self.values: Mapping[str, Any] = values if isinstance(values, dict) else {}
        self.used: set[str] = set()
        if not isinstance(values, dict):
            self.add("", ConfigError(f"{name} must be a table", hint=f"write [{name}] on a line of its own"))

    def inside(self, key: str, values: Any) -> Table:
        """A table that is the value of a key."""
        return Table(values, self.file, self.lines, self.name, self.nth, self.problems, key)

    def where(self, key: str) -> str:
        """File, line and key."""
        line = self.lines.find(self.name, self.nth, self.within or key)
        path = ".".join(part for part in (self.name, self.within, key) if part)
        return f"{self.file}:{line}, {path}" if line else f"{self.file}, {path}"

    def add(self, key: str, error: XuejingError) -> None:
        """Note what is wrong with a key."""
        self.problems.append(ConfigError(error.what, where=self.where(key), hint=error.hint))

    def given(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.values

    def take(self, key: str) -> Any:
        """The value as it is, None when it is missing."""
        self.used.add(key)
        return self.values.get(key)

    def text(self, key: str, default: str | None = None, one_of: tuple[str, ...] = ()) -> str:
        """A text; without a default it must be there."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            return self._wrong(key, value, "a text", default or "")
        if one_of and value not in one_of:
            near = difflib.get_close_matches(value, one_of, 1)
            hint = f"write {near[0]}" if near else f"use one of {', '.join(one_of)}"
            self.add(key, ConfigError(f"{value!r} is not known", hint=hint))
            return default or one_of[0]
        return value

    def texts(self, key: str, default: tuple[str, ...] | None, one_of: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts, or a single one; without a default it must be there and not empty."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(v, str) and v for v in found) or not found:
            self._wrong(key, value, "a list of texts", "")
            return default or ()
        unknown = [v for v in found if one_of and v not in one_of]
        if unknown:
            self.add(key, ConfigError(f"{unknown[0]!r} is not known", hint=f"use one of {', '.join(one_of)}"))
        return tuple(dict.fromkeys(v for v in found if v not in unknown))

    def number(self, key: str, default: float, least: float, most: float, whole: bool = True) -> float:
        """A number in a range."""
        value = self.take(key)
        if value is None:
            return default
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            self._wrong(key, value, "a whole number" if whole else "a number", "")
            return default
        if not least <= value <= most:
            self.add(key, ConfigError(f"{value} is out of range", hint=f"from {least:g} to {most:g}"))
            return default
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._wrong(key, value, "true or false", "")
            return default
        return value

    def day(self, key: str) -> date:
        """A date, which must be there."""
        value = self.take(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self._wrong(key, value, "a date such as 2026-09-01, without quotes", "")
        return date(2000, 1, 1)

    def done(self, *known: str) -> None:
        """Everything was read: whatever else is there is a mistake."""
        for key in self.values.keys() - self.used:
            near = difflib.get_close_matches(key, [*self.used, *known], 1)
            if key in ("password", "secret", "access_key", "secret_key", "webhook", "token", "sign"):
                self.add(key, ConfigError("secrets do not belong in this file", hint=f"use {key}_env or {key}_file"))
            elif near:
                self.add(key, ConfigError(f"the key {key!r} is not known", hint=f"did you mean {near[0]}?"))
            else:
                keys = ", ".join(sorted(self.used))
                self.add(key, ConfigError(f"the key {key!r} is not known", hint=f"keys here: {keys}"))

    def _wrong(self, key: str, value: Any, wanted: str, instead: str) -> str:
        if value is None:
            self.add(key, ConfigError(f"{key} is missing", hint=f"add {key} = …, {wanted}"))
        else:
            self.add(
                key, ConfigError(f"{key} must be {wanted}, not {value!r}", hint="see deploy/schedule.example.toml")
            )
        return instead
