"""Runs an app in this process until it is asked to stop or fails."""

from __future__ import annotations

import asyncio
import logging
import signal

from streams.faust_shell.app import ShellApp
from streams.faust_shell.shell import EXIT_CUT_OFF, EXIT_FAILED, EXIT_OK, end_process

log = logging.getLogger(__name__)


def run_app(app: ShellApp, loglevel: str = "INFO") -> int:
    """Runs until SIGTERM or SIGINT, and returns the exit status; call it from the main thread.

    Asked to stop, it finishes the handler call in hand, commits, leaves the group and returns 0. When a handler
    raises, a partition count is wrong, or Faust fails, it returns 70 (or ends the process with it): start it
    again. A handler that doesn't finish within ``stop_timeout`` can't be interrupted: the process ends with 75.
    """
    if not logging.getLogger().handlers:
        logging.basicConfig(level=loglevel, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    code = asyncio.run(_serve(app))
    if app.shell.cut_off:  # its thread would hold up the end of the process for as long as it likes
        log.warning("a handler is still at work; ending without it")
        end_process(code or EXIT_CUT_OFF)
    app.shell.disarm()
    return code


async def _serve(app: ShellApp) -> int:
    shell = app.shell
    loop = asyncio.get_running_loop()
    shell.attach(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shell.request_stop)
    shell.collector.start()
    starting = asyncio.create_task(app.start())
    ends = {asyncio.create_task(shell.stopping.wait()), asyncio.create_task(app._crashed.wait())}
    try:
        await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.exception() is None:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and (error := starting.exception()) is not None:
            shell.fatal(error)
        elif app.crashed:
            shell.fatal(app.crash_reason or RuntimeError("Faust crashed without a reason"))
        return await _stop(app, starting)
    finally:
        shell.cut_off = shell.collector.busy
        await shell.collector.stop()
        for task in ends:
            task.cancel()


async def _stop(app: ShellApp, starting: asyncio.Task[None]) -> int:
    shell = app.shell
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting}, timeout=5)
    try:
        await asyncio.wait_for(app.stop(), shell.settings.stop_timeout + 15)
    except TimeoutError:
        log.error("Faust didn't stop in time")
        return EXIT_FAILED
    except Exception as e:
        log.error("Faust failed to stop in good order: %s: %s", type(e).__name__, e)
        return EXIT_FAILED
    return EXIT_OK if shell.failure is None else EXIT_FAILED
