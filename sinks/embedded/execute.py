"""Running statements on an engine connection: which of chDB's ways in serves which statement.

Everything here blocks and runs in worker threads.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace as with_fields
from pathlib import Path
from typing import IO, cast

from sinks.embedded import native
from sinks.embedded.engine import Engine, Running, describe, sql_string
from sinks.embedded.errors import ServerException, from_engine, server_exception
from sinks.embedded.request import Request
from sinks.embedded.results import CONCATENABLE, Blocks, Pipe, Result, Stats, Whole
from sinks.embedded.sql import Statement

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
SHARED_LIMIT = 32 << 20  # bytes of an INSERT's data that may be kept there
# What an error says of the way that the data took; to the client it came in the body.
_SPOOL_TRACE = re.compile(r":? ?\(in file/uri [^)]*\)|: While executing File|: data for INSERT was parsed from file")
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
            patch = native.patcher(_columns(engine, running, request, statement))
        return Blocks(running.connection, statement, wanted, request.params, patch)
    if statement.is_read and (statement.is_select or lower not in CONCATENABLE):
        return Pipe(running.connection, statement, wanted, request.params, lambda: engine.kill(running))
    result = Whole(running.connection, statement, wanted, request.params)
    if lower == "native" and request.protocol_version >= native.PROTOCOL_WITH_ZONES:
        result.patch(native.patcher(list))
    return result


def _columns(engine: Engine, running: Running, request: Request, statement: Statement) -> Callable[[], native.Columns]:
    """Asks for a SELECT's columns when they are needed: its own connection is busy then, so another one is asked,
    unless only its own knows the tables."""
    alone = running.cleanup or (running.session is not None and running.session.has_state)
    if not alone:
        return lambda: engine.describe(running, request, statement.query)
    try:
        known = describe(running, request, statement.query)
    except ServerException:
        known = []  # the statement itself will tell what is wrong
    return lambda: known


def _with_engine_ids(engine: Engine, statement: Statement) -> Statement:
    """KILL QUERY names statements by the ids that clients know; the engine has its own."""

    def replace(match: re.Match[bytes]) -> bytes:
        known = engine.engine_id(match.group(1).decode("utf-8", "replace"))
        return sql_string(known).encode() if known else match.group()

    return with_fields(statement, text=_LITERAL.sub(replace, statement.text))


def _new_file(folder: Path) -> IO[bytes]:
    """A file that leaves nothing behind: without a name on Linux, where /dev/fd opens it anew; elsewhere that
    would share one position, and the folder is emptied on the next start."""
    if Path("/proc/self/fd").is_dir():
        return tempfile.TemporaryFile(dir=folder)
    return cast(IO[bytes], tempfile.NamedTemporaryFile(dir=folder))


class Spool:
    """The data of an INSERT, kept in a file until all of it is there.

    chDB can also be fed chunk by chunk (``send_insert``), but that reports success when the commit fails, for
    instance with TOO_MANY_PARTS or a violated constraint: it would acknowledge rows that are nowhere.
    """

    def __init__(self, engine: Engine) -> None:
        self._folder = engine.spool_dir
        self._shared = SHARED_MEMORY.is_dir()
        self._file = _new_file(SHARED_MEMORY if self._shared else self._folder)
        self._size = 0

    @property
    def path(self) -> str:
        """Where the engine finds the data."""
        name = self._file.name
        return name if isinstance(name, str) else f"/dev/fd/{name}"

    def write(self, chunk: bytes) -> None:
        """Keep some more of the data: in shared memory while there is little, then on disk."""
        self._size += len(chunk)
        if self._shared and self._size > SHARED_LIMIT:
            memory, self._shared = self._file, False
            self._file = _new_file(self._folder)
            with memory:
                memory.seek(0)
                shutil.copyfileobj(memory, self._file, 1 << 20)
        self._file.write(chunk)

    def rewind(self) -> None:
        """Make the data readable from its start, through ``path``."""
        self._file.flush()
        self._file.seek(0)

    def close(self) -> None:
        """Drop the data."""
        self._file.close()


def insert(running: Running, request: Request, statement: Statement, spool: Spool) -> Stats:
    """Run an INSERT over the spooled data.

    Up to a million rows (``min_insert_block_size_rows``) become visible together or not at all, unless the table
    splits them by partition. Raises ServerException.
    """
    spool.rewind()
    stats = Stats()
    try:
        stats.add(running.connection.query(from_spool(statement, spool.path), "Null", params=request.params))
    except Exception as error:
        told = from_engine(error)
        raise ServerException(told.code, _SPOOL_TRACE.sub("", told.text)) from None
    stats.read_rows, stats.read_bytes = stats.written_rows, stats.written_bytes
    stats.result_rows, stats.result_bytes = stats.written_rows, stats.written_bytes
    return stats


def from_spool(statement: Statement, path: str) -> bytes:
    """An INSERT with data, as one that reads it from ``path``."""
    data_format = statement.format or "Values"
    if statement.input_call is not None:
        start, end = statement.input_call
        columns = statement.text[end:].lstrip().removeprefix(b"(")
        return statement.text[:start] + f"file({sql_string(path)}, {sql_string(data_format)}, ".encode() + columns
    head, settings = statement.text, b""
    if statement.settings_at >= 0:
        head, settings = head[: statement.settings_at], head[statement.settings_at :]
    return head + f"\nFROM INFILE {sql_string(path)} ".encode() + settings + f"\nFORMAT {data_format}".encode()


def load_external(engine: Engine, running: Running, request: Request, files: Mapping[str, bytes]) -> None:
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
        head = Statement(
            b"INSERT", f"INSERT INTO {quoted}".encode(), given.get("format", "TabSeparated"), has_data=True
        )
        spool = Spool(engine)
        try:
            # the name of a temporary table hides a table of the database, as external data on a server does
            running.connection.query(f"CREATE TEMPORARY TABLE {quoted} ({columns}) ENGINE = Memory", "Null")
            running.cleanup.append(f"DROP TEMPORARY TABLE IF EXISTS {quoted}")
            spool.write(data)
            insert(running, Request(), head, spool)
        except Exception as error:
            raise from_engine(error) from None
        finally:
            spool.close()


def _split(types: str) -> list[str]:
    """Types separated by commas outside brackets."""
    out, depth, start = [], 0, 0
    for position, char in enumerate(types):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            out.append(types[start:position].strip())
            start = position + 1
    return [*out, types[start:].strip()]
