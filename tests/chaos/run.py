"""One run of chaos, and its result as plain values."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from producers.simulate import scaled_scenario
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.faults import inflict, rest, schedule
from tests.chaos.feed import Feed, plan
from tests.chaos.verify import verify

PILE_UP = 1 / 3
"""How often the next fault does not wait until the last one is overcome."""


def run(
    seconds: float,
    seed: int,
    *,
    apache: bool = False,
    workers: int = 2,
    rate: float = 120.0,
    folder: Path | None = None,
    say: Any = lambda _: None,
) -> dict[str, Any]:
    """Feed events for so many seconds while faults happen, let it settle, and compare everything."""
    lines = int(rate * (seconds + 120))
    scenario = scaled_scenario(max(12, lines // 150), max(3, lines // 3000), 14, seed=seed, life=True)
    messages, kinds = plan(scenario, seed, lines)
    with contextlib.ExitStack() as exits:
        found = exits.enter_context(cluster(scenario, workers=workers, apache=apache, folder=folder))
        feed = Feed(found.settings, messages, rate)
        feed.start()
        say(f"every partition is served after {awake(found, time.time(), 90):.1f} s")
        begin, done, recovered, chance = time.monotonic(), [], defaultdict[str, list[float]](list), Random(seed)
        for fault in schedule(seed, workers, broker=apache):
            if time.monotonic() - begin > seconds:
                break
            say(f"{time.monotonic() - begin:6.1f} s  {fault.kind} (worker {fault.worker}, {fault.seconds:.1f} s)")
            done.append(inflict(fault, found))
            if chance.random() < PILE_UP:
                rest(found, 1.0)
            else:
                recovered[fault.kind].append(awake(found, done[-1].end, 60))
        feed.finish()
        say(f"{time.monotonic() - begin:6.1f} s  all sent: {len(feed.acknowledged)} messages; settling")
        settled = found.settle()
        say(f"settled after {settled:.1f} s; comparing")
        verdict = verify(found, feed, scenario)
        return {
            "broker": "Apache Kafka" if apache else "embedded",
            "seed": seed,
            "seconds": round(time.monotonic() - begin),
            "workers": workers,
            "lines_per_second": rate,
            "kinds_of_messages": kinds,
            "faults": dict(Counter(d.kind for d in done)),
            "worker_starts": sum(w.started for w in found.workers),
            "workers_that_ended_by_themselves": dict(Counter(map(str, found.exits))),
            "counts": verdict.counts,
            "seconds_to_recover": {
                kind: {"median": round(median(s), 2), "most": round(max(s), 2), "n": len(s)}
                for kind, s in sorted(recovered.items())
            },
            "seconds_to_settle": round(settled, 1),
            "differences": len(verdict.differences),
            "first_differences": list(islice(verdict.differences, 20)),
        }


def awake(cluster: Cluster, since: float, limit: float) -> float:
    """Wait until every partition has archived events that came after ``since`` (seconds since the epoch); how long
    that took. Raises TimeoutError when the pipeline does not get going again."""
    begin = time.monotonic()
    sql = "SELECT count() FROM (SELECT partition FROM events GROUP BY partition HAVING max(archived_at) > {t:Float64})"
    while cluster.store.rows(sql, {"t": since})[0][0] < cluster.settings.partitions:
        if time.monotonic() - begin > limit:
            raise TimeoutError(f"some partition archives nothing for {limit:g} s\n{cluster.tails()}")
        rest(cluster, 0.2)
    return time.time() - since
