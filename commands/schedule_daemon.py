"""Stays in the foreground and works on what is due, until it is asked to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from reports.schedule.config import Schedule
from reports.schedule.due import next_times
from schemas.errors import XuejingError

from .schedule_metrics import collect
from .schedule_running import Result
from .schedule_state import ScheduleBusy, StateFolder
from .status_server import Answer, serve_routes, told

LONGEST_SLEEP = 60.0
"""Clocks are set and files are edited: never trust a computed time for longer."""
STUCK_SECONDS = 3600.0
"""``/live`` fails when a round takes longer."""


class Daemon:
    """``read`` reads the file again; ``work`` does one round with the lock held."""

    def __init__(
        self,
        read: Callable[[], Schedule],
        state: StateFolder,
        work: Callable[[Schedule], Result],
        complain: Callable[[XuejingError], None],
    ) -> None:
        self.read, self.state, self.work, self.complain = read, state, work, complain
        self.schedule = read()
        self.stopped = threading.Event()
        self.beat = time.monotonic()
        self.trouble = ""

    def pause(self, seconds: float) -> bool:
        """Wait, at most until asked to stop; whether to go on."""
        self.beat = time.monotonic()
        return not self.stopped.wait(seconds)

    def run(self) -> None:
        """Until SIGTERM or SIGINT: the step in hand is finished and written down, the rest is for the next start."""
        with self._signals():
            while not self.stopped.is_set():
                self.pause(self._sleep(self._round()))

    def _round(self) -> Result | None:
        self.beat = time.monotonic()
        try:
            self.schedule = self.read()
            self.trouble = ""
        except XuejingError as error:
            if self.trouble != str(error):
                self.complain(error)
            self.trouble = str(error)  # the file as it was last good stays in force
        try:
            return self.work(self.schedule)
        except ScheduleBusy:
            return None
        except XuejingError as error:
            self.complain(error)
            return None

    def _sleep(self, result: Result | None) -> float:
        """Seconds until something is due or is tried again."""
        if result is None:
            return LONGEST_SLEEP
        now = datetime.now(UTC)
        times = [moment for job in self.schedule.jobs for moment in next_times(job, now, 1)]
        soonest = min([*times, *([result.wake] if result.wake else []), now + timedelta(seconds=LONGEST_SLEEP)])
        return max(0.05, (soonest - now).total_seconds())

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(*_: object) -> None:
            self.stopped.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer ``/live``, ``/ready`` and ``/metrics``; returns what ends it."""
        server = serve_routes({"/live": self.live, "/ready": self.ready, "/metrics": self.metrics}, host, port)

        def end() -> None:
            server.shutdown()
            server.server_close()

        return end

    def live(self) -> Answer:
        """Whether rounds come to an end."""
        quiet = time.monotonic() - self.beat
        state: dict[str, Any] = {"alive": quiet < STUCK_SECONDS, "seconds": round(quiet, 1), "pid": os.getpid()}
        return told(state, "alive")

    def ready(self) -> Answer:
        """Whether the file of schedules is good."""
        return told({"ready": not self.trouble, "jobs": len(self.schedule.jobs)}, "ready")

    def metrics(self) -> Answer:
        """For Prometheus."""
        try:
            return 200, CONTENT_TYPE_LATEST, collect(self.schedule, self.state, datetime.now(UTC))
        except (XuejingError, OSError) as error:
            return 500, "text/plain; charset=utf-8", f"{error}\n".encode()
