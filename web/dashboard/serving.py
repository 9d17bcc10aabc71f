"""Runs the dashboard: uvicorn on a socket that is bound first, so that the address is known and the port is ours."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

import uvicorn
from fastapi import FastAPI

from schemas.errors import XuejingError


class PortTaken(XuejingError):
    """Another program listens there."""


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises PortTaken."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PortTaken(
            f"the dashboard can't listen: {error.strerror}", where=f"{host}:{port}", hint="choose another --port"
        ) from error


def url_of(listening: socket.socket) -> str:
    """Address of a socket as a browser writes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Running:
    """The server in a thread, for the time of a ``with`` block."""

    def __init__(
        self,
        app: FastAPI,
        listening: socket.socket,
        close: Callable[[], None] = lambda: None,
        proxies: str = "127.0.0.1",
    ) -> None:
        """``close`` asks what stays open to end, before the server stops. ``proxies``: who may say where a request
        came from, and whether over TLS; addresses by commas."""
        self.url, self._close = url_of(listening), close
        self._socket = listening
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # addresses name persons
            server_header=False,
            timeout_graceful_shutdown=2,
            lifespan="off",
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies or None,
            h11_max_incomplete_event_size=32_768,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def __enter__(self) -> Running:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise XuejingError("the dashboard did not start", where=self.url)
            time.sleep(0.01)
        return self

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
