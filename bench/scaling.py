"""Partitions and workers; members and memory.

    python -m bench.scaling [--events N] [--members M ...] [--cache FACTS] [--out FILE]

First 1, 2 and 4 partitions with as many workers; then one worker with more and more members than its cache holds, so
that most of each batch is cold and read from the archive, which half of the events are in already.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import machine
from bench.ingest import rate
from bench.stand import stand

WORKERS = (1, 2, 4)
PER_MESSAGE = 1


def workers(events: int, members: int) -> list[dict[str, Any]]:
    """Events a second of 1, 2 and 4 workers on as many partitions."""
    cases = []
    with stand(members) as found:
        for count in WORKERS:
            found.clear()
            topic = found.fill(events, PER_MESSAGE, partitions=count)
            measured = found.drain(found.worker_settings(topic, partitions=count), PER_MESSAGE, count, warm_up=0.1)
            cases.append({"workers": count, "events_per_second": round(rate(measured)), **measured})
            print(cases[-1], file=sys.stderr, flush=True)
    return cases


def memory(events: int, counts: Sequence[int], cache: int) -> list[dict[str, Any]]:
    """Speed and memory of one worker whose cache holds ``cache`` facts, by the number of members."""
    cases = []
    for members in counts:
        with stand(members) as found:
            topic = found.fill(events, PER_MESSAGE)
            # The second half is what is counted: by then the members have facts, of which few are in memory.
            measured = found.drain(found.worker_settings(topic, cache_facts=cache), PER_MESSAGE, warm_up=0.5)
        cases.append({"members": members, "events_per_second": round(rate(measured)), **measured})
        print(cases[-1], file=sys.stderr, flush=True)
    return cases


def main() -> None:
    """Run and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--members", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--cache", type=int, default=20_000, help="facts that the worker may keep in memory")
    parser.add_argument("--out", type=Path, default=Path("bench/results/scaling.json"))
    given = parser.parse_args()
    about = machine.describe("python -m bench.scaling " + " ".join(sys.argv[1:]))
    found: dict[str, Any] = {"machine": about, "cache_facts": given.cache}
    found["workers"] = workers(given.events, min(given.members))
    found["memory"] = memory(given.events, given.members, given.cache)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
