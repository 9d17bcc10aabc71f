"""A statement's result as a stream of byte chunks, in bounded memory, whatever its format.

chDB hands a streamed SELECT over block by block, each encoded as a document of its own. For formats whose
documents may simply follow one another that is the stream; any other format (JSON, Arrow, Parquet, …) is
written by the engine into a pipe with ``INTO OUTFILE``, so that it is one well-formed document.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sinks.embedded import native
from sinks.embedded.errors import from_engine
from sinks.embedded.sql import Statement

CHUNK = 256 * 1024
PATIENCE = 0.05  # seconds; a client sees a slow query's first rows, and its failure as one in mid-stream
_F_SETPIPE_SZ = 1031

# Formats in which the concatenation of two documents is the document of both.
CONCATENABLE = frozenset(
    name.lower()
    for name in (
        "Native TabSeparated TSV TabSeparatedRaw TSVRaw CSV JSONEachRow JSONLines NDJSON JSONCompactEachRow "
        "JSONStringsEachRow JSONCompactStringsEachRow RowBinary LineAsString RawBLOB TSKV CustomSeparated Null"
    ).split()
)


@dataclass
class Stats:
    """Progress of one statement, as ``X-ClickHouse-Summary`` tells it."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0

    def add(self, result: Any) -> None:
        """Add what chDB says of a result or of one chunk of it."""
        self.read_rows += result.storage_rows_read()
        self.read_bytes += result.storage_bytes_read()
        self.written_rows += result.rows_written()
        self.written_bytes += result.bytes_written()
        self.result_rows += result.rows_read()
        self.result_bytes += result.bytes_read()

    def summary(self, seconds: float) -> str:
        """The value of the summary header; every number is a string there."""
        return (
            f'{{"read_rows":"{self.read_rows}","read_bytes":"{self.read_bytes}","written_rows":"{self.written_rows}",'
            f'"written_bytes":"{self.written_bytes}","total_rows_to_read":"0","result_rows":"{self.result_rows}",'
            f'"result_bytes":"{self.result_bytes}","elapsed_ns":"{int(seconds * 1e9)}"}}'
        )


class Result(Protocol):
    """Chunks of one result; ``next`` is None at the end and raises ServerException on failure."""

    format: str
    stats: Stats
    done: bool

    def next(self) -> bytes | None:
        """The next chunk, never empty."""

    def close(self) -> None:
        """Stop the query if it runs, and free what it holds. Idempotent."""


class Whole:
    """A result that the engine gives at once."""

    def __init__(self, connection: Any, statement: Statement, output_format: str, params: dict[str, str]) -> None:
        self.format, self.stats, self.done = output_format, Stats(), False
        try:
            result = connection.query(statement.text, output_format, params=params)
        except Exception as error:
            raise from_engine(error) from None
        self.stats.add(result)
        self._data: bytes | None = result.bytes() or None

    def patch(self, patch: native.Patch) -> None:
        """Change the result's one Native block, if it has one."""
        if self._data is not None:
            self._data = patch(self._data, self.stats.result_rows)

    def next(self) -> bytes | None:
        """The whole result, once."""
        data, self._data, self.done = self._data, None, True
        return data

    def close(self) -> None:
        """Nothing runs."""


class Blocks:
    """A SELECT streamed block by block, for concatenable formats."""

    def __init__(
        self,
        connection: Any,
        statement: Statement,
        output_format: str,
        params: dict[str, str],
        patch: native.Patch | None = None,
    ) -> None:
        self.format, self.stats, self.done = output_format, Stats(), False
        self._patch = patch
        try:
            self._stream = connection.send_query(statement.text, output_format, params=params)
        except Exception as error:
            raise from_engine(error) from None

    def next(self) -> bytes | None:
        """Some blocks: about ``CHUNK`` bytes, or what a slow query gave in ``PATIENCE``."""
        parts: list[bytes] = []
        size, until = 0, time.monotonic() + PATIENCE
        while size < CHUNK and not (parts and time.monotonic() > until):
            try:
                result = self._stream.fetch()
            except Exception as error:
                raise from_engine(error) from None
            if result is None:
                self.done = True
                break
            self.stats.add(result)
            block = result.bytes()
            if self._patch is not None:
                block = self._patch(block, result.rows_read())
            parts.append(block)
            size += len(block)
        return b"".join(parts) or None

    def close(self) -> None:
        """Cancel what is left of the query."""
        try:
            self._stream.cancel()
        except Exception as error:
            raise from_engine(error) from None


class Pipe:
    """A statement whose one document the engine writes into a pipe, from a thread of its own."""

    def __init__(
        self,
        connection: Any,
        statement: Statement,
        output_format: str,
        params: dict[str, str],
        kill: Callable[[], None],
    ) -> None:
        self.format, self.stats, self.done = output_format, Stats(), False
        self._kill = kill
        self._error: Exception | None = None
        self._read_fd, write_fd = os.pipe()
        with contextlib.suppress(OSError):  # a smaller pipe is only slower; other systems have no such call
            fcntl.fcntl(write_fd, _F_SETPIPE_SZ, 1 << 20)
        self._thread = threading.Thread(
            target=self._run, args=(connection, into_pipe(statement, output_format, write_fd), params, write_fd)
        )
        self._thread.start()

    def _run(self, connection: Any, sql: bytes, params: dict[str, str], write_fd: int) -> None:
        try:
            self.stats.add(connection.query(sql, self.format, params=params))
        except Exception as error:
            self._error = error
        finally:
            os.close(write_fd)

    def next(self) -> bytes | None:
        """What is in the pipe, up to ``CHUNK`` bytes; waits for it to fill or end."""
        parts, size = [], 0
        while size < CHUNK and self._read_fd >= 0:
            part = os.read(self._read_fd, CHUNK)
            if not part:
                self._finish()
                break
            parts.append(part)
            size += len(part)
        if not parts and self._error is not None:
            raise from_engine(self._error) from None
        return b"".join(parts) or None

    def _finish(self) -> None:
        self._thread.join()
        os.close(self._read_fd)
        self._read_fd = -1
        self.done = self._error is None

    def close(self) -> None:
        """Kill the query if it runs: closing the pipe alone would let it run to its end."""
        if self._read_fd < 0:
            return
        while self._thread.is_alive():
            self._kill()
            while os.read(self._read_fd, CHUNK):
                pass
            self._thread.join(0.2)
        self._finish()


def into_pipe(statement: Statement, output_format: str, fd: int) -> bytes:
    """``statement`` with its result sent to the open descriptor ``fd``."""
    outfile = f" INTO OUTFILE '/dev/fd/{fd}' APPEND ".encode()
    if statement.format_at >= 0:
        return statement.text[: statement.format_at] + outfile + statement.text[statement.format_at :]
    return statement.text + b"\n" + outfile + f"FORMAT {output_format}".encode()
