"""All benchmarks one after the other, and docs/performance.md from their results.

    python -m bench [--full] [--only PART ...] [--page-only]

Short by default: some minutes, on few events. Each part runs in a process of its own, so that none inherits the memory
of another; ``python -m bench.PART --help`` tells what a part can be asked for by itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from bench.page import RESULTS, performance_markdown

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

SHORT: dict[str, str] = {
    "ingest": "--events 60000 --per-message 1 20 --members 20000 --repeat 1",
    "latency": "--seconds 10 --members 20000",
    "scaling": "--events 60000 --members 10000 50000",
    "pipeline": "--all --events 60000",
    "queries": "--size small --repeat 3",
    "reports": "--size small --members 1000",
    "measures": "--repeats 2",
    "collector": "--seconds 2",
}
FULL: dict[str, str] = {
    "ingest": "--events 300000 --repeat 5",
    "latency": "--seconds 60",
    "scaling": "--events 300000",
    "pipeline": "--all --events 300000",
    "queries": "--size full",
    "reports": "--size full",
    "measures": "",
    "collector": "--seconds 10",
}
"""Part → what it is asked for; a part is a module ``bench.PART`` that takes ``--out``."""


def main() -> None:
    """Run the parts, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="long runs: hours")
    parser.add_argument("--only", nargs="+", choices=SHORT, default=list(SHORT), metavar="PART")
    parser.add_argument("--page-only", action="store_true", help="write the page from the results that are there")
    given = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    failed = []
    for part in () if given.page_only else given.only:
        arguments = (FULL if given.full else SHORT)[part].split()
        out = ["--out", str(RESULTS / f"{part}.json")]
        if subprocess.run([sys.executable, "-m", f"bench.{part}", *arguments, *out], check=False).returncode:
            failed.append(part)
    PAGE.write_text(performance_markdown(), "utf-8")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
