"""``python -m tests.mutants``: puts each fault into a copy of the tree, and runs the tests that must notice it.

Prints a table; exits with 1 if a mutant survives or no longer applies. ``--only TEXT`` for some of them, ``--jobs N``
for how many at a time, each in a copy of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
RESULT = Path(__file__).resolve().parent / "results.json"
COPIED = ("schemas", "producers", "streams", "sinks", "reports", "web", "commands", "tests", "cli.py", "pyproject.toml")
LONGEST = 240


def main() -> int:
    """Run the mutants."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if options.only in m.name]
    with tempfile.TemporaryDirectory(prefix="xuejing-mutants-") as folder:
        trees = queue.SimpleQueue[Path]()
        for number in range(options.jobs):
            tree = Path(folder) / str(number)
            _copy(tree)
            trees.put(tree)

        def attempt(mutant: Mutant) -> dict[str, str]:
            free = trees.get()
            try:
                return _try(free, mutant)
            finally:
                trees.put(free)

        tests = sorted({t for m in chosen for t in m.tests})
        print(f"without a mutation: {len(tests)} test files and tests … ", end="", flush=True)
        if failed := _failure(tree, tests, LONGEST * 4):
            print(f"red already\n{failed}")
            return 1
        print("green", flush=True)
        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(attempt, chosen))
    alive = [r for r in results if r["verdict"] != "killed"]
    if not options.only:
        RESULT.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"{len(results) - len(alive)} of {len(results)} mutants were noticed")
    return 1 if alive else 0


def _copy(tree: Path) -> None:
    tree.mkdir()
    for name in COPIED:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "results", "*.egg-info")
        shutil.copytree(source, tree / name, ignore=ignore) if source.is_dir() else shutil.copy(source, tree / name)


def _try(tree: Path, mutant: Mutant) -> dict[str, str]:
    begin = time.monotonic()
    path = tree / mutant.path
    whole = path.read_text("utf-8")
    if whole.count(mutant.old) != 1:
        verdict, by = "does not apply", ""
    else:
        path.write_text(whole.replace(mutant.old, mutant.new), "utf-8")
        try:
            by = next((failed for t in mutant.tests if (failed := _failure(tree, [t]))), "")
        finally:
            path.write_text(whole, "utf-8")
        verdict = "killed" if by else "SURVIVED"
    print(f"{verdict:14} {mutant.name:52} {time.monotonic() - begin:5.1f} s  {by}", flush=True)
    return {"mutant": mutant.name, "path": mutant.path, "verdict": verdict, "by": by}


def _failure(tree: Path, tests: list[str], longest: int = LONGEST) -> str:
    """The first test that fails, '' if none does; ``longest``: seconds after which it counts as failed."""
    present = [t for t in tests if (tree / t.split("::")[0]).exists()]
    if not present:
        return ""
    # Examples that are the same every time, and no shrinking: a failure is enough.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("XUEJING_REQUIRE", None)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "--no-header",
        "-rfE",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.mutants.plugin",
        *present,
    ]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=longest, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end within {longest} s"
    if done.returncode in (0, 5):
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return failed[0].split(" ")[1] if failed else f"pytest ended with {done.returncode}: {done.stdout[-300:]}"


if __name__ == "__main__":
    sys.exit(main())
