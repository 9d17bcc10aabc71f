"""A journal on disk: what was acknowledged survives a crash of the process and of the machine.

Append-only segments. A record is its length and CRC-32 (both little-endian 32 bits), then its bytes. ``append`` returns
once the bytes are on the disk (fsync), for all of a batch at once. A segment ends with the first record that is cut or
does not match its CRC: after a crash only what was never acknowledged can be behind it, because after any failed write
a new segment is begun, and so it is at every start. Whole records behind it mean that the disk lost some: those are
read too, it is said, and the segment is kept aside instead of being removed. Each record is replayed at least once
until ``drop`` is told that it need not be.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from schemas.errors import XuejingError

log = logging.getLogger(__name__)

HEAD = struct.Struct("<II")
MAGIC = b"xjjrnl1\n"
SUFFIX, ASIDE = ".journal", ".damaged"
MAX_RECORD = 64 << 20
"""A longer length is garbage at the end of a torn segment, not a record."""


class JournalFull(XuejingError):
    """The journal holds as much as it may: try again once Kafka has taken some of it."""


class JournalFailed(XuejingError):
    """The disk did not take a record: nothing of that batch is acknowledged."""


class Files(Protocol):
    """What the journal asks of a file system; a test puts one in its place that counts and forgets."""

    def names(self) -> list[str]: ...
    def create(self, name: str) -> int: ...
    def write(self, handle: int, data: bytes) -> None: ...
    def sync(self, handle: int) -> None: ...
    def close(self, handle: int) -> None: ...
    def read(self, name: str) -> bytes: ...
    def remove(self, name: str) -> None: ...
    def rename(self, name: str, to: str) -> None: ...


class Folder:
    """Files of one folder, which is made; a new file's name is on the disk before the first write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(path.parent)

    def names(self) -> list[str]:
        return [entry.name for entry in os.scandir(self.path)]

    def create(self, name: str) -> int:
        handle = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _sync_folder(self.path)
        except OSError:
            os.close(handle)
            raise
        return handle

    def write(self, handle: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def rename(self, name: str, to: str) -> None:
        (self.path / name).rename(self.path / to)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def framed(record: bytes) -> bytes:
    """A record, which is not empty, as it is in a segment."""
    return HEAD.pack(len(record), zlib.crc32(record)) + record


def records(segment: bytes) -> Iterator[bytes]:
    """The whole records of a segment, up to the first that is not."""
    if not segment.startswith(MAGIC):
        return
    at = len(MAGIC)
    while (record := _record(segment, at)) is not None:
        yield record
        at += HEAD.size + len(record)


def behind(segment: bytes) -> list[bytes]:
    """The whole records of a segment behind the first that is not. Frames carry no mark, so each byte may begin one."""
    at = len(MAGIC) + sum(HEAD.size + len(r) for r in records(segment)) if segment.startswith(MAGIC) else 0
    found = []
    while at + HEAD.size < len(segment):
        if (record := _record(segment, at)) is not None:
            found.append(record)
            at += HEAD.size + len(record)
        else:
            at += 1
    return found


def _record(segment: bytes, at: int) -> bytes | None:
    """The record that begins at a byte; None when there is no whole one. No record is empty: zeros, with which a file
    may end after a power cut, would be one after the other."""
    if at + HEAD.size > len(segment):
        return None
    length, crc = HEAD.unpack_from(segment, at)
    if not 0 < length <= min(MAX_RECORD, len(segment) - at - HEAD.size):
        return None
    record = segment[at + HEAD.size : at + HEAD.size + length]
    return record if zlib.crc32(record) == crc else None


class Journal:
    """Records in segments of about ``segment_bytes``, at most ``max_bytes`` in all. For one thread at a time."""

    def __init__(self, files: Files, *, max_bytes: int = 1 << 30, segment_bytes: int = 4 << 20) -> None:
        self._files = files
        self._max, self._segment = max_bytes, segment_bytes
        self._handle: int | None = None
        self._written = 0
        self.sizes: dict[int, int] = {}
        """bytes by number of segment"""
        self.damaged: set[int] = set()
        """segments in which records are missing between others"""
        for name in files.names():
            if name.endswith(SUFFIX) and name.removesuffix(SUFFIX).isdigit():
                self.sizes[int(name.removesuffix(SUFFIX))] = len(files.read(name))
        self._last = max(self.sizes, default=0)

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(self.sizes.values())

    @property
    def current(self) -> int | None:
        """Number of the segment that is written to, None when the next record begins one."""
        return self._last if self._handle is not None else None

    def segments(self) -> list[int]:
        """Numbers of the segments there are, oldest first."""
        return sorted(self.sizes)

    def read(self, segment: int) -> list[bytes]:
        """Records of a segment in the order of their appending."""
        data = self._files.read(_name(segment))
        found, more = list(records(data)), behind(data)
        if more and segment not in self.damaged:
            self.damaged.add(segment)
            log.error(
                "%s is damaged: records are missing behind the first %d, %d more are whole and are sent. It is kept as "
                "%s: check the disk, and have the applications of that time send again",
                _name(segment), len(found), len(more), _name(segment, ASIDE),
            )  # fmt: skip
        return found + more

    def append(self, batch: Sequence[bytes]) -> int:
        """Put records on the disk; the number of their segment. Raises JournalFull or JournalFailed, and then none of
        them is acknowledged (though some may be replayed)."""
        data = b"".join(map(framed, batch))
        if self.size + len(data) > self._max:
            raise JournalFull("the journal is full", hint="is the broker up? see journal_mb")
        try:
            if self._handle is None:
                self._begin()
            assert self._handle is not None
            self.sizes[self._last] += len(data)
            self._files.write(self._handle, data)
            self._files.sync(self._handle)
        except OSError as error:
            # What is on the disk of this segment is unknown from here on: never write behind it.
            self.roll()
            raise JournalFailed(f"the journal could not be written: {error.strerror or error}") from error
        self._written += len(data)
        segment = self._last
        if self._written >= self._segment:
            self.roll()
        return segment

    def _begin(self) -> None:
        self._last += 1
        self._handle = self._files.create(_name(self._last))
        self.sizes[self._last] = len(MAGIC)
        self._written = 0
        self._files.write(self._handle, MAGIC)

    def roll(self) -> None:
        """End the current segment; the next record begins another."""
        handle, self._handle = self._handle, None
        if handle is not None:
            try:
                self._files.close(handle)
            except OSError as error:
                raise JournalFailed(f"a segment could not be closed: {error.strerror or error}") from error

    def drop(self, segments: Iterable[int]) -> None:
        """Remove segments of which nothing is needed any more. The current one is kept, a damaged one put aside."""
        for segment in segments:
            if segment != self.current and segment in self.sizes:
                if segment in self.damaged:
                    self._files.rename(_name(segment), _name(segment, ASIDE))
                else:
                    self._files.remove(_name(segment))
                del self.sizes[segment]


def _name(segment: int, suffix: str = SUFFIX) -> str:
    return f"{segment:012d}{suffix}"
