"""The little of HTTP that is needed, on bare ASGI: a framework costs more than the rest of a small request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from .body import MAX_BODY, plain
from .keys import Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Request:
    """Method, path, headers (lower case) and body of a request."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    raw_query: bytes
    body: bytes = b""
    _query: dict[str, str] | None = None

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """Parameters; of several of one name, the first."""
        if self._query is None:
            found = parse_qs(self.raw_query.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
            self._query = {name: values[0] for name, values in found.items()}
        return self._query

    def bearer(self) -> str:
        """The token of ``Authorization: Bearer``."""
        scheme, _, token = self.header(b"authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def basic(self) -> tuple[str, str] | None:
        """User and password of ``Authorization: Basic``."""
        scheme, _, text = self.header(b"authorization").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(401, "bad_secret", "Authorization: Basic can't be read") from None
        return user, password


@dataclass(slots=True)
class Answer:
    """Status, body (JSON unless ``kind`` says otherwise) and further headers."""

    status: int
    body: bytes = b""
    kind: bytes = b"application/json"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def send(self, send: Send) -> None:
        headers = [(b"content-length", b"%d" % len(self.body)), *self.headers]
        if self.body:
            headers.append((b"content-type", self.kind))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def request_of(scope: Scope) -> Request:
    """A request whose body has not been read."""
    return Request(scope["method"], scope["path"], dict(scope["headers"]), scope["query_string"])


async def read_body(request: Request, receive: Receive) -> None:
    """Read and decompress the body. Raises Refused when it is too large; ConnectionError when the client left."""
    if request.headers.get(b"content-length", b"0").isdigit():
        _bound(int(request.headers.get(b"content-length", b"0")))
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        if part := message.get("body", b""):
            parts.append(part)
            size += len(part)
            _bound(size)
        if not message.get("more_body"):
            break
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    coding = request.headers.get(b"content-encoding")
    request.body = plain(body, coding.decode("latin-1")) if coding else body


def _bound(size: int) -> None:
    if size > MAX_BODY:
        raise Refused(413, "too_large", f"a body of more than {MAX_BODY} bytes")
