"""``python -m tests.access --cases 100000``: the long run. Needs the embedded engine; 10⁵ cases take hours."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from sinks.client import Endpoint, Store
from sinks.embedded.config import EngineOptions
from sinks.embedded.process import EngineProcess
from sinks.migrate import migrate
from tests.access.cases import run

PART = 2000
OPTIONS = EngineOptions(settings={"max_threads": "1"}, fsync=False)
"""Worlds are small: threads would only wait for each other."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began, done, rows, withheld = time.monotonic(), 0, 0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        EngineProcess(Path(folder), options=OPTIONS) as engine,
    ):
        store = Store(Endpoint(engine.url, engine.user, engine.password))
        migrate(store)
        while done < options.cases:
            tally = run(store, min(PART, options.cases - done), options.seed + done)
            done, rows, withheld = done + tally.cases, rows + tally.rows, withheld + tally.withheld
            print(
                f"{done} cases, {rows} rows seen, {withheld} withheld, none outside, none missing, "
                f"{time.monotonic() - began:.0f} s",
                flush=True,
            )
        store.close()


if __name__ == "__main__":
    main()
