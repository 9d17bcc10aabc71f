"""Simulated people who learn right now: their events come in through the collector, as those of apps do."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import msgspec
import urllib3

from producers.simulate.clock import Stamper
from producers.simulate.live import retold
from producers.simulate.model import Flush
from schemas.errors import XuejingError
from schemas.settings import Settings

from .collecting import LOCAL, app_of


class NotPlayed(XuejingError):
    """The collector does not take what is played."""


class Player:
    """Sends one flush every ``pause`` seconds (drawn, on average) until it is stopped; round and round.

    ``sent`` counts events that the collector acknowledged.
    """

    def __init__(self, settings: Settings, key: str, flushes: Sequence[Flush], pause: float, seed: int) -> None:
        self.sent = 0
        self.trouble: XuejingError | None = None
        self._flushes, self._pause = flushes, pause
        self._basic = urllib3.make_headers(basic_auth=f"{key}:{app_of(settings, LOCAL).secret}")
        self._stamp = Stamper(settings.timezone)
        self._rng = Random(seed)  # noqa: S311 - a simulation
        self._ids: dict[str, str] = {}
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, url: str) -> None:
        """Start to send to the collector at ``url``."""
        self._thread = threading.Thread(target=self._run, args=(url,), name="player", daemon=True)
        self._thread.start()

    @property
    def begun(self) -> bool:
        """Whether it was started."""
        return self._thread is not None

    def stop(self) -> None:
        """End after the flush in hand."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self, url: str) -> None:
        with urllib3.PoolManager(retries=urllib3.Retry(5, status_forcelist=(429, 503), backoff_factor=0.5)) as pool:
            try:
                while True:
                    for flush in self._flushes:
                        if self._stopped.wait(self._rng.expovariate(1 / self._pause)):
                            return
                        self._send(pool, url, flush)
                    self._ids.clear()  # the next round tells new events
            except (XuejingError, urllib3.exceptions.HTTPError) as error:
                self.trouble = error if isinstance(error, XuejingError) else NotPlayed(str(error), where=url)

    def _send(self, pool: urllib3.PoolManager, url: str, flush: Flush) -> None:
        events = retold(flush, datetime.now(UTC), self._ids, self._rng, self._stamp)
        if not events:
            return
        headers = {**self._basic, "Content-Type": "application/json"}
        answer = pool.request("POST", f"{url}/v1/events", headers=headers, body=msgspec.json.encode(events))
        if answer.status != 200:
            raise NotPlayed(f"HTTP {answer.status}: {answer.data[:200].decode('utf-8', 'replace')}", where=url)
        self.sent += sum(r["status"] == "accepted" for r in answer.json()["results"])
