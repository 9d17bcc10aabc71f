"""``python -m tests.access --cases 100000``: the long run. Needs the embedded engine; 10⁵ cases take an hour or two.

Nearly all of the time is the engine's planning of queries, one core for each engine: there are as many as cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from sinks.client import Endpoint, Store
from sinks.embedded.config import EngineOptions
from sinks.embedded.process import EngineProcess
from sinks.migrate import migrate
from tests.access.cases import Tally, run

PART = 1000
OPTIONS = EngineOptions(settings={"max_threads": "1"}, fsync=False)
"""Worlds are small: threads would only wait for each other."""


class Progress:
    """Parts that are to be done, by whichever engine is free, and what was compared."""

    def __init__(self, cases: int, seed: int) -> None:
        self.total, self.failed = Tally(), False
        self._parts = iter([(seed + done, min(PART, cases - done)) for done in range(0, cases, PART)])
        self._began, self._lock = time.monotonic(), threading.Lock()

    def next(self) -> tuple[int, int] | None:
        """Seed and cases of a part; None when there is none left, or a case differed."""
        with self._lock:
            return None if self.failed else next(self._parts, None)

    def done(self, tally: Tally) -> None:
        """Count a part and tell how far it is."""
        with self._lock:
            self.total = t = self.total.plus(tally)
            print(
                f"{t.cases} cases, {t.rows} rows seen, {t.withheld} withheld, none outside, none missing, "
                f"{time.monotonic() - self._began:.0f} s",
                flush=True,
            )


def work(progress: Progress) -> None:
    """Do parts on an engine of its own. Raises AssertionError with the first case that differs."""
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            EngineProcess(Path(folder), options=OPTIONS) as engine,
        ):
            store = Store(Endpoint(engine.url, engine.user, engine.password))
            migrate(store)
            while part := progress.next():
                seed, cases = part
                progress.done(run(store, cases, seed))
            store.close()
    except BaseException:
        progress.failed = True
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    progress = Progress(options.cases, options.seed)
    with ThreadPoolExecutor(options.engines) as pool:
        working = [pool.submit(work, progress) for _ in range(options.engines)]
        for one in wait(working, return_when=FIRST_EXCEPTION).done:
            one.result()


if __name__ == "__main__":
    main()
