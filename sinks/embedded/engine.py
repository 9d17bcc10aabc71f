"""The in-process engine: a connection for each request, and the means to kill a statement.

All connections of a process share one ClickHouse instance over one directory; each has its own settings,
current database, query parameters and temporary tables, costs about 0.1 ms and runs beside the others. So a
request gets a connection of its own, and an HTTP session keeps one.
"""

from __future__ import annotations

import itertools
import shutil
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from sinks.embedded.config import EngineOptions, write_config
from sinks.embedded.errors import EngineFailed, from_engine, server_exception
from sinks.embedded.request import Request
from sinks.embedded.sessions import Session, Sessions
from sinks.embedded.sql import Statement

MAX_RUNNING = 100  # as max_concurrent_queries of a server
# Seconds that a request waits for its session. A client that has read the end mark of a format (Arrow has one) may
# ask again before the query behind it has ended: that is no concurrent use.
SESSION_GRACE = 2.0


def sql_string(value: str) -> str:
    """``value`` as a SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@dataclass
class Running:
    """A statement under way. ``tag`` finds it in ``system.processes``: it is the connection's log_comment."""

    query_id: str
    tag: str
    connection: Any = None
    session: Session | None = None
    cleanup: list[str] = field(default_factory=list)


class Engine:
    """One ClickHouse over ``data_dir``. All methods may be called from any thread."""

    def __init__(self, data_dir: Path, options: EngineOptions) -> None:
        import chdb  # loads 550 MB of shared library: only the engine's own process does it

        if set(str(data_dir)) & set("?&#%"):
            raise EngineFailed("the data directory's name has one of ? & # %", where=str(data_dir))
        self.spool_dir = data_dir / "spool"
        shutil.rmtree(self.spool_dir, ignore_errors=True)  # what a killed process left
        self.spool_dir.mkdir(parents=True)
        arguments = {"config-file": str(write_config(data_dir, options)), **options.all_settings()}
        joined = "&".join(f"{name}={quote(value, safe='/')}" for name, value in arguments.items())
        self._open: Any = chdb.connect  # chDB says that it is typed, and is not
        self._address = f"{data_dir / 'store'}?{joined}"
        self._sessions = Sessions(self._connect)
        self._running: dict[str, Running] = {}
        self._lock, self._control_lock = threading.Lock(), threading.Lock()
        self._released = threading.Condition(self._lock)
        self._numbers = itertools.count(1)
        try:
            self._control = self._connect("control")
            row = self._control.query("SELECT version(), timezone(), displayName()", "TabSeparated").bytes().decode()
        except Exception as error:
            raise EngineFailed(f"the engine did not start: {error}", where=str(data_dir)) from error
        self.version, self.timezone, self.display_name = row.rstrip("\n").split("\t")

    def _connect(self, tag: str) -> Any:
        return self._open(f"{self._address}&log_comment={tag}")

    def start(self, request: Request, statement: Statement) -> Running:
        """A connection ready for ``statement``, with the request's session, settings and database.

        Raises ServerException. The caller must call ``finish``.
        """
        running = Running(request.query_id or str(uuid.uuid4()), f"xuejing-{next(self._numbers)}")
        with self._lock:
            self._released.wait_for(lambda: not self._sessions.busy(request.session_id), SESSION_GRACE)
            if running.query_id in self._running:
                raise server_exception(
                    216,
                    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                    f"Query with id = {running.query_id} is already running.",
                )
            if len(self._running) >= MAX_RUNNING:
                raise server_exception(
                    202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries. Maximum: {MAX_RUNNING}"
                )
            if request.session_id:
                running.session = self._sessions.claim(request, running.tag)
                running.tag = running.session.tag
            self._running[running.query_id] = running
        try:
            self._prepare(running, request, statement)
        except Exception as error:
            self.finish(running, request)
            raise from_engine(error) from None
        return running

    def _prepare(self, running: Running, request: Request, statement: Statement) -> None:
        session = running.session
        running.connection = session.connection if session is not None else self._connect(running.tag)
        if request.settings and statement.kind != b"SET":
            self._set(running, request.settings)
        wanted = request.database or (session.own_database if session is not None else "")
        if wanted and (session is None or session.database != wanted):
            running.connection.query("USE {database:Identifier}", "Null", params={"database": wanted})
            if session is not None:
                session.database = wanted
        if session is not None and statement.makes_state:
            session.has_state = True

    def _set(self, running: Running, settings: dict[str, str]) -> None:
        """Apply settings for one request; a session gets its own back afterwards."""
        restoring = self._restoring(running.session, list(settings)) if running.session is not None else []
        assignments = ", ".join(f"{name} = {sql_string(value)}" for name, value in settings.items())
        try:
            running.connection.query(f"SET {assignments}", "Null")
        except Exception:
            for statement in restoring:
                with suppress(Exception):  # one of the names is what failed; the caller is told of that
                    running.connection.query(statement, "Null")
            raise
        running.cleanup += restoring

    def _restoring(self, session: Session, names: list[str]) -> list[str]:
        """Statements that give ``names`` the session's own values back."""
        kept: dict[str, str] = {}
        if session.has_state:
            listed = ", ".join(sql_string(name) for name in names)
            rows = session.connection.query(
                f"SELECT name, value FROM system.settings WHERE changed AND name IN ({listed})", "JSONCompactEachRow"
            )
            kept = dict(msgspec.json.decode(line, type=tuple[str, str]) for line in rows.bytes().splitlines())
        return [f"SET {name} = {sql_string(kept[name]) if name in kept else 'DEFAULT'}" for name in names]

    def finish(self, running: Running, request: Request, kind: bytes = b"", *, failed: bool = True) -> None:
        """Give back what ``start`` gave. A session that can't be cleaned is ended, rather than leak into the next
        request."""
        session, clean = running.session, True
        try:
            if session is None:
                if running.connection is not None:
                    running.connection.close()
            else:
                self._clean(session, running.cleanup, moved=kind == b"USE" and not failed)
        except Exception:
            clean = False
        finally:
            with self._lock:
                self._running.pop(running.query_id, None)
                if session is not None:
                    self._sessions.release(session, request.session_id, end=request.close_session or not clean)
                    self._released.notify_all()

    def _clean(self, session: Session, statements: Sequence[str], *, moved: bool) -> None:
        if moved:
            row = session.connection.query("SELECT currentDatabase()", "TabSeparatedRaw").bytes()
            session.own_database = session.database = row.decode().rstrip("\n")
        for statement in statements:
            session.connection.query(statement, "Null")

    def describe(self, running: Running, request: Request, query: bytes) -> list[tuple[str, str]]:
        """Columns of a SELECT without its FORMAT clause, (name, type), asked on a connection of its own."""
        session = running.session
        database = request.database or (session.own_database if session is not None else "")
        probe = Request(database=database, settings=request.settings)
        own = self.start(probe, Statement(b"DESCRIBE", query))
        try:
            return describe(own, request, query)
        finally:
            self.finish(own, probe)

    def kill(self, running: Running) -> None:
        """Ask the engine to stop a statement; returns at once."""
        with self._control_lock:
            self._control.query(f"KILL QUERY WHERE Settings['log_comment'] = '{running.tag}' ASYNC FORMAT Null", "Null")

    def kill_all(self) -> None:
        """Ask the engine to stop all statements."""
        for running in list(self._running.values()):
            self.kill(running)

    @property
    def idle(self) -> bool:
        """Whether no statement runs."""
        return not self._running

    def engine_id(self, query_id: str) -> str | None:
        """The engine's own id of a statement that a client knows as ``query_id``."""
        running = self._running.get(query_id)
        if running is None:
            return None
        with self._control_lock:
            row = self._control.query(
                f"SELECT query_id FROM system.processes WHERE Settings['log_comment'] = '{running.tag}'",
                "TabSeparatedRaw",
            ).bytes()
        return row.decode().strip() or None

    def close(self) -> None:
        """Close every connection, and with the last one the engine. Nothing may run any more."""
        self._sessions.close()
        self._control.close()


def describe(running: Running, request: Request, query: bytes) -> list[tuple[str, str]]:
    """Columns of a SELECT without its FORMAT clause, (name, type), asked on its own connection."""
    try:
        rows = running.connection.query(b"DESCRIBE (" + query + b"\n)", "JSONCompactEachRow", params=request.params)
    except Exception as error:
        raise from_engine(error) from None
    found = (msgspec.json.decode(line) for line in rows.bytes().splitlines())
    return [(str(column[0]), str(column[1])) for column in found]
