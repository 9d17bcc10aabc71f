"""Every query of ``xuejing query`` and what each report reads, on a filled store: time, rows, bytes and memory.

    python -m bench.queries [--size small|short|full] [--folder FOLDER] [--repeat N] [--only TEXT]
                            [--budget SECONDS] [--minutes N] [--out FILE]

Each case is asked once cold (the engine restarted, its files out of the page cache) and ``N`` times warm, of another
member, branch or city each time. The figures of a case are those of all statements that it sends, as the engine's
query log has them; the time is what the caller waits, data frames included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars.exceptions

from bench import machine
from bench.filled import LAST_DAY, SIZES, Size, engine, fill
from bench.filled_reference import BRANCH, CITY, COUNTY, ROOT, member
from reports.analytics.computed import COMPUTED
from reports.load import load
from schemas.errors import XuejingError
from sinks.client import Endpoint, Store
from sinks.migrate import migrate
from sinks.read import QUERIES, Filters, Reader, Scope

PERIODS: dict[str, dict[str, Any]] = {
    "month": {"first": LAST_DAY - timedelta(days=29), "last": LAST_DAY},
    "year": {"first": LAST_DAY - timedelta(days=364), "last": LAST_DAY},
    "all": {},
}
PAGE = 1_000
"""Rows of a listing that is shown a page at a time."""
LISTINGS = frozenset("member-day events answers exams rejected members delivery unit-study wrong-questions".split())
"""Queries with rows of single members: of many members a page is asked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to ask: ``run`` takes a fresh reader and the number of the repetition."""

    name: str
    scope: str
    period: str
    run: Callable[[Reader, int], Any]


def scope_of(level: str, size: Size, i: int) -> Scope:
    """The ``i``-th scope of a level: another member, branch, county or city each time."""
    m = (i * 7919 + 17) % size.members
    if level == "member":
        return Scope.own(member(m))
    nodes = {
        "branch": f"branch-{m // BRANCH}",
        "county": f"county-{m // BRANCH // COUNTY}",
        "city": f"city-{m // BRANCH // COUNTY // CITY}",
    }
    return Scope.everything() if level == "province" else Scope(nodes[level], "named")


def cases(size: Size, most: str) -> Iterator[Case]:
    """Fixed queries of every level, computed ones and the reading of reports up to the level ``most``."""
    levels = ["member", "branch", "county", "city", "province"]
    for name, query in QUERIES.items():
        periods = PERIODS if "first" in query.filters else {"all": {}}
        for level in levels:
            if ("own" if level == "member" else "named") not in query.details:
                continue
            if level != "province" and "org" not in query.filters:
                continue
            for period, days in periods.items():
                yield Case(name, level, period, _fixed(name, level, days, size))
    for name, computed in COMPUTED.items():
        for level in levels[: levels.index(most) + 1]:
            if ("own" if level == "member" else "named") in computed.details:
                for period, days in PERIODS.items():
                    filters: dict[str, Any] = {k: v for k, v in days.items() if k in computed.filters}
                    if filters.keys() == days.keys():
                        yield Case(name, level, period, _computed(name, level, filters, size))
    for level in levels[: levels.index(most) + 1]:
        for period, days in PERIODS.items():
            yield Case(f"report: {level}", level, period, _report(level, days, size))


def _fixed(name: str, level: str, days: dict[str, Any], size: Size) -> Callable[[Reader, int], Any]:
    limit = PAGE if name in LISTINGS and level not in ("member", "branch") else None
    # A dashboard shows a node as one line a day, and what is below it by asking for each.
    own = name == "branch-day" and level != "province"

    def run(reader: Reader, i: int) -> Any:
        scope = scope_of(level, size, i)
        org = scope.node if own else ROOT if name == "branch-day" else None
        return reader.frame(name, scope, Filters(**days, org=org), limit=limit)

    return run


def _computed(name: str, level: str, days: dict[str, Any], size: Size) -> Callable[[Reader, int], Any]:
    return lambda reader, i: COMPUTED[name].frame(reader, scope_of(level, size, i), Filters(**days))


def _report(level: str, days: dict[str, Any], size: Size) -> Callable[[Reader, int], Any]:
    return lambda reader, i: load(reader, scope_of(level, size, i), **days)


class Bench:
    """A filled store, started again where a case is to be cold."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder, self.size = folder, size

    @contextmanager
    def store(self, *, cold: bool = False) -> Iterator[Store]:
        """The store on an engine of its own."""
        if cold:
            _forget(self.folder)
        with engine(self.folder) as running:
            store = Store(Endpoint(running.url, running.user, running.password))
            migrate(store)
            try:
                yield store
            finally:
                store.close()

    def ask(self, store: Store, case: Case, i: int) -> dict[str, float]:
        """One run: seconds, and the sums and maxima of its statements."""
        ((since,),) = store.rows("SELECT toUnixTimestamp64Micro(now64(6))")
        reader = Reader(store)
        began = time.perf_counter()
        case.run(reader, i)
        seconds = time.perf_counter() - began
        store.command("SYSTEM FLUSH LOGS")
        ((statements, rows, read, memory, cpu),) = store.rows(_LOGGED, {"since": since})
        return {
            "seconds": seconds,
            "engine_cpu": round(cpu, 3),
            "statements": statements,
            "rows": rows,
            "mib": round(read / 2**20, 1),
            "memory_mib": round(memory / 2**20, 1),
        }


