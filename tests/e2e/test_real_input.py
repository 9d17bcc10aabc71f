"""``xuejing analyse`` on two real data sets, against a computation of its own straight from their CSV files."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.e2e import recompute

ROOT = Path(__file__).resolve().parent.parent.parent
ZONE = "Europe/Rome"
EVENTS = {"epm": 105_380, "credential": 144_000}
REJECTED = {"epm": {"invalid": 1}, "credential": {}}
"""One interval of the simulator ends before it begins."""
GARBAGE = {
    "malformed": [b"{", b"not an event", b'{"event_id": "\xff"}', b"[" * 5000, b"null"],
    "invalid": [b"{}", b'{"event_type": "answer", "member_id": "1"}'],
    "unknown_type": [b'{"event_type": "dance", "member_id": "1"}'],
    "unsupported_version": [b'{"event_type": "study", "member_id": "1", "schema_version": 99}'],
    "too_large": [b'{"x_note": "' + b"a" * (1 << 20) + b'"}'],
}

pytestmark = pytest.mark.io


@dataclass(frozen=True)
class Run:
    """A finished ``xuejing analyse``: its folder, and what it said."""

    out: Path
    said: str

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "summary.json").read_text("utf-8"))
        return found

    @property
    def rejected(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / "rejected.ndjson").read_text("utf-8").splitlines()]

    def frame(self, name: str, key: list[str]) -> pl.DataFrame:
        return pl.read_parquet(self.out / f"{name}.parquet").sort(key)


def run(*arguments: str) -> str:
    """Run a Python command from the root of the repository; what it said."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def analyse(events: Path, tables: Path, out: Path) -> Run:
    """``xuejing analyse`` with the roster and the catalogue of ``tables``."""
    reference = ["--roster", str(tables), "--catalogue", str(tables)]
    said = run("-m", "cli", "analyse", str(events), *reference, "--timezone", ZONE, "--out", str(out))
    return Run(out, said)


@pytest.fixture(scope="session")
def imported(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder that an example's importer wrote, by the name of the data set."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            run(str(ROOT / "examples" / f"{name}.py"), str(data_dir / name), str(made[name]))
        return made[name]

    return folder


@pytest.fixture(scope="session")
def analysed(imported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """The analysis of a data set as its importer wrote it."""
    made: dict[str, Run] = {}

    def result(name: str) -> Run:
        if name not in made:
            folder = imported(name)
            made[name] = analyse(folder / "events.ndjson", folder, tmp_path_factory.mktemp(f"{name}-out"))
        return made[name]

    return result


def same(found: pl.DataFrame, expected: pl.DataFrame, key: list[str]) -> None:
    """Equal in every column that was recomputed, without a row missing or extra."""
    assert found.select(key).is_unique().all()
    seconds = pl.col("^.*_seconds$").exclude("hour_seconds")
    found = found.with_columns((seconds * 1000).round().cast(pl.Int64).name.replace("_seconds", "_ms"))
    assert_frame_equal(found.select(expected.columns), expected, check_exact=True, check_dtypes=False)


@pytest.mark.parametrize("name", ["epm", "credential"])
def test_every_figure_equals_the_recomputation(name: str, data_dir: Path, analysed: Callable[[str], Run]) -> None:
    result = analysed(name)
    days, branches = getattr(recompute, name)(data_dir / name, ZONE)
    same(result.frame("member_day", recompute.KEY), days.sort(recompute.KEY), recompute.KEY)
    same(result.frame("branch_day", recompute.BRANCH_KEY), branches, recompute.BRANCH_KEY)


@pytest.mark.parametrize("name", ["epm", "credential"])
def test_summary_balances_and_names_what_was_rejected(name: str, analysed: Callable[[str], Run]) -> None:
    result = analysed(name)
    rejected = REJECTED[name]
    bad = sum(rejected.values())
    assert result.summary == {
        "events_read": EVENTS[name],
        "archived": EVENTS[name] - bad,
        "duplicates": 0,
        "rejected": rejected,
    }
    assert len(result.rejected) == bad
    if bad:
        assert "-612000" in result.rejected[0]["raw"]
        assert result.rejected[0]["detail"].startswith("duration_ms: -612000")
        assert "rejected.ndjson" in result.said.strip().splitlines()[-1]


@pytest.mark.parametrize("name", ["epm", "credential"])
def test_a_run_leaves_its_results_and_nothing_else(name: str, analysed: Callable[[str], Run]) -> None:
    result = analysed(name)
    assert {p.name for p in result.out.iterdir()} == {
        *("report", "member_day.parquet", "branch_day.parquet", "rejected.ndjson", "summary.json")
    }
    assert (result.out / "report" / "index.html").is_file()


def test_order_repetition_and_garbage_do_not_show(
    imported: Callable[[str], Path], analysed: Callable[[str], Run], tmp_path: Path
) -> None:
    plain, folder = analysed("epm"), imported("epm")
    chance = random.Random(20141002)
    events = (folder / "events.ndjson").read_bytes().splitlines()
    repeated = chance.sample([e for e in events if b"-612000" not in e], len(events) // 20)
    stranger = events[0].replace(b'"member_id": "1"', b'"member_id": "nobody"')
    tomorrow = events[0].replace(b'"2014-', b'"2099-')
    garbage = {**GARBAGE, "unknown_member": [stranger], "from_the_future": [tomorrow]}
    lines = events + repeated + [line for of_reason in garbage.values() for line in of_reason]
    chance.shuffle(lines)
    mixed = tmp_path / "mixed.ndjson.gz"
    with gzip.open(mixed, "wb", compresslevel=1) as file:
        file.write(b"\r\n\r\n".join(lines))
    result = analyse(mixed, folder, tmp_path / "out")
    for name, key in (("member_day", recompute.KEY), ("branch_day", recompute.BRANCH_KEY)):
        assert_frame_equal(result.frame(name, key), plain.frame(name, key), check_exact=True)
    counts = {reason: len(of_reason) for reason, of_reason in garbage.items()}
    counts["invalid"] += REJECTED["epm"]["invalid"]
    assert result.summary == {
        "events_read": len(lines),
        "archived": plain.summary["archived"],
        "duplicates": len(repeated),
        "rejected": counts,
    }
    assert sorted(r["reason"] for r in result.rejected) == sorted(r for r, n in counts.items() for _ in range(n))
