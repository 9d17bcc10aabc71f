"""How fast reports are made: member pages with charts, branch pages, and a city of ten thousand members in one go.

    python -m bench.reports [--size small|short|full] [--folder FOLDER] [--node NODE] [--out FILE]

Pages are HTML in one language. Rates count from the frames in memory to the files on disk, in CPU seconds of the one
process that makes them; reading is told apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import machine
from bench.filled import LAST_DAY, SIZES, engine, fill
from reports.load import load
from reports.site import Site
from sinks.client import Endpoint, Store
from sinks.migrate import migrate
from sinks.read import Reader, Scope

FIRST_DAY = LAST_DAY - timedelta(days=89)
MOST_BRANCHES = 50


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _resident_mib() -> float:
    """What the process holds now: the peak alone would hide growth below it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _growth(resident: list[float]) -> dict[str, float]:
    """Of memory before and after each page: what came at most, and what came in the second half."""
    half = len(resident) // 2
    return {
        "resident_mib": round(resident[0]),
        "growth_mib": round(max(resident) - resident[0]),
        "growth_second_half_mib": round(max(resident[half:]) - max(resident[: half + 1])),
    }


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What a call gives, with its seconds and its CPU seconds."""
    began, cpu = time.perf_counter(), time.process_time()
    found = call()
    return found, {
        "seconds": round(time.perf_counter() - began, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
    }


def run(store: Store, node: str, members: int) -> dict[str, Any]:
    """A quarter of a node: read once, ``members`` member pages and up to fifty branch pages written."""
    scope = Scope(node, "named")
    data, read = timed(lambda: load(Reader(store), scope, first=FIRST_DAY, last=LAST_DAY))
    with tempfile.TemporaryDirectory() as folder:
        site, made = timed(lambda: Site(data, scope, Path(folder), languages=("zh",), formats=("html",), alone=True))
        chosen = [m for m, _ in site.members][:members]
        resident = [_resident_mib()]
        _, of_members = timed(lambda: site.write_members(chosen, lambda: resident.append(_resident_mib())))
        branches = [n for n in site.nodes if not site.populations.children(n)][:MOST_BRANCHES]
        _, of_branches = timed(lambda: site.write_groups(branches))
        sizes = [p.stat().st_size for p in Path(folder).rglob("*.html")]
    return {
        "node": node,
        "members_below": len(site.members),
        "read": read | {"answers": data.answers.height, "member_days": data.days.height},
        "prepared": made,
        "members": of_members | _rate(len(chosen), of_members) | _growth(resident),
        "branches": of_branches | _rate(len(branches), of_branches),
        "kib_a_page": round(sum(sizes) / len(sizes) / 1024, 1),
        "peak_mib": _peak_mib(),
    }


def _rate(count: int, measured: dict[str, float]) -> dict[str, float]:
    return {"count": count, "per_core_second": round(count / max(measured["cpu_seconds"], 1e-3), 1)}


def main() -> None:
    """Fill, read, write, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--folder", type=Path, help="a store that `python -m bench.filled` has filled")
    parser.add_argument("--node", default="city-0")
    parser.add_argument("--members", type=int, default=10_000, help="at most so many member pages")
    parser.add_argument("--out", type=Path, default=Path("bench/results/reports.json"))
    arguments = parser.parse_args()
    about = machine.describe("python -m bench.reports " + " ".join(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as temporary, engine(arguments.folder or Path(temporary)) as running:
        store = Store(Endpoint(running.url, running.user, running.password))
        migrate(store)
        if arguments.folder is None:
            fill(store, SIZES[arguments.size])
        found = run(store, arguments.node, arguments.members)
        store.close()
    print(json.dumps(found, indent=1), file=sys.stderr)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"machine": about, "events": SIZES[arguments.size].events, "reports": found}
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