_LOGGED = """
SELECT count(), sum(read_rows), sum(read_bytes), max(memory_usage),
       sum(ProfileEvents['OSCPUVirtualTimeMicroseconds']) / 1000000
FROM system.query_log
WHERE type = 'QueryFinish' AND query_kind = 'Select' AND query_start_time_microseconds
      > fromUnixTimestamp64Micro({since:Int64}) AND query NOT ILIKE '%query_log%' AND query NOT ILIKE 'DESCRIBE%'"""


def _forget(folder: Path) -> None:
    """Put the store's files out of the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)


def run(
    bench: Bench, chosen: list[Case], repeat: int, say: Callable[[str], None], *, budget: float, until: float
) -> list[dict[str, Any]]:
    """Figures of each case: ``cold`` is the first run after the store was started with nothing in memory, for the
    first case of each name; ``p50`` and ``p95`` are over ``repeat`` warm runs, fewer where ``budget`` seconds are over.
    After ``until`` (monotonic) nothing more is asked. What fails or is not asked has ``error`` instead."""
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys(c.name for c in chosen):
        with bench.store(cold=True) as store:
            for case in (c for c in chosen if c.name == name):
                about = {"name": case.name, "scope": case.scope, "period": case.period}
                if time.monotonic() > until:
                    found.append(about | {"error": "not asked: the time of the run was over"})
                    continue
                try:
                    found.append(about | measured(bench, store, case, repeat, budget))
                except (XuejingError, polars.exceptions.PolarsError) as error:
                    # A case that fails is a finding; the others are asked all the same.
                    found.append(about | {"error": f"{type(error).__name__}: {error}"[:300]})
                say(json.dumps(found[-1], ensure_ascii=False))
    return found


def measured(bench: Bench, store: Store, case: Case, repeat: int, budget: float) -> dict[str, Any]:
    """Figures of one case. ``budget``: seconds after which it is not repeated; without a warm run the cold one counts
    as such (``runs`` is 0 then)."""
    began = time.monotonic()
    first = bench.ask(store, case, 0)
    warm: list[dict[str, float]] = []
    while len(warm) < repeat and time.monotonic() - began < budget:
        warm.append(bench.ask(store, case, len(warm) + 1))
    counted = warm or [first]
    seconds = sorted(w["seconds"] for w in counted)
    return {
        "cold": round(first["seconds"], 4),
        "p50": round(statistics.median(seconds), 4),
        "p95": round(seconds[min(len(seconds) - 1, round(0.95 * len(seconds)))], 4),
        "runs": len(warm),
        **{k: max(w[k] for w in counted) for k in ("engine_cpu", "statements", "rows", "mib", "memory_mib")},
    }


def main() -> None:
    """Fill, ask, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--folder", type=Path, help="a store that `python -m bench.filled` has filled")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--budget", type=float, default=5, help="seconds after which a case is not repeated")
    parser.add_argument("--minutes", type=float, default=15, help="after which nothing more is asked")
    parser.add_argument("--most", default="county", help="largest scope of computed queries and reports")
    parser.add_argument("--only", default="", help="only cases that have each of these words, e.g. exams|silent,city")
    parser.add_argument("--out", type=Path, default=Path("bench/results/queries.json"))
    arguments = parser.parse_args()
    size = SIZES[arguments.size]
    about = machine.describe("python -m bench.queries " + " ".join(sys.argv[1:]))
    wanted = [word for word in arguments.only.split(",") if word]
    chosen = [
        c
        for c in cases(size, arguments.most)
        if all({c.name, c.scope, c.period} & set(word.split("|")) for word in wanted)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        bench = Bench(folder, size)
        if arguments.folder is None:
            with bench.store() as store:
                fill(store, size)
        found = run(
            bench,
            chosen,
            arguments.repeat,
            lambda text: print(text, file=sys.stderr, flush=True),
            budget=arguments.budget,
            until=time.monotonic() + 60 * arguments.minutes,
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": about, "events": size.events, "queries": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
