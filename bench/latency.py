"""From sending an event to its figures in the store, idle and under load.

    python -m bench.latency [--capacity EVENTS_A_SECOND] [--seconds S] [--members M] [--out FILE]

Probes travel with the events, through the same batches; each says when its batch's rows were visible. The load comes
from a process of its own. Without ``--capacity``, what a worker reads of a filled topic in a second is taken for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.ingest import rate
from bench.stand import PARTITIONS, STAMP, Stand, producer_for, stand
from bench.workload import messages
from producers.kafka_admin import end_offsets
from schemas.decode import PROBE_HEADER
from schemas.settings import Settings

PROBES_A_SECOND = 10
SHARES = (0.0, 0.1, 0.4, 0.5, 0.9)
SETTLING = 3.0
"""Seconds of load before the first probe."""


def load(bootstrap: str, topic: str, per_second: float, seconds: float, members: int, seed: int) -> None:
    """Send events at a rate, evenly, one a message; how many came too late is printed."""
    wanted = int(per_second * seconds)
    ready = [(m.encode(), lines[0]) for m, lines in messages(wanted, 1, members, seed)]
    producer, late = producer_for(bootstrap), 0.0
    began = time.perf_counter()
    for i, (key, line) in enumerate(ready):
        if i % 50 == 0:
            producer.poll(0)
            if (ahead := i / per_second - (time.perf_counter() - began)) > 0:
                time.sleep(ahead)
            late = max(late, -ahead)
        producer.produce(topic, key=key, value=line, headers=STAMP)
    producer.flush()
    print(json.dumps({"sent": wanted, "largest_delay_ms": round(late * 1000)}), flush=True)


def probes(found: Stand, settings: Settings, seconds: float) -> list[float]:
    """Milliseconds from sending to visible, of one probe after the other on the partitions in turn."""
    producer, sent = producer_for(found.kafka.bootstrap), dict[str, float]()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        name = uuid.uuid4().hex
        sent[name] = time.time()
        headers = [(PROBE_HEADER, name.encode())]
        producer.produce(settings.events_topic, value=b" ", partition=len(sent) % PARTITIONS, headers=headers)
        producer.flush()
        time.sleep(1 / PROBES_A_SECOND)
    give_up = time.perf_counter() + 120
    while time.perf_counter() < give_up:
        rows = found.store.rows("SELECT probe, seen_us FROM probes FINAL")
        seen = {str(name): us / 1e6 for name, us in rows}
        if seen.keys() >= sent.keys():
            return [(seen[name] - at) * 1000 for name, at in sent.items()]
        time.sleep(0.5)
    raise RuntimeError(f"{len(sent.keys() - seen.keys())} of {len(sent)} probes were never seen")


def at_load(found: Stand, share: float, capacity: float, seconds: float) -> dict[str, Any]:
    """Percentiles at a share of capacity."""
    found.clear()
    settings = found.worker_settings(found.topic("latency"))
    with found.workers(settings):
        while not probed(found, settings):
            pass
        # A part of the load is behind this second, so that members are known and the worker is warm.
        found.store.command("TRUNCATE TABLE probes")
        process = None
        if share:
            arguments = [settings.events_topic, str(share * capacity), str(seconds + SETTLING + 1), str(found.members)]
            command = [sys.executable, "-m", "bench.latency", "--send", found.kafka.bootstrap, *arguments]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            while not sum(end_offsets(found.kafka.bootstrap, settings.events_topic).values()) > 10 * PARTITIONS:
                time.sleep(0.2)
            time.sleep(SETTLING)
        taken = np.array(probes(found, settings, seconds))
        told = json.loads(process.communicate(timeout=300)[0]) if process else {}
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    shown = {"p50_ms": round(p50), "p95_ms": round(p95), "p99_ms": round(p99), "max_ms": round(taken.max())}
    return {"share": share, "events_per_second": round(share * capacity), "probes": len(taken), **shown, **told}


def probed(found: Stand, settings: Settings) -> bool:
    """Whether the worker has its partitions: a probe on each comes through."""
    return len(probes(found, settings, 0.5)) > 0


def run(capacity: float, seconds: float, members: int) -> dict[str, Any]:
    """Every share of capacity, one after the other."""
    with stand(members) as found:
        if not capacity:
            capacity = rate(found.drain(found.worker_settings(found.fill(200_000, 1)), 1))
        cases = []
        for share in SHARES:
            cases.append(at_load(found, share, capacity, seconds))
            print(cases[-1], file=sys.stderr, flush=True)
    return {"capacity": round(capacity), "members": members, "seconds": seconds, "latency": cases}


def main() -> None:
    """Run and write the result, or send a load for such a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capacity", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=Path("bench/results/latency.json"))
    parser.add_argument("--send", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.send:
        bootstrap, topic, per_second, seconds, members = given.send
        load(bootstrap, topic, float(per_second), float(seconds), int(members), seed=11)
        return
    about = machine.describe("python -m bench.latency " + " ".join(sys.argv[1:]))
    found = {"machine": about, **run(given.capacity, given.seconds, given.members)}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
