"""``python -m tests.chaos.latency``: from sending an event until its figure can be queried, at rest and under load."""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from commands.worker import event_producer
from producers.simulate import scaled_scenario
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.feed import Feed, plan
from tests.chaos.results import RESULTS

FIRST = date(2020, 1, 1)
"""Days on which the simulated people do nothing else."""


def probe(found: Cluster, member_id: str, count: int, pause: float, first: int) -> list[float]:
    """Milliseconds until ``member_day`` has each of so many events, sent one after the other."""
    taken = []
    with event_producer(found.settings, linger_ms=0) as producer:
        for n in range(count):
            day = FIRST + timedelta(days=first + n)
            at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC).isoformat()
            event = {"event_id": str(uuid.uuid4()), "event_type": "study", "member_id": member_id, "course_id": "probe"}
            line = json.dumps(event | {"occurred_at": at, "duration_ms": 60_000}).encode()
            begin = time.perf_counter()
            producer.send(member_id, [line])
            sql = "SELECT count() FROM member_day WHERE member_id = {m:String} AND day = {d:Date}"
            while not found.store.rows(sql, {"m": member_id, "d": day})[0][0]:
                if time.perf_counter() - begin > 60:
                    raise TimeoutError(f"not visible after a minute\n{found.tails()}")
                time.sleep(0.002)
            taken.append((time.perf_counter() - begin) * 1000)
            time.sleep(pause)
    return taken


def summary(taken: list[float]) -> dict[str, Any]:
    """Quantiles in ms."""
    ordered = sorted(taken)
    return {
        "probes": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2]),
        "p99_ms": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]),
    }


def main() -> int:
    """Measure, write the result, and say it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.latency", description=__doc__)
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--rate", type=float, default=500.0, help="lines a second under load")
    parser.add_argument("--apache", action="store_true")
    options = parser.parse_args()
    scenario = scaled_scenario(120, 5, 14, seed=1)
    member = scenario.members[0].member_id
    with cluster(scenario, workers=1, apache=options.apache) as found:
        probe(found, member, 5, 0.0, 0)
        rest = summary(probe(found, member, options.probes, 0.05, 10))
        feed = Feed(found.settings, plan(scenario, 1, int(options.rate * 600))[0], options.rate)
        feed.start()
        time.sleep(3)
        load = summary(probe(found, member, options.probes, 0.05, 10 + options.probes))
        feed.finish()
    result = {"broker": "Apache Kafka" if options.apache else "embedded", "at_rest": rest, "under_load": load}
    result["lines_per_second"] = options.rate
    arguments = f"--probes {options.probes} --rate {options.rate:g}" + (" --apache" if options.apache else "")
    result["command"] = f"python -m tests.chaos.latency {arguments}"
    path = RESULTS / f"latency-{'apache' if options.apache else 'embedded'}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
