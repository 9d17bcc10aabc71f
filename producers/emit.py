"""Files of events to Kafka: wire NDJSON (plain, .gz, .zst, stdin) or tables, resumable, nothing dropped silently.

Lines are sent as they are, also bad ones: judging them is the stream's work, so that every rejected line is
kept in one place. Consecutive lines of one member travel in one message, as a client app's flush does.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import select
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec
import zstandard

from schemas.decode import MAX_LINE_BYTES, SIZE_HEADER
from schemas.errors import InputError

from .tables import TableError, TableEvent, TableWarning, is_table, read_events

LINES_A_MESSAGE = 100
LINES_A_CHECKPOINT = 20_000
KEPT_OF_A_HUGE_LINE = 64 << 10
_CHUNK = 1 << 17


class _Narrow(msgspec.Struct):
    member_id: str


_member_of = msgspec.json.Decoder(_Narrow).decode


class Sender(Protocol):
    """What emitting needs of ``producers.kafka_client.EventProducer``."""

    def send(self, member_id: str, lines: list[bytes], *, headers: Any = ...) -> Any:
        """Queue lines of one member."""

    def flush(self, timeout: float | None = None) -> None:
        """Wait for all acknowledgements; raises DeliveryError."""


@dataclass(slots=True)
class Emitted:
    """What became of the input. ``lines`` counts lines and table rows that were read, bad rows included."""

    lines: int = 0
    sent: int = 0
    skipped: int = 0
    """lines that an earlier, interrupted run had sent already"""
    errors: list[TableError] = field(default_factory=list)
    warnings: list[TableWarning] = field(default_factory=list)


def open_lines(path: str) -> IO[bytes]:
    """A file's bytes, decompressed by its ending; ``-`` is stdin. Raises InputError."""
    if path == "-":
        return _stdin()
    try:
        raw = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=path) from error
    if path.endswith(".gz"):
        return gzip.open(raw)  # type: ignore[return-value]
    if path.endswith((".zst", ".zstd")):
        return io.BufferedReader(_Zstandard(raw), _CHUNK)
    return raw


def _stdin() -> IO[bytes]:
    try:
        return io.BufferedReader(_Stdin(sys.stdin.fileno()), _CHUNK)
    except (OSError, AttributeError):  # put into its place by a program, and no file
        return sys.stdin.buffer


class _Stdin(io.RawIOBase):
    """Standard input that Ctrl-C interrupts: the system may give the signal to a thread of Kafka's client, and then
    nothing wakes a main thread that waits in a read."""

    def __init__(self, number: int) -> None:
        self._number = number

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, target: Any) -> int:
        """What is there, once something is; 0 at the end."""
        while not select.select([self._number], [], [], 0.3)[0]:
            pass
        data = os.read(self._number, len(target))
        target[: len(data)] = data
        return len(data)


class _Zstandard(io.RawIOBase):
    """All frames of a stream. The library's own reader stops behind the first, and takes a cut one for whole."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._frame, self._rest = source, zstandard.ZstdDecompressor().decompressobj(), b""
        self._whole = True

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, target: Any) -> int:
        """Up to ``len(target)`` bytes; 0 at the end. Raises EOFError when the last frame is cut."""
        while not self._rest:
            chunk = self._frame.unused_data if self._frame.eof else b""
            chunk = chunk or self._source.read(_CHUNK)
            if not chunk:
                if not self._whole:
                    raise EOFError("the file ends in the middle of a compressed frame")
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._rest, self._whole = self._frame.decompress(chunk), False
            self._whole = self._frame.eof
        count = min(len(target), len(self._rest))
        target[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def close(self) -> None:
        """Closes the file too."""
        self._source.close()
        super().close()


def key_of(line: bytes) -> str:
    """The member that a line names, '' if it can't be read (any partition will do: it will be rejected)."""
    try:
        member = _member_of(line).member_id
        member.encode()
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    return member if 0 < len(member) <= 64 else ""


