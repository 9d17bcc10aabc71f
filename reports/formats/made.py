"""What a folder holds already: a run that was broken off goes on where it stopped, and makes nothing twice."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import msgspec

NAME = ".made.ndjson"


class Entry(msgspec.Struct, frozen=True):
    """``source``: SHA-256 of everything that the file depends on; ``content``: of the file."""

    path: str
    source: str
    content: str


class Made:
    """The list of one folder: a line a file, appended as files are made; the last line about a file counts.

    ``remember`` false: nothing is known and nothing is written, for folders that are handed over whole.
    """

    def __init__(self, folder: Path, *, remember: bool = True) -> None:
        self.folder, self._file, self._remember = folder, folder / NAME, remember
        self._entries: dict[str, Entry] = {}
        if remember and self._file.exists():
            for line in self._file.read_bytes().splitlines():
                try:
                    entry = msgspec.json.decode(line, type=Entry)
                except msgspec.DecodeError:
                    continue  # the last line of a run that was killed while it wrote: that file is made again
                self._entries[entry.path] = entry

    def kept(self, path: str, source: str) -> str | None:
        """SHA-256 of the file where it stands as it was made from this source; else None."""
        entry, target = self._entries.get(path), self.folder / path
        if entry is None or entry.source != source or not target.exists():
            return None
        return entry.content if digest(target.read_bytes()) == entry.content else None

    def add(self, path: str, source: str, content: str) -> None:
        """Call it after the file is written."""
        entry = Entry(path, source, content)
        self._entries[path] = entry
        if self._remember:
            with self._file.open("ab") as file:
                file.write(msgspec.json.encode(entry) + b"\n")


def digest(*parts: bytes) -> str:
    """SHA-256 of parts whose borders count."""
    found = hashlib.sha256()
    for part in parts:
        if len(parts) > 1:
            found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


@lru_cache(maxsize=1)
def program() -> bytes:
    """What makes files: this package and its libraries. Another version makes them again."""
    sources = sorted((f.name, f.read_bytes()) for f in files("reports.formats").iterdir() if f.is_file())
    return "|".join(
        [digest(*(content for _, content in sources)), *(_version(n) for n in ("typst", "python-docx", "openpyxl"))]
    ).encode()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
