"""Speed of the measurement library, and how well its intervals cover the truth, as JSON on standard output.

python bench/measures.py                 # speed, about ten seconds
python bench/measures.py --coverage 200  # and 200 simulated calibrations, about a minute
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import scipy

from reports.measures.bkt_fit import fit as fit_bkt
from reports.measures.classical import analyse
from reports.measures.funnel import funnel
from reports.measures.irt import fit
from reports.measures.irt_score import eap
from reports.measures.shrinkage import GroupSummary, shrink
from reports.measures.wrong_book import Outcome, wrong_book

NAMED = {"version": "bench", "calibrated_on": "2025-01-01"}


def simulated_test(members: int, items: int, seed: int) -> tuple[Any, Any, Any, Any]:
    """Answers of a 2PL test with its true discriminations, difficulties and abilities."""
    rng = np.random.default_rng(seed)
    a, b = rng.lognormal(0.0, 0.3, items), rng.uniform(-2, 2, items)
    theta = rng.normal(size=members)
    answers = (rng.random((members, items)) < 1 / (1 + np.exp(-a * (theta[:, None] - b)))).astype(float)
    return answers, a, b, theta


def seconds(work: Callable[[], object], repeats: int) -> dict[str, float | int]:
    """Median, fastest and slowest wall time of ``repeats`` runs after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return {
        "median_s": round(statistics.median(times), 4),
        "min_s": round(min(times), 4),
        "max_s": round(max(times), 4),
        "repeats": repeats,
    }


def speed(repeats: int) -> dict[str, dict[str, float | int]]:
    """Seconds of each case; the name says its size."""
    answers, *_ = simulated_test(1000, 50, 1)
    names = [str(j) for j in range(50)]
    calibration = fit(answers, names, **NAMED)
    large, *_ = simulated_test(10_000, 100, 2)
    ragged = large.copy()
    ragged[np.random.default_rng(3).random(ragged.shape) < 0.2] = np.nan
    rng = np.random.default_rng(4)
    sequences = [(rng.random(int(rng.integers(2, 30))) < 0.7).tolist() for _ in range(2000)]
    outcomes = [
        Outcome(f"{i:06}", i * 60_000, date(2025, 1, 1) + timedelta(days=i // 1440), f"q{i % 500}", bool(r), False)
        for i, r in enumerate(rng.random(20_000) < 0.7)
    ]
    units = [(str(i), float(rng.integers(0, 31)), 30.0) for i in range(5000)]
    groups = {str(i): GroupSummary(30, float(m), 300.0) for i, m in enumerate(rng.normal(70, 5, 5000))}
    cases: dict[str, Callable[[], object]] = {
        "irt_2pl_1000x50": lambda: fit(answers, names, **NAMED),
        "irt_rasch_1000x50": lambda: fit(answers, names, model="rasch", **NAMED),
        "irt_eap_1000x50": lambda: eap(calibration, answers),
        "classical_10000x100": lambda: analyse(large, [1.0] * 100),
        "classical_10000x100_20pct_missing": lambda: analyse(ragged, [1.0] * 100),
        "bkt_fit_2000_sequences": lambda: fit_bkt(sequences),
        "wrong_book_20000_answers": lambda: wrong_book(outcomes),
        "funnel_5000_branches": lambda: funnel(units),
        "shrinkage_5000_branches": lambda: shrink(groups),
    }
    return {name: seconds(work, repeats) for name, work in cases.items()}


def coverage(replications: int, members: int = 1000, items: int = 30) -> dict[str, Any]:
    """Share of 95 % intervals that hold the truth, and correlation of estimates with it, over simulated tests."""
    hits: dict[str, list[bool]] = {"a": [], "b": [], "theta": []}
    related: dict[str, list[float]] = {"a": [], "b": [], "theta": []}
    for seed in range(replications):
        answers, a, b, theta = simulated_test(members, items, 10_000 + seed)
        got = fit(answers, [str(j) for j in range(items)], **NAMED)
        scores = [s for s in eap(got, answers) if s is not None]
        pairs = {
            "a": ([i.a for i in got.items], [i.se_a for i in got.items], a),
            "b": ([i.b for i in got.items], [i.se_b for i in got.items], b),
            "theta": ([s.theta for s in scores], [s.se for s in scores], theta),
        }
        for name, (estimates, errors, truth) in pairs.items():
            for estimate, error, true in zip(estimates, errors, truth, strict=True):
                if estimate is not None and error is not None:
                    hits[name].append(abs(estimate - true) < 1.96 * error)
            related[name].append(float(np.corrcoef(np.array(estimates, dtype=float), truth)[0, 1]))
    return {
        "members": members,
        "items": items,
        "replications": replications,
        "covered": {k: round(float(np.mean(v)), 4) for k, v in hits.items()},
        "intervals": {k: len(v) for k, v in hits.items()},
        "mean_correlation": {k: round(float(np.mean(v)), 4) for k, v in related.items()},
    }


def main() -> None:
    """Print or write one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each case")
    parser.add_argument("--coverage", type=int, default=0, metavar="N", help="also simulate N calibrations")
    parser.add_argument("--out", type=Path, help="write the result there")
    given = parser.parse_args()
    result: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
        },
        "speed": speed(given.repeats),
    }
    if given.coverage:
        result["coverage_95"] = coverage(given.coverage)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    else:
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