class Emitter:
    """Sends lines to a producer, in messages of one member, with checkpoints behind acknowledgements."""

    def __init__(
        self,
        producer: Sender,
        *,
        progress: Callable[[int], None] = lambda _: None,
        checkpoints: Path | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.producer, self.progress, self.checkpoints, self._stopping = producer, progress, checkpoints, stopping
        self.result = Emitted()
        self._member, self._lines = "", list[bytes]()

    def _add(self, member_id: str, line: bytes, size: int) -> None:
        if size > MAX_LINE_BYTES:
            # Kafka would refuse the message: send its beginning, marked, so that it is kept and explained.
            self._hand_over()
            headers = ((SIZE_HEADER, str(size).encode()),)
            self.producer.send(member_id, [line[:KEPT_OF_A_HUGE_LINE]], headers=headers)
            self.result.sent += 1
            return
        if member_id != self._member or len(self._lines) >= LINES_A_MESSAGE or not member_id:
            self._hand_over()
            self._member = member_id
        self._lines.append(line)

    def _hand_over(self) -> None:
        if self._lines:
            self.producer.send(self._member, self._lines)
            self.result.sent += len(self._lines)
            self._lines = []
            self._go_on()

    def _settle(self) -> None:
        self._hand_over()
        self.producer.flush()
        self._go_on()
        self.progress(self.result.lines)

    def _go_on(self) -> None:
        if self._stopping():
            raise KeyboardInterrupt

    def emit(self, path: str, timezone: str, *, resume: bool = True) -> None:
        """Send one file. After an interruption the same call goes on behind the last checkpoint."""
        if path != "-" and is_table(Path(path)):
            self._emit_table(path, timezone)
            return
        mark = self._mark(path)
        done = self._read_mark(mark, path) if resume else 0
        with open_lines(path) as source:
            number = 0
            for number, (line, size) in enumerate(_lines(source, path), 1):
                if number <= done:
                    self.result.skipped += 1
                    self.result.lines += 1
                    continue
                self.result.lines += 1
                self._add(key_of(line), line, size)
                if number % LINES_A_CHECKPOINT == 0:
                    self._settle()
                    self._write_mark(mark, path, number)
        self._settle()
        if mark is not None:
            mark.unlink(missing_ok=True)

    def _emit_table(self, path: str, timezone: str) -> None:
        for found in read_events(Path(path), timezone):
            if isinstance(found, TableEvent):
                self.result.lines += 1
                self._add(found.member_id, found.body, len(found.body))
                if self.result.lines % LINES_A_CHECKPOINT == 0:
                    self._settle()
            elif isinstance(found, TableError):
                self.result.lines += 1
                self.result.errors.append(found)
            else:
                self.result.warnings.append(found)
        self._settle()

    def _mark(self, path: str) -> Path | None:
        if self.checkpoints is None or path == "-":
            return None
        name = hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:24]
        return self.checkpoints / f"{name}.json"

    def _read_mark(self, mark: Path | None, path: str) -> int:
        if mark is None or not mark.is_file():
            return 0
        # A file that has changed since is another file: send all of it, repetition does no harm. So it is with a
        # mark that can't be read.
        try:
            kept = json.loads(mark.read_text("utf-8"))
            return int(kept["lines"]) if kept["identity"] == _identity(path) else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _write_mark(self, mark: Path | None, path: str, lines: int) -> None:
        if mark is not None:
            mark.parent.mkdir(parents=True, exist_ok=True)
            temporary = mark.with_suffix(".tmp")
            temporary.write_text(json.dumps({"path": path, "identity": _identity(path), "lines": lines}), "utf-8")
            temporary.replace(mark)


def _identity(path: str) -> list[int]:
    stat = Path(path).stat()
    return [stat.st_size, stat.st_mtime_ns]


def _lines(source: IO[bytes], path: str) -> Iterator[tuple[bytes, int]]:
    """Lines that are not blank, without their ends, and their sizes; of a huge line only the beginning is kept."""
    try:
        first = True
        while line := source.readline(_CHUNK):
            size = len(line)
            if not line.endswith(b"\n") and size == _CHUNK:
                line, size = _long(source, line)
            text = line.rstrip(b"\r\n")
            size -= len(line) - len(text)
            if first:
                text, first = text.removeprefix(b"\xef\xbb\xbf"), False
            if text.strip():
                yield text, max(size, len(text))
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise InputError(f"can't be decompressed or read: {error}", where=path) from error


def _long(source: IO[bytes], line: bytes) -> tuple[bytes, int]:
    """The rest of a line: kept up to the limit, counted to its end."""
    parts, size, part = [line], len(line), line
    while not part.endswith(b"\n") and (part := source.readline(_CHUNK)):
        size += len(part)
        if size <= MAX_LINE_BYTES + 2 * _CHUNK:
            parts.append(part)
        elif part.endswith(b"\n"):
            size -= len(part) - len(part.rstrip(b"\r\n"))  # as for a line that is kept whole
    return b"".join(parts), size
