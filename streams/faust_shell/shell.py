"""What one worker process holds beside Faust: settings, ledger, collector, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streams.faust_shell.collector import Collector, Limits, MembershipCallback
from streams.faust_shell.ledger import Ledger
from streams.records import Handler

log = logging.getLogger(__name__)

EXIT_OK, EXIT_FAILED, EXIT_CUT_OFF = 0, 70, 75
"""Stopped as asked; failed (start it again); stopped as asked, but a handler didn't finish in time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds unless the name says otherwise."""

    session_timeout: float
    rebalance_timeout: float
    heartbeat_interval: float
    limits: Limits = field(default_factory=Limits)
    partitions: Mapping[str, int] = field(default_factory=dict)
    fetch_wait_ms: int = 30
    fetch_max_bytes: int = 32 * 1024 * 1024
    partition_fetch_bytes: int = 4 * 1024 * 1024
    commit_interval: float = 0.5
    commit_timeout: float = 10.0
    stop_timeout: float = 25.0
    fatal_timeout: float = 10.0

    @property
    def rebalance_patience(self) -> float:
        """How long a rebalance waits for the handler in hand: less than the group waits for this member."""
        return self.rebalance_timeout * 0.6


class Shell:
    """One for each app. ``fatal`` may be called from any thread; everything else from the event loop's."""

    def __init__(
        self,
        settings: Settings,
        routes: Mapping[str, Handler],
        *,
        concurrency: int = 1,
        on_assigned: MembershipCallback | None = None,
        on_revoked: MembershipCallback | None = None,
        on_fatal: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.collector = Collector(
            routes,
            self.ledger,
            settings.limits,
            self.fatal,
            concurrency=concurrency,
            on_assigned=on_assigned,
            on_revoked=on_revoked,
        )
        self.failure: BaseException | None = None
        self.cut_off = False  # a handler was still at work when the app had ended
        self.stopping = asyncio.Event()
        self._on_fatal = on_fatal
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signals = 0
        self._timers: list[threading.Timer] = []
        self._stop_by: float | None = None

    def patience(self, *, stopping: bool) -> float:
        """Seconds that may be spent on waiting for the handler in hand; for a stop, from the first question on."""
        if not stopping:
            return self.settings.rebalance_patience
        now = time.monotonic()
        if self._stop_by is None:
            self._stop_by = now + self.settings.stop_timeout
        return max(0.0, self._stop_by - now)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def request_stop(self) -> None:
        """Stop as asked: finish what is in hand, commit, leave the group. Asked twice: end at once."""
        self._signals += 1
        if self._signals > 1:
            log.warning("asked to stop twice: ending at once")
            end_process(EXIT_CUT_OFF)
        self._end_after(self.settings.stop_timeout + 30, EXIT_CUT_OFF)
        self.stopping.set()

    def _end_after(self, seconds: float, code: int) -> None:
        """Ends the process then, should it still be running the app: nothing may hang on for ever."""
        timer = threading.Timer(seconds, end_process, [code])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def disarm(self) -> None:
        """The app has ended in time; the process is its caller's again."""
        while self._timers:
            self._timers.pop().cancel()

    def fatal(self, error: BaseException) -> None:
        """Ends the process with a non-zero status. What isn't durable is not committed; what is, may be.

        Said once: later errors follow from the first. If stopping in good order takes too long, the process is
        ended anyway.
        """
        with self._lock:
            if self.failure is not None:
                return
            self.failure = error
        log.critical("the worker stops: %s: %s", type(error).__name__, error, exc_info=error)
        self._end_after(self.settings.fatal_timeout, EXIT_FAILED)
        if self._on_fatal is not None:
            try:
                self._on_fatal(error)
            except Exception:
                log.exception("on_fatal failed")
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_now)

    def _stop_now(self) -> None:
        self.collector.close()
        self.stopping.set()


def end_process(code: int) -> None:
    """Ends the process without waiting for threads; what was logged is written out first."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
