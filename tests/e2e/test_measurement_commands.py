"""The commands of measurement as a person uses them: calibrate, explain, computed queries, on a store in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.connect import engine
from schemas.reference import Member, Organisation, ReferenceTables
from sinks.client import Endpoint, Store
from sinks.migrate import migrate
from tests.support.harness import event, uid
from tests.support.loaded import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose engine runs: 40 members sat an exam, one of them studied on two devices across midnight."""
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    data = tmp_path_factory.mktemp("data")
    members = [f"m{i}" for i in range(40)]
    lines = [
        event(1, "study", "2026-03-03T00:20:00+08:00", member="m1", device_id="a", duration_ms=3_600_000),
        event(2, "study", "2026-03-03T00:00:00+08:00", member="m1", device_id="b", duration_ms=1_800_000),
    ]
    for i, member in enumerate(members):
        for j in range(5):
            right = (7 * i + 3 * j) % 11 < 3 + (i % 5) + (j % 3)
            fields = {"question_id": f"q{j}", "exam_id": "e", "correct": right, "duration_ms": 30_000}
            lines.append(event(10 + 5 * i + j, "answer", f"2026-03-05T10:0{j}:00+08:00", member=member, **fields))
    tables = ReferenceTables(
        organisations=[Organisation(org_id="b1", name="One")],
        members=[Member(member_id=m, name=m, org_id="b1") for m in members],
    )
    with engine(data / "store") as process:
        store = Store(Endpoint(process.url, process.user, process.password))
        migrate(store)
        load(store, lines, tables, "Asia/Shanghai")
        store.close()
        yield data


def xuejing(folder: Path, *arguments: str, fails: bool = False) -> str:
    """Standard output, or of a failure standard error."""
    environment = {**os.environ, "XUEJING_LANGUAGE": "en", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--data", str(folder), *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def test_study_is_explained(folder: Path) -> None:
    found = json.loads(xuejing(folder, "explain", "study", "--member", "m1", "--day", "2026-03-02", "--format", "json"))
    assert found["equal_to_store"]
    assert (found["study_ms"], found["sum_ms"], found["overlap_ms"]) == (2_400_000, 4_200_000, 1_800_000)
    by_event = {line["event_id"]: line for line in found["intervals"]}
    assert by_event[uid(1)]["cut_at_midnight"]
    assert by_event[uid(1)]["start"] == "2026-03-02T23:20:00.000+08:00"
    assert (by_event[uid(2)]["new_ms"], by_event[uid(2)]["merged_ms"]) == (0, 1_800_000)
    table = xuejing(folder, "explain", "study", "--member", "m1", "--day", "2026-03-02")
    assert "cut at midnight" in table
    assert "no event" in xuejing(folder, "explain", "study", "--member", "m", "--day", "2026-03-02", fails=True)


def test_answers_are_explained(folder: Path) -> None:
    found = json.loads(xuejing(folder, "explain", "answer", "--member", "m1", "--question", "q1", "--format", "json"))
    assert [line["why_en"] for line in found["answers"]] == ["last answer of the attempt"]


def test_calibrate_then_ask(folder: Path) -> None:
    xuejing(folder, "calibrate")
    first = json.loads(xuejing(folder, "query", "calibrations", "--format", "json"))
    assert [(c["kind"], c["subject"], c["version"], c["n"]) for c in first] == [("irt", "e", 1, 40)]
    xuejing(folder, "calibrate", "--exam", "e")
    assert json.loads(xuejing(folder, "query", "calibrations", "--format", "json")) == first
    items = json.loads(xuejing(folder, "query", "items", "--exam", "e", "--format", "json"))
    assert [(i["question_id"], i["n"], i["calibration"]) for i in items] == [(f"q{j}", 40, "e@1") for j in range(5)]
    listed = xuejing(folder, "query", "list")
    for name in ("items", "mastery", "effort", "branches", "attitude", "gain", "wrong-book", "suggestions", "metrics"):
        assert name in listed
    assert "no answers" in xuejing(folder, "calibrate", "--exam", "unknown", fails=True)
