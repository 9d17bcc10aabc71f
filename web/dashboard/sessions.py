"""Sessions: a signed cookie with a random number, behind which the server keeps the token."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from web.dashboard.viewers import Viewer, Viewers
from web.limits import Buckets

COOKIE = "xuejing_session"
LONGEST = 12 * 3600
"""Seconds after which somebody has to come in again."""
MOST = 10_000
"""Sessions that are kept; the oldest goes first."""
MOST_FAILURES = 20
"""Wrong tokens a minute from one address after which none from there is looked at."""
PURPOSE_SECONDS = 3600
"""How long a purpose holds that was stated."""


@dataclass
class _Session:
    token: str
    since: float
    purpose: str = ""
    stated: float = 0.0


@dataclass
class Sessions:
    """Who is in. Everything is forgotten when the process ends; the signing key with it."""

    viewers: Viewers
    clock: Callable[[], float] = time.monotonic
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _open: dict[str, _Session] = field(default_factory=dict, repr=False)
    _links: dict[str, str] = field(default_factory=dict, repr=False)
    _failures: Buckets = field(default_factory=lambda: Buckets(MOST_FAILURES, MOST_FAILURES))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def link(self, token: str) -> str:
        """A key that lets in once, in the place of ``token``: addresses are remembered by browsers and terminals."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._links[key] = token
        return key

    def enter(self, token: str = "", key: str = "", address: str = "") -> str | None:
        """A new session's cookie for a token or the key of a link; None when it lets nobody in, or when the address
        came with too many wrong ones. Raises StoreError when the store can't say."""
        now = self.clock()
        if self._failures.wait(address, now):
            return None
        if key:
            with self._lock:
                token = self._links.pop(key, "")
        if not token or self.viewers.viewer_of(token) is None:
            self._failures.take(address, now)
            return None
        number = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
            self._open[number] = _Session(token, now)
        return f"{number}.{self._sign(number)}"

    def viewer(self, cookie: str | None) -> Viewer | None:
        """Who the cookie belongs to, asked anew each time; a token that lets nobody in any more ends the session.
        Raises StoreError when the store can't say."""
        number = self._number(cookie)
        with self._lock:
            session = self._open.get(number)
        if session is None:
            return None
        now = self.clock()
        found = self.viewers.viewer_of(session.token) if now - session.since <= LONGEST else None
        if found is None:
            with self._lock:
                self._open.pop(number, None)
            return None
        if session.purpose and now - session.stated > PURPOSE_SECONDS:
            session.purpose = ""
        return replace(found, purpose=session.purpose) if session.purpose else found

    def state(self, cookie: str | None, purpose: str) -> None:
        """What the viewer says that they look for; '' takes it back."""
        with self._lock:
            if (session := self._open.get(self._number(cookie))) is not None:
                session.purpose, session.stated = purpose, self.clock()

    def leave(self, cookie: str | None) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(self._number(cookie), None)

    def _number(self, cookie: str | None) -> str:
        number, _, signature = (cookie or "").partition(".")
        return number if hmac.compare_digest(signature.encode(), self._sign(number).encode()) else ""

    def _sign(self, number: str) -> str:
        return hmac.new(self._secret, number.encode(), sha256).hexdigest()
