"""The engine's process: lock the data directory, open the engine, answer on loopback until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from sinks.embedded.config import EngineOptions
from sinks.embedded.endpoint import Endpoint
from sinks.embedded.engine import Engine
from sinks.embedded.errors import EngineFailed
from sinks.embedded.lock import DataDirLock

log = logging.getLogger("xuejing.engine")

HOST = "127.0.0.1"
_PATIENCE = 2.0  # seconds that requests under way get when the process is told to stop, and again once killed
_LONGEST_LINE = 1 << 20  # bytes of a request line or header: queries may be in the URL


async def _serve(engine: Engine, port: int, user: str, password: str, ready: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    endpoint = Endpoint(engine, user, password)
    server = web.Server(
        endpoint.handle,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        read_bufsize=1 << 20,
    )
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            raise EngineFailed(
                f"port {port} can't be opened: {error.strerror}", hint="choose another port, or 0 for a free one"
            ) from None
        ready(int(runner.addresses[0][1]))
        await stop.wait()
        await site.stop()
    finally:
        await endpoint.drain(_PATIENCE)
        await runner.cleanup()


def serve(
    data_dir: Path,
    port: int,
    password: str,
    user: str = "default",
    ready: Callable[[int], None] = lambda _port: None,
    *,
    options: EngineOptions | None = None,
) -> None:
    """Serve the engine over ``data_dir`` on 127.0.0.1 until SIGTERM or SIGINT; blocks, from the main thread.

    ``port`` 0 takes a free one; ``ready`` is called with the port once requests are answered.

    Raises EngineInUse when another process has the directory, EngineFailed when the engine can't open it or the
    port is taken.
    """
    with DataDirLock(data_dir):
        engine = Engine(data_dir, options or EngineOptions())
        try:
            asyncio.run(_serve(engine, port, user, password, ready))
        finally:
            if engine.idle:
                engine.close()
            else:
                _leave()


def _leave() -> None:
    """End the process though a statement runs that can't be stopped: closing under it, or waiting for its
    thread, might take for ever, and tables survive it as they survive a crash."""
    log.error("a statement could not be stopped: the process ends without it")
    logging.shutdown()
    os._exit(1)
