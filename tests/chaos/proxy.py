"""Between a worker and its store: an HTTP proxy that refuses, hangs, loses answers, delays, or says no to some rows."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

_INSERT = re.compile(r"INSERT\s+INTO\s+(?:TABLE\s+)?[`\"]?(?:\w+[`\"]?\.[`\"]?)?(\w+)", re.IGNORECASE)
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "host"})

PASS, REFUSE, HANG, LOSE_ANSWERS = "pass", "refuse", "hang", "lose answers"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections break here: that is what they are for."""


class StoreProxy:
    """Forwards to ``target`` (http://host:port) from a port of its own.

    ``mode``: PASS; REFUSE closes every connection; HANG answers nothing until ``heal`` and then closes; LOSE_ANSWERS
    forwards, and closes instead of answering: the caller cannot know whether it was done. ``delay`` seconds before
    each request. ``fail(table, body)``, asked for each insert, gives a ClickHouse code to refuse it with, or 0.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.mode, self.delay = PASS, 0.0
        self.fail: Callable[[str, bytes], int] = lambda table, body: 0
        self.requests = self.failed = 0
        self._healed = threading.Event()
        self._healed.set()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy.handle(self)

            def do_GET(self) -> None:
                proxy.handle(self)

            def log_message(self, *arguments: Any) -> None:
                """Not to the terminal."""

        self._server = _Server(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hurt(self, mode: str) -> None:
        """Begin a fault."""
        self._healed.clear()
        self.mode = mode

    def heal(self) -> None:
        """End it."""
        self.mode = PASS
        self._healed.set()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        self.requests += 1
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if "chunked" in (request.headers.get("Transfer-Encoding") or ""):
            body = _chunks(request)
        if self.delay:
            time.sleep(self.delay)
        mode = self.mode
        if mode == HANG:
            self._healed.wait(120)
        if mode in (HANG, REFUSE):
            self._drop(request)
            return
        if code := self._code(request.path, body):
            self.failed += 1
            _answer(request, 500, {"X-ClickHouse-Exception-Code": str(code)}, b"Code: %d. DB::Exception: no" % code)
            return
        try:
            status, headers, content = self._forward(request, body)
        except OSError:
            self._drop(request)
            return
        except http.client.HTTPException:
            self._drop(request)
            return
        if self.mode == LOSE_ANSWERS:
            self._drop(request)
            return
        _answer(request, status, headers, content)

    def _code(self, path: str, body: bytes) -> int:
        query = parse_qs(urlsplit(path).query).get("query", [""])[0] or body[:300].decode("latin-1")
        found = _INSERT.search(query[:300])
        return self.fail(found.group(1), body) if found else 0

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.target, timeout=120)
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
            connection.request(request.command, request.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}, content
        finally:
            connection.close()

    def _drop(self, request: BaseHTTPRequestHandler) -> None:
        self.failed += 1
        request.close_connection = True
        request.connection.close()

    def __enter__(self) -> StoreProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()


def _answer(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes) -> None:
    try:
        request.send_response_only(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
    except OSError:
        request.close_connection = True


def _chunks(request: BaseHTTPRequestHandler) -> bytes:
    parts = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        parts.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(parts)
