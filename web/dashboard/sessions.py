"""Sessions: a signed cookie with a random number, behind which the server keeps the token."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from web.dashboard.viewers import Viewer, Viewers

COOKIE = "xuejing_session"
LONGEST = 12 * 3600
"""Seconds after which somebody has to come in again."""
MOST = 10_000
"""Sessions that are kept; the oldest goes first."""
MOST_FAILURES = 20
"""Wrong tokens a minute after which none is looked at."""


@dataclass
class Sessions:
    """Who is in. Everything is forgotten when the process ends; the signing key with it."""

    viewers: Viewers
    clock: Callable[[], float] = time.monotonic
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _open: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)
    _links: dict[str, str] = field(default_factory=dict, repr=False)
    _failures: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def link(self, token: str) -> str:
        """A key that lets in once, in the place of ``token``: addresses are remembered by browsers and terminals."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._links[key] = token
        return key

    def enter(self, token: str = "", key: str = "") -> str | None:
        """A new session's cookie for a token or the key of a link; None when it lets nobody in."""
        now = self.clock()
        with self._lock:
            self._failures = [at for at in self._failures if at > now - 60]
            if len(self._failures) >= MOST_FAILURES:
                return None
            token = self._links.pop(key, "") if key else token
        if not token or self.viewers.viewer_of(token) is None:
            with self._lock:
                self._failures.append(now)
            return None
        number = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
            self._open[number] = token, now
        return f"{number}.{self._sign(number)}"

    def viewer(self, cookie: str | None) -> Viewer | None:
        """Who the cookie belongs to, asked anew each time."""
        number = self._number(cookie)
        with self._lock:
            token, since = self._open.get(number, ("", 0.0))
            if token and self.clock() - since > LONGEST:
                del self._open[number]
                token = ""
        return self.viewers.viewer_of(token) if token else None

    def leave(self, cookie: str | None) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(self._number(cookie), None)

    def _number(self, cookie: str | None) -> str:
        number, _, signature = (cookie or "").partition(".")
        return number if hmac.compare_digest(signature.encode(), self._sign(number).encode()) else ""

    def _sign(self, number: str) -> str:
        return hmac.new(self._secret, number.encode(), sha256).hexdigest()
