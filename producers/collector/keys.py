"""App keys and member tokens: which application may send from where about what, and for whom.

A TOML file holds one ``[[app]]`` table a key. The key itself is kept as its SHA-256. ``secret`` signs the tokens of
members (HS256), so it is kept as it is and the file must be readable by its owner only.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import os
import secrets
import stat
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import jwt

from schemas.errors import ConfigError, XuejingError

LEEWAY_SECONDS = 30
CACHED = 20_000


class Refused(XuejingError):
    """A request is refused; ``status`` is HTTP's, ``reason`` a word for programs."""

    def __init__(self, status: int, reason: str, what: str, *, retry_after: float = 0.0) -> None:
        super().__init__(what)
        self.status, self.reason, self.retry_after = status, reason, retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An application that may send. Rates are events a second."""

    id: str
    key_sha256: str
    secret: str
    origins: tuple[str, ...] = ()
    """origins of pages that may send; ``http://localhost:*`` for any port; none: no page of a browser may"""
    courses: tuple[str, ...] = ("*",)
    """courses it may send about; patterns as ``party-*``"""
    rate: float = 2000.0
    burst: float = 10_000.0
    member_rate: float = 50.0
    member_burst: float = 2000.0
    max_token_seconds: int = 3600
    server: bool = False
    """may send for any member with the key and the secret as HTTP Basic: only for programs on a server"""

    def allows_origin(self, origin: str) -> bool:
        """Whether a page of this origin may send."""
        return any(
            origin == allowed
            or (allowed.endswith(":*") and origin.startswith(allowed[:-1]) and origin[len(allowed) - 1 :].isdigit())
            for allowed in self.origins
        )

    def allows_course(self, course: str) -> bool:
        """Whether it may send about a course."""
        return "*" in self.courses or any(fnmatch.fnmatchcase(course, p) for p in self.courses)


class Apps:
    """The applications by key, and the tokens of their members."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self.by_id = dict(apps)
        self._by_hash = {a.key_sha256: a for a in apps.values()}
        self._known: dict[str, App] = {}
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}

    def app(self, key: str) -> App:
        """The application of a key. Raises Refused."""
        found = self._known.get(key)
        if found is None:
            found = self._by_hash.get(hashlib.sha256(key.encode()).hexdigest()) if key else None
            if found is None:
                raise Refused(401, "unknown_key", "the app key is missing or unknown")
            self._known[key] = found
        return found

    def any_origin(self, origin: str) -> bool:
        """Whether some application allows the origin: what a preflight can be asked, which carries no key."""
        return any(a.allows_origin(origin) for a in self.by_id.values())

    def member(self, app: App, token: str, now: float | None = None) -> str:
        """The member whose token it is. Raises Refused. Seconds since the epoch, UTC."""
        now = time.time() if now is None else now
        known = self._tokens.get((app.id, token))
        if known is not None and now < known[1]:
            return known[0]
        try:
            claims = jwt.decode(
                token,
                app.secret,
                algorithms=["HS256"],
                leeway=LEEWAY_SECONDS,
                options={"require": ["sub", "exp", "iat"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise Refused(401, "token_expired", "the member's token has expired") from None
        except jwt.PyJWTError as error:
            raise Refused(401, "bad_token", f"the member's token is not valid: {error}") from None
        member = claims["sub"]
        if claims["exp"] - claims["iat"] > app.max_token_seconds:
            raise Refused(401, "bad_token", f"the token lives for more than {app.max_token_seconds} s")
        if not 1 <= len(member) <= 64:
            raise Refused(401, "bad_token", "sub must be a member id of 1 to 64 characters")
        if len(self._tokens) >= CACHED:
            self._tokens.clear()
        self._tokens[app.id, token] = member, float(claims["exp"])
        return str(member)

    def server(self, app: App, secret: str) -> None:
        """Raises Refused unless a program on a server shows the key's secret."""
        if not app.server or not hmac.compare_digest(secret.encode(), app.secret.encode()):
            raise Refused(401, "bad_secret", "the secret is wrong, or this key is not for servers")


def make_token(app: App, member: str, seconds: int = 900, now: float | None = None) -> str:
    """A token as a host application makes it."""
    issued = int(time.time() if now is None else now)
    return jwt.encode({"sub": member, "iat": issued, "exp": issued + seconds}, app.secret, algorithm="HS256")


def new_app(id: str, **more: Any) -> tuple[App, str]:
    """An application with a new key and secret, and the key."""
    key = f"xj_{secrets.token_urlsafe(24)}"
    return App(
        id=id, key_sha256=hashlib.sha256(key.encode()).hexdigest(), secret=secrets.token_urlsafe(48), **more
    ), key


def as_toml(app: App, note: str = "") -> str:
    """The table of an application, for the file."""
    lines = ["[[app]]"] + ([f"# {note}"] if note else [])
    for f in fields(App):
        value = getattr(app, f.name)
        if isinstance(value, tuple):
            value = f"[{', '.join(_quoted(v) for v in value)}]"
        elif isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, str):
            value = _quoted(value)
        lines.append(f"{f.name} = {value}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def add_app(path: Path, app: App, note: str = "") -> None:
    """Put an application at the end of the file, which is made, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
        file.write("\n" + as_toml(app, note))
        file.flush()
        os.fsync(file.fileno())


def load_apps(path: Path) -> Apps:
    """The applications of a file. Raises ConfigError."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "there is no file of app keys", where=str(path), hint="xuejing app-key NAME makes one"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path)) from error
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError("the file of app keys can be read by others", where=str(path), hint="chmod 600 it")
    found: dict[str, App] = {}
    for number, table in enumerate(content.get("app", []), 1):
        app = _app(table, f"{path} [[app]] {number}")
        if app.id in found:
            raise ConfigError(f"the app {app.id} is there twice", where=str(path))
        found[app.id] = app
    if not found:
        raise ConfigError("there is no app key in the file", where=str(path), hint="xuejing app-key NAME makes one")
    return Apps(found)


def _app(table: Mapping[str, Any], where: str) -> App:
    known = {f.name: f for f in fields(App)}
    if unknown := sorted(table.keys() - known.keys()):
        raise ConfigError(f"unknown setting {unknown[0]!r}", where=where, hint=", ".join(known))
    if missing := [name for name in ("id", "key_sha256", "secret") if not isinstance(table.get(name), str)]:
        raise ConfigError(f"{missing[0]} is missing", where=where)
    values = {}
    for name, value in table.items():
        default = known[name].default
        if isinstance(default, tuple):
            good = isinstance(value, list) and all(isinstance(v, str) for v in value)
            value = tuple(value) if good else value
        elif isinstance(default, bool):
            good = isinstance(value, bool)
        elif isinstance(default, int | float):
            good = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        else:
            good = isinstance(value, str) and bool(value)
        if not good:
            raise ConfigError(f"{name} can't be {value!r}", where=where)
        values[name] = value
    if len(values["secret"]) < 32:
        raise ConfigError("secret must have at least 32 characters", where=where)
    return App(**values)
