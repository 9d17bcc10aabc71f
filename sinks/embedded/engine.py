"""The in-process engine: connections with their own settings, sessions, and the means to kill a statement.

All connections of a process share one ClickHouse instance over one directory; each has its own settings,
current database, query parameters and temporary tables, costs about 0.1 ms and runs beside the others. So a
request gets a connection of its own, and an HTTP session keeps one.
"""

from __future__ import annotations

import itertools
import shutil
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from sinks.embedded.config import EngineOptions, write_config
from sinks.embedded.errors import EngineFailed, from_engine, server_exception
from sinks.embedded.request import Request

MAX_SESSIONS = 256
MAX_RUNNING = 100


def sql_string(value: str) -> str:
    """``value`` as a SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@dataclass
class Session:
    """State that outlives a request: the connection, and what it must go back to between requests."""

    connection: Any
    timeout: float
    expires: float
    own_database: str = "default"
    database: str = "default"
    has_own_settings: bool = False
    busy: bool = True


@dataclass
class Running:
    """A statement under way. ``tag`` finds it in ``system.processes`` (its log_comment)."""

    query_id: str
    tag: str
    connection: Any
    session: Session | None = None
    cleanup: list[str] = field(default_factory=list)


class Engine:
    """One ClickHouse over ``data_dir``. All methods may be called from any thread."""

    def __init__(self, data_dir: Path, options: EngineOptions) -> None:
        import chdb  # loads 550 MB of shared library: only the engine's own process does it

        if set(str(data_dir)) & set("?&#%"):
            raise EngineFailed("the data directory's name has one of ? & # %", where=str(data_dir))
        self._connect = chdb.connect
        self.spool_dir = data_dir / "spool"
        shutil.rmtree(self.spool_dir, ignore_errors=True)  # what a killed process left
        self.spool_dir.mkdir(parents=True)
        arguments = {"config-file": str(write_config(data_dir, options)), **options.all_settings()}
        joined = "&".join(f"{name}={quote(value, safe='/')}" for name, value in arguments.items())
        self._address = f"{data_dir / 'store'}?{joined}"
        self._sessions: dict[str, Session] = {}
        self._running: dict[str, Running] = {}
        self._lock, self._control_lock = threading.Lock(), threading.Lock()
        self._numbers = itertools.count(1)
        try:
            self._control = self._connect(self._address)
            row = self._control.query("SELECT version(), timezone(), displayName()", "TabSeparated").bytes().decode()
        except Exception as error:
            raise EngineFailed(f"the engine did not start: {error}", where=str(data_dir)) from error
        self.version, self.timezone, self.display_name = row.rstrip("\n").split("\t")

    def start(self, request: Request, kind: bytes) -> Running:
        """A connection ready for a statement of ``kind`` with the request's session, settings and database.

        Raises ServerException. The caller must call ``finish``.
        """
        query_id = request.query_id or str(uuid.uuid4())
        tag = f"xuejing-{next(self._numbers)}"
        running = Running(query_id, tag, None)
        with self._lock:
            if query_id in self._running:
                raise server_exception(
                    216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", f"Query with id = {query_id} is already running."
                )
            if len(self._running) >= MAX_RUNNING:
                raise server_exception(
                    202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries. Maximum: {MAX_RUNNING}"
                )
            if request.session_id:
                running.session = self._claim(request)
            self._running[query_id] = running
        try:
            self._prepare(running, request, kind)
        except Exception as error:
            self.finish(running, request)
            raise from_engine(error) from None
        return running

    def _claim(self, request: Request) -> Session:
        now = time.monotonic()
        for name in [name for name, old in self._sessions.items() if not old.busy and old.expires < now]:
            self._sessions.pop(name).connection.close()
        session = self._sessions.get(request.session_id)
        if session is not None and session.busy:
            raise server_exception(
                373, "SESSION_IS_LOCKED", f"Session {request.session_id} is locked by a concurrent client"
            )
        if session is None:
            if request.session_check:
                raise server_exception(372, "SESSION_NOT_FOUND", f"Session {request.session_id} not found")
            if len(self._sessions) >= MAX_SESSIONS:
                idle = [name for name, old in self._sessions.items() if not old.busy]
                if not idle:
                    raise server_exception(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many sessions")
                self._sessions.pop(min(idle, key=lambda name: self._sessions[name].expires)).connection.close()
            session = Session(self._connect(self._address), 0, 0)
            self._sessions[request.session_id] = session
        session.busy, session.timeout = True, request.session_timeout
        return session

    def _prepare(self, running: Running, request: Request, kind: bytes) -> None:
        session = running.session
        if session is None:
            running.connection = self._connect(f"{self._address}&log_comment={running.tag}")
            assignments = []
        else:
            running.connection = session.connection
            assignments = [f"log_comment = '{running.tag}'"]
        if kind != b"SET":
            if session is not None and request.settings:
                running.cleanup += self._restoring(session, list(request.settings))
            assignments += [f"{name} = {sql_string(value)}" for name, value in request.settings.items()]
        if assignments:
            running.connection.query("SET " + ", ".join(assignments), "Null")
        wanted = request.database or (session.own_database if session else "")
        if wanted and (session is None or session.database != wanted):
            running.connection.query("USE {database:Identifier}", "Null", params={"database": wanted})
            if session is not None:
                session.database = wanted

    def _restoring(self, session: Session, names: list[str]) -> list[str]:
        """Statements that give ``names`` the session's own values back."""
        kept: dict[str, str] = {}
        if session.has_own_settings:
            listed = ", ".join(sql_string(name) for name in names)
            rows = session.connection.query(
                f"SELECT name, value FROM system.settings WHERE changed AND name IN ({listed})", "JSONCompactEachRow"
            )
            kept = dict(msgspec.json.decode(line, type=tuple[str, str]) for line in rows.bytes().splitlines())
        return [f"SET {name} = {sql_string(kept[name]) if name in kept else 'DEFAULT'}" for name in names]

    def finish(self, running: Running, request: Request, kind: bytes = b"", failed: bool = False) -> None:
        """Give back what ``start`` gave. Errors of the cleaning end the session rather than leak into the next
        request."""
        session = running.session
        try:
            if session is None:
                if running.connection is not None:
                    running.connection.close()
                return
            if kind == b"USE" and not failed:
                row = session.connection.query("SELECT currentDatabase()", "TabSeparatedRaw").bytes()
                session.own_database = session.database = row.decode().rstrip("\n")
            if kind == b"SET":
                session.has_own_settings = True
            for statement in running.cleanup:
                session.connection.query(statement, "Null")
        except Exception:
            request.close_session = True
        finally:
            with self._lock:
                self._running.pop(running.query_id, None)
                if session is not None:
                    session.busy, session.expires = False, time.monotonic() + session.timeout
                    if request.close_session and self._sessions.pop(request.session_id, None) is not None:
                        session.connection.close()

    def describe(self, request: Request, query: bytes) -> list[tuple[str, str]]:
        """Columns of a SELECT without its FORMAT clause: (name, type)."""
        probe = Request(database=request.database, settings=request.settings)
        running = self.start(probe, b"SELECT")
        try:
            rows = running.connection.query(b"DESCRIBE (" + query + b"\n)", "JSONCompactEachRow", params=request.params)
            return [
                (str(column[0]), str(column[1]))
                for column in (msgspec.json.decode(line) for line in rows.bytes().splitlines())
            ]
        except Exception as error:
            raise from_engine(error) from None
        finally:
            self.finish(running, probe)

    def kill(self, running: Running) -> None:
        """Ask the engine to stop a statement; returns at once."""
        with self._control_lock:
            self._control.query(f"KILL QUERY WHERE Settings['log_comment'] = '{running.tag}' ASYNC FORMAT Null", "Null")

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

    def kill_all(self) -> None:
        """Ask the engine to stop all statements."""
        for running in list(self._running.values()):
            self.kill(running)

    def close(self) -> None:
        """Close every connection, and with the last one the engine. Nothing may run any more."""
        for session in self._sessions.values():
            session.connection.close()
        self._sessions.clear()
        self._control.close()
