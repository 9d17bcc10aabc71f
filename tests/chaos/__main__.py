"""``python -m tests.chaos --minutes N --seed S``: a run of chaos; exits with 1 on any difference."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.chaos.results import RESULTS
from tests.chaos.run import run


def main() -> int:
    """Run, write the result, and say it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.2, help="how long faults go on (default: 1.2)")
    parser.add_argument("--seed", type=int, default=1, help="of events and faults")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=120.0, help="lines a second")
    parser.add_argument("--apache", action="store_true", help="Apache Kafka instead of the embedded broker")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the store and logs (default: temporary)")
    options = parser.parse_args()
    result = run(
        options.minutes * 60,
        options.seed,
        apache=options.apache,
        workers=options.workers,
        rate=options.rate,
        folder=options.keep,
        say=lambda line: print(line, flush=True),
    )
    arguments = [f"--minutes {options.minutes:g}", f"--seed {options.seed}"]
    arguments += [f"--workers {options.workers}"] if options.workers != 2 else []
    arguments += [f"--rate {options.rate:g}"] if options.rate != 120 else []
    arguments += ["--apache"] if options.apache else []
    result["command"] = "python -m tests.chaos " + " ".join(arguments)
    name = f"{'apache' if options.apache else 'embedded'}-{options.minutes:g}min-seed{options.seed}.json"
    (RESULTS / name).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps(result, indent=1, ensure_ascii=False))
    return 1 if result["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
