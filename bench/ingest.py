"""The whole ingest path, Kafka record to visible metric, beside other ways to do it, in one run.

    python -m bench.ingest [--events N] [--per-message 1 20 100] [--members M] [--repeat R] [--out FILE]

Broker, engine and each consumer share this machine. All read the same topic; those that compute the same figures must
come to the same ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import machine
from bench.stand import WRITTEN, Stand, rival, stand

FEW = 30_000
"""Events for the way that is slowest by far."""
MORE = 5
"""So many times the events where a message holds several: they are through sooner."""
BATCH = 60_000


def engine_limit(found: Stand, events: int) -> dict[str, Any]:
    """The rows that a run has just written, inserted from Arrow in as many batches, with nothing before."""
    spent = 0.0
    store = found.store
    for table in WRITTEN:
        rows = store.arrow(f"SELECT * FROM {table.name}", settings={"output_format_arrow_string_as_string": 0})
        store.command(f"CREATE OR REPLACE TABLE bench_copy AS {table.name}")
        step = max(1, round(rows.num_rows / max(1, events / BATCH)))
        start = time.perf_counter()
        for i in range(0, rows.num_rows, step):
            store.insert("bench_copy", rows.slice(i, step))
        spent += time.perf_counter() - start
    store.command("DROP TABLE bench_copy")
    return {"events": events, "seconds": spent}


def rate(measured: dict[str, Any]) -> float:
    """Events a second."""
    return float(measured["events"]) / float(measured["seconds"])


def one_round(found: Stand, topic: str, events: int, k: int, measure: Callable[..., None]) -> None:
    """Every way once. Raises when two that compute the same figures come to different ones."""
    expected: list[Any] = []

    def same(way: str) -> None:
        figures = found.figures()
        if expected and figures != expected:
            raise RuntimeError(f"{way} computed {figures}, xuejing {expected}")
        expected[:] = figures
        found.clear()

    url = found.engine.url
    found.clear()
    measure("xuejing", lambda: found.drain(found.worker_settings(topic), k))
    measure("engine insert limit", lambda: engine_limit(found, events))
    same("xuejing")
    measure("plain loop, same fold", lambda: rival(found, "plain_loop", topic, str(events), url, str(k)))
    same("the plain loop")
    measure("quixstreams, state and sink", lambda: rival(found, "quix", topic, str(events), url, str(k)))
    same("quixstreams")
    if k == 1:
        measure("faust tutorial", lambda: rival(found, "faust_tutorial", topic, str(min(events, FEW))))


def run(events: int, per_message: Sequence[int], members: int, repeat: int) -> dict[str, Any]:
    """All ways, ``repeat`` times each."""
    results: dict[str, Any] = {}
    with stand(members) as found:
        for k in per_message:
            of_k = events if k == 1 else events * MORE
            of_k -= of_k % k
            topic = found.fill(of_k, k)
            runs: dict[str, list[dict[str, Any]]] = {}

            def measure(way: str, call: Callable[[], dict[str, Any]], runs: Any = runs, k: int = k) -> None:
                measured = call()
                runs.setdefault(way, []).append(measured)
                print(f"{way} {k}/message: {rate(measured):,.0f} events/s", file=sys.stderr, flush=True)

            for _ in range(repeat):
                one_round(found, topic, of_k, k, measure)
            results[str(k)] = {way: summary(measured) for way, measured in runs.items()}
    return results


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median and spread of some runs of one way."""
    rates = sorted(map(rate, runs))
    found: dict[str, Any] = {
        "events_per_second": round(statistics.median(rates)),
        "spread": [round(rates[0]), round(rates[-1])],
        "runs": len(runs),
        "events": runs[-1]["events"],
    }
    for name in ("cpu_seconds", "engine_cpu_seconds"):
        if name in runs[-1]:
            per_million = statistics.median(r[name] / r["events"] for r in runs) * 1e6
            found[f"{name}_per_million"] = round(per_million, 1)
    for name in ("peak_mib", "branches_behind_seconds"):
        if name in runs[-1]:
            found[name] = max(r[name] for r in runs)
    return found


def main() -> None:
    """Run and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000, help=f"at one a message; {MORE} times as many at more")
    parser.add_argument("--per-message", type=int, nargs="+", default=[1, 20, 100])
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("bench/results/ingest.json"))
    given = parser.parse_args()
    about = machine.describe("python -m bench.ingest " + " ".join(sys.argv[1:]))
    found = run(given.events, given.per_message, given.members, given.repeat)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"machine": about, "members": given.members, "ingest": found}
    given.out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
