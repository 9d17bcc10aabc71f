"""A small HTTP server in a thread: metrics, readiness and liveness of a process that stays."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from schemas.errors import XuejingError

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


def serve_routes(routes: Mapping[str, Callable[[], Answer]], host: str, port: int) -> ThreadingHTTPServer:
    """Answer GET on these paths. Raises XuejingError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one request."""
            status, kind, body = routes.get(self.path, lambda: (404, "text/plain", b"not found"))()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Scrapes are not worth a line each."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise XuejingError(
            f"metrics can't be served: {error.strerror}", where=f"{host}:{port}", hint="set another metrics_port"
        ) from error
    threading.Thread(target=server.serve_forever, name="telemetry", daemon=True).start()
    return server


def told(state: dict[str, Any], good: str) -> Answer:
    """A state as JSON; 503 when ``good`` is not true in it."""
    return (200 if state[good] else 503), "application/json", json.dumps(state).encode()
