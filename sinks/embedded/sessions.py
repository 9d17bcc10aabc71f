"""HTTP sessions: a connection that outlives a request, and what it must go back to between requests.

Not safe for threads by itself: the engine calls it under its lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sinks.embedded.errors import server_exception
from sinks.embedded.request import Request

MAX_SESSIONS = 256


@dataclass
class Session:
    """State of one session. ``database`` is where its connection is, ``own_database`` where USE left it;
    ``has_state`` when SET or temporary tables made it differ from a new connection."""

    connection: Any
    tag: str
    timeout: float = 0.0
    expires: float = 0.0
    own_database: str = "default"
    database: str = "default"
    has_state: bool = False
    busy: bool = True


class Sessions:
    """Sessions by the name that clients give them."""

    def __init__(self, connect: Callable[[str], Any]) -> None:
        """``connect`` makes a connection whose statements carry a tag."""
        self._connect = connect
        self._by_name: dict[str, Session] = {}

    def busy(self, name: str) -> bool:
        """Whether a request has the session ``name``."""
        session = self._by_name.get(name)
        return session is not None and session.busy

    def claim(self, request: Request, tag: str) -> Session:
        """The request's session, for it alone until ``release``.

        Raises ServerException 373 when another request has it, 372 when it should be there and is not, 202 when
        there are too many.
        """
        now = time.monotonic()
        for name in [name for name, old in self._by_name.items() if not old.busy and old.expires < now]:
            self._by_name.pop(name).connection.close()
        name = request.session_id
        session = self._by_name.get(name)
        if session is not None and session.busy:
            raise server_exception(373, "SESSION_IS_LOCKED", f"Session {name} is locked by a concurrent client")
        if session is None:
            if request.session_check:
                raise server_exception(372, "SESSION_NOT_FOUND", f"Session {name} not found")
            self._make_room()
            session = self._by_name[name] = Session(self._connect(tag), tag)
        session.busy, session.timeout = True, request.session_timeout
        return session

    def _make_room(self) -> None:
        if len(self._by_name) < MAX_SESSIONS:
            return
        idle = [name for name, old in self._by_name.items() if not old.busy]
        if not idle:
            raise server_exception(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many sessions. Maximum: {MAX_SESSIONS}")
        self._by_name.pop(min(idle, key=lambda name: self._by_name[name].expires)).connection.close()

    def release(self, session: Session, name: str, *, end: bool) -> None:
        """Give a session back; with ``end``, forget it."""
        session.busy, session.expires = False, time.monotonic() + session.timeout
        if end and self._by_name.pop(name, None) is not None:
            session.connection.close()

    def close(self) -> None:
        """Forget all of them."""
        for session in self._by_name.values():
            session.connection.close()
        self._by_name.clear()
