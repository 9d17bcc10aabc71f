"""Running statements on an engine connection: which of chDB's ways in serves which statement.

Everything here blocks and runs in worker threads.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace as with_fields
from typing import Any

from sinks.embedded import native
from sinks.embedded.engine import Engine, Running, sql_string
from sinks.embedded.errors import from_engine, server_exception
from sinks.embedded.request import Request
from sinks.embedded.results import CONCATENABLE, Blocks, Pipe, Result, Stats, Whole
from sinks.embedded.sql import Statement

_LITERAL = re.compile(rb"'((?:[^'\\]|\\.)*)'")


def open_result(engine: Engine, running: Running, request: Request, statement: Statement) -> Result:
    """Start ``statement`` and return its result. Raises ServerException."""
    wanted = statement.format or request.default_format
    lower = wanted.lower()
    if statement.kind == b"KILL":
        statement = _with_engine_ids(engine, statement)
    if statement.is_select and lower in CONCATENABLE and not (statement.has_totals and lower != "native"):
        patch = None
        if lower == "native" and request.protocol_version >= native.PROTOCOL_WITH_ZONES:
            patch = native.patcher(lambda: engine.describe(request, statement.query))
        return Blocks(running.connection, statement, wanted, request.params, patch)
    if statement.is_read and (statement.is_select or lower not in CONCATENABLE):
        return Pipe(running.connection, statement, wanted, request.params, lambda: engine.kill(running))
    if statement.kind == b"INSERT" and request.params:
        engine.set_params(running, request.params)
        return Whole(running.connection, statement, wanted, {})
    result = Whole(running.connection, statement, wanted, request.params)
    if lower == "native" and request.protocol_version >= native.PROTOCOL_WITH_ZONES:
        result.patch(native.patcher(list))
    return result


def _with_engine_ids(engine: Engine, statement: Statement) -> Statement:
    """KILL QUERY names statements by the ids that clients know; the engine has its own."""

    def replace(match: re.Match[bytes]) -> bytes:
        known = engine.engine_id(match.group(1).decode("utf-8", "replace"))
        return sql_string(known).encode() if known else match.group()

    return with_fields(statement, text=_LITERAL.sub(replace, statement.text))


class Insert:
    """An INSERT whose data comes in chunks. Nothing is visible before ``finish`` for up to a million rows, or
    what the session sets as ``min_insert_block_size_rows``; ``cancel`` drops what is not in a part yet."""

    def __init__(self, engine: Engine, running: Running, request: Request, statement: Statement) -> None:
        self.stats = Stats()
        engine.set_params(running, request.params)
        text = statement.text.decode("utf-8", "surrogateescape")
        try:
            self._stream: Any = running.connection.send_insert(text, statement.format or "Values")
        except Exception as error:
            raise from_engine(error) from None

    def append(self, chunk: bytes) -> None:
        """Hand over some of the data."""
        if not chunk:
            return
        try:
            self._stream.append(chunk)
        except Exception as error:
            raise from_engine(error) from None

    def finish(self) -> Stats:
        """Commit; rows are durable as far as the table's settings make them."""
        try:
            result = self._stream.finish()
        except Exception as error:
            raise from_engine(error) from None
        self.stats.written_rows = self.stats.read_rows = self.stats.result_rows = result.rows_written
        self.stats.written_bytes = self.stats.read_bytes = self.stats.result_bytes = result.bytes_written
        return self.stats

    def cancel(self) -> None:
        """Drop the insert."""
        try:
            self._stream.cancel()
        except Exception as error:
            raise from_engine(error) from None


class InsertSelect:
    """An INSERT … SELECT that reads the request's data through ``input('columns')``: chDB streams none into it,
    so the data is spooled to a file that ``file()`` reads instead."""

    def __init__(self, engine: Engine, running: Running, request: Request, statement: Statement) -> None:
        assert statement.input_call is not None
        self.stats, self._running = Stats(), running
        engine.set_params(running, request.params)
        self._spool = tempfile.NamedTemporaryFile(prefix="input-", dir=engine.spool_dir)  # noqa: SIM115
        start, end = statement.input_call
        call = f"file({sql_string(self._spool.name)}, {sql_string(statement.format or '')}, ".encode()
        rest = statement.text[end:].lstrip()
        self._sql = statement.text[:start] + call + rest.removeprefix(b"(")

    def append(self, chunk: bytes) -> None:
        """Take some of the data."""
        self._spool.write(chunk)

    def finish(self) -> Stats:
        """Run the statement over all data."""
        self._spool.flush()
        try:
            self.stats.add(self._running.connection.query(self._sql, "Null"))
        except Exception as error:
            raise from_engine(error) from None
        finally:
            self._spool.close()
        return self.stats

    def cancel(self) -> None:
        """Drop the data."""
        self._spool.close()


def open_insert(engine: Engine, running: Running, request: Request, statement: Statement) -> Insert | InsertSelect:
    """Start an INSERT that gets data. Raises ServerException."""
    kind = InsertSelect if statement.input_call is not None else Insert
    return kind(engine, running, request, statement)


def load_external(running: Running, request: Request, files: Mapping[str, bytes]) -> None:
    """Make temporary tables of the form's files, as the interface's external data."""
    for name, data in files.items():
        given = request.external.get(name, {})
        if "structure" in given:
            columns = given["structure"]
        elif "types" in given:
            columns = ", ".join(f"_{number} {kind}" for number, kind in enumerate(_split(given["types"]), 1))
        else:
            raise server_exception(
                36, "BAD_ARGUMENTS", f"Neither structure nor types have not been provided for external table {name}"
            )
        quoted = "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
        try:
            running.connection.query(f"CREATE TEMPORARY TABLE {quoted} ({columns}) ENGINE = Memory", "Null")
            running.cleanup.append(f"DROP TEMPORARY TABLE IF EXISTS {quoted}")
            stream = running.connection.send_insert(f"INSERT INTO {quoted}", given.get("format", "TabSeparated"))
            if data:
                stream.append(data)
            stream.finish()
        except Exception as error:
            raise from_engine(error) from None


def _split(types: str) -> list[str]:
    """Types separated by commas outside brackets."""
    out, depth, start = [], 0, 0
    for position, char in enumerate(types):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            out.append(types[start:position].strip())
            start = position + 1
    return [*out, types[start:].strip()]
