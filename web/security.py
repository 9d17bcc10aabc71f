"""What every HTTP service of ours is protected by, as plain ASGI middleware: request ids, security headers, a limit of
the body, errors without insides, and a limit of how often an address may ask."""

from __future__ import annotations

import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from schemas.reference.columns import Language

from .limits import Buckets
from .problems import MEDIA_TYPE, Problem, language_of

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)

API_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer that does not say otherwise. A service with pages gives a policy of its own."""
HSTS = "max-age=31536000"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def header(scope: Mapping[str, Any], name: str) -> str:
    """A header of the request, '' when it is missing."""
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), "")


def address(scope: Mapping[str, Any]) -> str:
    """The client's address as the server knows it: behind a trusted proxy the one that it names."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def send_problem(
    send: Send, problem: Problem, scope: Mapping[str, Any], language: Language, *, body: bool = True
) -> None:
    """Answer with a problem."""
    spoken = language_of(header(scope, "accept-language"), language)
    content = problem.document(spoken, scope.get("state", {}).get("request_id", ""))
    headers = {"Content-Type": MEDIA_TYPE, "Content-Language": spoken, "Content-Length": str(len(content))}
    listed = [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers | problem.headers).items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": listed})
    await send({"type": "http.response.body", "body": content if body else b""})


def too_many(seconds: float) -> Problem:
    """A problem that says when to come again."""
    return Problem("too-many", headers={"Retry-After": str(max(1, math.ceil(seconds)))})


class Guard:
    """The outermost layer: gives each request an id, bounds its body (``most_bytes``), adds headers, and turns whatever
    escapes from the app into a problem. What went wrong is logged under the id; the client gets the id alone."""

    def __init__(
        self,
        app: App,
        *,
        most_bytes: int,
        language: Language = "zh",
        headers: Mapping[str, str] = API_HEADERS,
    ) -> None:
        self.app, self.most_bytes, self.language = app, most_bytes, language
        self.headers = {k.lower().encode(): v.encode("latin-1") for k, v in headers.items()}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = header(scope, "x-request-id")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        declared = header(scope, "content-length")
        started, over = False, declared.isdigit() and int(declared) > self.most_bytes
        seen, replaced = 0, False

        async def receiving() -> Message:
            nonlocal seen, over
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most_bytes:
                over = True
                raise self._too_large()
            return message

        async def sending(message: Message) -> None:
            nonlocal started, replaced
            if replaced:
                return
            if message["type"] == "http.response.start":
                if over and not started and message["status"] != 413:
                    # A framework may have taken what ``receiving`` raised for a broken body.
                    await send_problem(sending, self._too_large(), scope, self.language)
                    replaced = True
                    return
                started = True
                message["headers"] = self._headers(message.get("headers", ()), scope, request_id)
            await send(message)

        try:
            if over:
                raise self._too_large()
            await self.app(scope, receiving, sending)
        except Problem as problem:
            if started:
                raise
            await send_problem(sending, problem, scope, self.language)
        except Exception:
            log.exception("request %s failed", request_id)
            if started:
                raise  # the server closes the connection: a body that is cut must not look whole
            await send_problem(sending, Problem("internal"), scope, self.language)

    def _headers(self, given: Any, scope: Mapping[str, Any], request_id: str) -> list[tuple[bytes, bytes]]:
        found = [(k.lower(), v) for k, v in given]
        names = {k for k, _ in found}
        found += [(k, v) for k, v in self.headers.items() if k not in names]
        found.append((b"x-request-id", request_id.encode()))
        if scope.get("scheme") == "https":
            found.append((b"strict-transport-security", HSTS.encode()))
        return found

    def _too_large(self) -> Problem:
        # What is not read can't be skipped: the connection ends with the answer.
        return Problem("too-large", fields={"most_bytes": self.most_bytes}, headers={"Connection": "close"})


class AddressLimit:
    """Refuses addresses that ask more often than ``buckets`` allow, before anything is looked at."""

    def __init__(
        self, app: App, *, buckets: Buckets, language: Language = "zh", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app, self.buckets, self.language, self.clock = app, buckets, language, clock

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] in ("http", "websocket"):
            wait = self.buckets.take(address(scope), self.clock())
            if wait and scope["type"] == "http":
                await send_problem(send, too_many(wait), scope, self.language)
                return
            if wait:
                await send({"type": "websocket.close", "code": 1013})
                return
        await self.app(scope, receive, send)
