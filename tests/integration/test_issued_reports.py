"""Reports as of a moment, on the engine: the same bytes again after everything that may change the figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from commands.context import Context
from commands.rebuild import run as rebuild
from reports.measures.bkt import DEFAULTS
from schemas.reference import Course, Exam, Member, ReferenceTables
from schemas.settings import Settings
from schemas.tables import CALIBRATIONS, ITEM_THRESHOLDS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from streams.rules import Rules
from tests.support.harness import RECEIVED, Harness, event, uid
from tests.support.world import DAYS, day, lines, reference

FIRST, LAST = day(2), day(DAYS - 3)
PERIOD = ("--from", str(FIRST), "--to", str(LAST))
DAY_ONE = datetime(2026, 9, 1, tzinfo=UTC)


class Running:
    """A store that takes events and imports, and the command line on it."""

    def __init__(self, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.folder = store, folder
        ensure_generation(store, "Asia/Shanghai", Rules().to_json())
        sink = ClickHouseSink(store)
        write_reference(sink, reference(7), DAY_ONE)
        self.harness = Harness(sink, StoreRosters(sink))
        self.clock = datetime(2026, 10, 1, tzinfo=UTC)
        self.harness.members.now_us = lambda: round(self.clock.timestamp() * 1_000_000)
        for name, value in {
            "XUEJING_CLICKHOUSE_URL": store.endpoint.url,
            "XUEJING_CLICKHOUSE_USER": store.endpoint.user,
            "XUEJING_CLICKHOUSE_PASSWORD": store.endpoint.password,
            "XUEJING_DATA_DIR": str(folder / "data"),
            "XUEJING_LANGUAGE": "en",
        }.items():
            monkeypatch.setenv(name, value)

    def send(self, sent: list[bytes], at: datetime) -> None:
        """Archive lines at a moment."""
        self.clock = at
        self.harness.send(*[[line] for line in sent], received=RECEIVED)

    def run(self, *arguments: str) -> Any:
        """A command; the test fails where it does."""
        result = CliRunner().invoke(cli.application(), list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    def report(self, name: str, kind: str, subject: str, *options: str) -> dict[str, bytes]:
        """The files of a report."""
        out = self.folder / name
        self.run("report", kind, *([subject] if subject else []), *PERIOD, "--out", str(out), *options)
        return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def calibrated(store: Store, at: datetime) -> None:
    """A threshold that makes most answers rapid, and knowledge tracing of a point."""
    threshold = {"question_id": "q1", "version": 1, "ms": 60_000.0, "n": 50, "mean_ms": 9e4, "frozen_at": at}
    store.insert(ITEM_THRESHOLDS.name, ITEM_THRESHOLDS.rows([threshold | {"generation": 1}]))
    row = {"kind": "bkt", "subject": "k1", "version": 1, "calibrated_at": at, "generation": 1, "model": "fitted"}
    parameters = {"params": {**asdict(DEFAULTS), "s": 0.3}}
    row |= {"n": 9, "answers": 99, "fingerprint": "f", "parameters": json.dumps(parameters)}
    store.insert(CALIBRATIONS.name, CALIBRATIONS.rows([row]))


def everything_changes(running: Running) -> None:
    """Late events, withdrawals, a transfer, new titles, a calibration, and a rebuild, all after October."""
    later = datetime(2026, 11, 2, tzinfo=UTC)
    late = lines(99, 300)
    running.send([line.replace(b'"00000000', b'"10000000') for line in late], later)
    running.send(
        [
            event(90_000 + n, "withdraw", "2026-03-20T10:00:00+08:00", f"m{n:02}", target_event_id=uid(n))
            for n in range(1, 20)
        ],
        later,
    )
    moved = [Member(member_id=f"m{n:02}", name=f"Moved {n}", org_id="r1", category="staff") for n in (1, 4, 9)]
    tables = ReferenceTables(
        members=tuple(moved),
        courses=(Course(course_id="c1", title="Another title"),),
        exams=(Exam(exam_id="e1", course_id="c1", title="Another exam", max_score=50.0),),
        present=frozenset({"members", "courses", "exams"}),
    )
    write_reference(running.harness.sink, tables, later)
    calibrated(running.store, later)
    settings = Settings(data_dir=str(running.folder / "data"))
    rebuild(Context(settings, {}), running.store, "Asia/Shanghai", Rules(), lambda *_: None)


@pytest.fixture
def running(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    found = Running(store, tmp_path, monkeypatch)
    found.send(lines(7, 700), found.clock)
    return found


SUBJECTS = (("member", "m03"), ("branch", "top"), ("branch", "l1"), ("all", ""))


def test_issued_reports_are_made_again_byte_by_byte(running: Running) -> None:
    issued = {s: running.report(f"first-{s[0]}-{s[1]}", *s, "--issue") for s in SUBJECTS}
    cut_offs = {
        (str(k), str(s)): str(c)
        for k, s, c in running.store.rows("SELECT kind, subject, cut_off FROM issued_reports FINAL")
    }
    assert len(cut_offs) == len(SUBJECTS)
    everything_changes(running)
    for (kind, subject), files in issued.items():
        moment = cut_offs["group" if kind == "branch" else kind, subject].replace(" ", "T") + "+00:00"
        again = running.report(f"again-{kind}-{subject}", kind, subject, "--as-of", moment)
        assert again == files, (kind, subject)
        now = running.report(f"now-{kind}-{subject}", kind, subject)
        assert now.keys() >= files.keys()
        assert now != files


def test_a_moment_that_was_not_issued_is_computed_from_the_archive(running: Running) -> None:
    before = {}
    moment = running.clock + timedelta(days=3)
    for kind, subject in SUBJECTS:
        before[kind, subject] = running.report(f"first-{kind}-{subject}", kind, subject, "--as-of", moment.isoformat())
    live = running.report("live", "branch", "top", "--format", "json", "--lang", "en")
    everything_changes(running)
    for kind, subject in SUBJECTS:
        again = running.report(f"again-{kind}-{subject}", kind, subject, "--as-of", moment.isoformat())
        assert again == before[kind, subject], (kind, subject)
    (name,) = live
    then, now = json.loads(before["branch", "top"][name]), json.loads(live[name])
    for report in (then, now):
        del report["report"]["head"]["as_of"]
    assert then == now
    assert not list((running.folder / "data" / "as-of").iterdir())


def test_what_changed_is_told_with_its_causes(running: Running) -> None:
    running.report("first", "member", "m03", "--issue")
    ((cut_off,),) = running.store.rows("SELECT toString(cut_off) FROM issued_reports FINAL")
    running.clock = datetime.now(UTC) + timedelta(hours=1)
    running.send([event(70_001, "study", "2026-03-15T11:00:00+08:00", "m03", duration_ms=1_800_000)], running.clock)
    moment = f"{cut_off.replace(' ', 'T')}+00:00"
    files = running.report("now", "member", "m03", "--compare", moment, "--lang", "en")
    (name,) = (n for n in files if n.endswith("changes.en.json"))
    found = json.loads(files[name])["report"]
    by_metric = {c["metric_id"]: c for c in found["changes"] if not c["rows"]}
    study = by_metric["study_seconds"]
    assert 0 < study["after"]["value"] - study["before"]["value"] <= 1800
    assert study["causes"] == ["records"]
    assert not any(c["withheld"] for c in found["changes"])
