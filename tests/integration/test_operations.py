"""The operator's commands against a running embedded stack, as a person would use them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import application
from commands.context import Context
from commands.rebuild import run as rebuild
from commands.reconcile import run as reconcile
from commands.retention import apply as retain
from commands.retention import cutoff
from commands.stack import Stack, stack
from schemas.errors import XuejingError
from schemas.settings import Settings
from sinks.read import Filters, Reader, Scope
from sinks.read.generations import active_generation
from streams.rules import Rules
from tests.support.harness import event, uid

pytestmark = pytest.mark.io


class Ops:
    """A running stack and the command line on it."""

    def __init__(self, running: Stack, settings: Settings, folder: Path) -> None:
        self.running, self.settings, self.folder = running, settings, folder
        self.runner = CliRunner()

    def cli(self, *arguments: str, ok: bool = True) -> Result:
        result = self.runner.invoke(
            application(arguments[0]), ["--data", self.settings.data_dir, "--lang", "en", *arguments]
        )
        if ok and result.exception is not None:
            raise result.exception
        return result

    def emit(self, *lines: bytes) -> None:
        path = self.folder / "events.ndjson"
        path.write_bytes(b"\n".join(lines) + b"\n")
        self.cli("emit", "--restart", str(path))
        self.running.wait_until_processed()

    def roster(self, *members: tuple[str, str, str, str]) -> None:
        folder = self.folder / "roster"
        folder.mkdir(exist_ok=True)
        self._write(folder / "organisations.csv", [("org_id", "parent_id", "name"), ("b1", "", "一"), ("b2", "", "二")])
        self._write(folder / "members.csv", [("member_id", "name", "org_id", "valid_from", "valid_to"), *(
            (m, m, org, a, b) for m, org, a, b in members)])  # fmt: skip
        self.cli("import", "roster", str(folder))
        self.running.wait_until_processed()

    @staticmethod
    def _write(path: Path, rows: list[tuple[str, ...]]) -> None:
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows(rows)

    def day(self, member: str, course: str = "") -> list[dict[str, Any]]:
        frame = Reader(self.running.store).frame("member-day", Scope.everything(), Filters(member=member))
        return [r for r in frame.to_dicts() if r["course_id"] == course]

    def branch(self, org: str) -> list[tuple[Any, ...]]:
        return self.running.store.rows(
            "SELECT day, members, active_members, study_ms FROM branch_day FINAL WHERE org_id = {o:String} "
            "AND course_id = '' AND generation = (SELECT generation FROM v_generation) ORDER BY day",
            {"o": org},
        )

    def agree(self) -> None:
        report = reconcile(self.running.store)
        assert report.differences == []
        assert report.member_rows > 0


def study(n: int, member: str = "m1", at: str = "2026-03-02T10:00:00+08:00", minutes: int = 10) -> bytes:
    return event(n, "study", at, member=member, duration_ms=minutes * 60_000)


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ops]:
    folder = tmp_path_factory.mktemp("ops")
    settings = Settings(data_dir=str(folder / "data"), language="en", partitions=2)
    (folder / "data").mkdir()
    with stack(settings) as running:
        found = Ops(running, settings, folder)
        found.roster(("m1", "b1", "", ""), ("m2", "b1", "", ""))
        yield found


def test_unknown_member_is_retried_by_the_import_that_brings_them(ops: Ops) -> None:
    ops.emit(study(1), study(2, "m3"))
    assert ops.day("m3") == []
    assert "unknown_member" in ops.running.store.rows("SELECT reason FROM rejected_events FINAL")[0]
    ops.roster(("m1", "b1", "", ""), ("m2", "b1", "", ""), ("m3", "b2", "", ""))
    (row,) = ops.day("m3")
    assert (row["study_seconds"], row["org_id"]) == (600, "b2")
    assert ops.running.store.rows("SELECT status FROM rejected_events FINAL") == [("retried",)]
    ops.agree()


def test_back_dated_transfer_moves_the_figures_of_both_branches(ops: Ops) -> None:
    before = ops.branch("b1"), ops.branch("b2")
    ops.roster(("m1", "b1", "", "2026-03-02"), ("m1", "b2", "2026-03-02", ""), ("m2", "b1", "", ""),
               ("m3", "b2", "", ""))  # fmt: skip
    assert (ops.branch("b1"), ops.branch("b2")) != before
    assert [r[1:] for r in ops.branch("b1")] == [(1, 0, 0)]
    assert [r[1:] for r in ops.branch("b2")] == [(2, 2, 1_200_000)]
    ops.agree()


def test_withdraw_takes_an_event_out_of_every_figure(ops: Ops) -> None:
    ops.emit(study(10, "m2", minutes=30))
    assert ops.day("m2")
    ops.cli("withdraw", uid(10), "--reason", "entered twice")
    ops.running.wait_until_processed()
    assert ops.day("m2") == []
    ops.agree()
    with pytest.raises(XuejingError, match="no such event"):
        ops.cli("withdraw", uid(999), "--reason", "x")


def test_replay_changes_no_figure(ops: Ops) -> None:
    before = ops.day("m1"), ops.branch("b2")
    ops.cli("replay", "--from", "2026-01-01", "--to", "2026-12-31")
    ops.running.wait_until_processed()
    assert (ops.day("m1"), ops.branch("b2")) == before
    assert ops.running.store.rows("SELECT count() > 0 FROM duplicates FINAL") == [(True,)]
    ops.agree()


def test_rejected_lines_are_listed_shown_and_discarded(ops: Ops) -> None:
    ops.emit(b"not json", study(20).replace(b'"m1"', b'""'))
    shown = [json.loads(line) for line in ops.cli("rejected", "show").stdout.splitlines()]
    assert sorted(r["reason"] for r in shown) == ["invalid", "malformed"]
    assert next(r["raw"] for r in shown if r["reason"] == "malformed") == "not json"
    ops.cli("rejected", "discard", "--reason", "malformed")
    assert [json.loads(line)["reason"] for line in ops.cli("rejected", "show").stdout.splitlines()] == ["invalid"]


def test_probe_travels_the_pipeline_and_touches_nobody(ops: Ops) -> None:
    from commands.telemetry import measure
    from commands.worker import event_producer
    from sinks.clickhouse import ClickHouseSink

    before = ops.running.store.rows("SELECT count() FROM events")
    with event_producer(ops.running.settings) as producer:
        seconds = measure(ClickHouseSink(ops.running.store), producer, timeout=60)
    assert len(seconds) == 2
    assert all(s > 0 for s in seconds)
    assert ops.running.store.rows("SELECT count() FROM events") == before


def test_a_sign_in_table_becomes_attendance_and_credit(ops: Ops) -> None:
    path = ops.folder / "sign-in.csv"
    ops._write(path, [("member_id", "session_id", "meeting", "start", "end", "method"),
                      ("m1", "L1", "党课", "2026-03-04 14:00", "2026-03-04 15:30", "扫码"),
                      ("m2", "L1", "党课", "2026-03-04 14:00", "2026-03-04 15:30", "hand")])  # fmt: skip
    ops.cli("emit", "--restart", str(path))
    ops.running.wait_until_processed()

    def query(name: str, *options: str) -> list[dict[str, Any]]:
        found = ops.cli("query", name, "--format", "ndjson", "--to", "2026-03-31", *options).stdout
        return [json.loads(line) for line in found.splitlines()]

    rows = query("attendance")
    assert [(r["member_id"], r["day"], r["meeting"], r["methods"], r["duration_ms"]) for r in rows] == [
        ("m1", "2026-03-04", "party_lecture", ["code"], 5_400_000),
        ("m2", "2026-03-04", "party_lecture", ["hand"], 5_400_000),
    ]
    hours = {r["member_id"]: r["earned_hours"] for r in query("credit") if r["credit_kind"] == "organised"}
    assert (hours["m1"], hours["m2"], hours["m3"]) == (2, 2, 0)
    ops.agree()
    ops.cli("withdraw", rows[0]["event_ids"][0], "--reason", "entered for somebody else")
    ops.running.wait_until_processed()
    assert [r["member_id"] for r in query("attendance")] == ["m2"]
    ops.agree()
    quotas = ops.folder / "quotas.csv"
    ops._write(quotas, [("quota_id", "kind", "hours"), ("q-1", "organised", "2")])
    ops.cli("import", "credit", str(quotas))
    states = {r["member_id"]: r["state"] for r in query("credit") if r["credit_kind"] == "organised"}
    assert (states["m1"], states["m2"]) == ("open", "done")


def test_rebuild_with_another_zone_switches_when_all_is_there(ops: Ops) -> None:
    ops.emit(study(30, "m2", "2026-03-05T00:10:00+08:00", 20))
    assert [(str(r["day"]), r["study_seconds"]) for r in ops.day("m2")] == [("2026-03-04", 600), ("2026-03-05", 600)]
    context = Context(ops.settings, {})
    info = rebuild(context, ops.running.store, "Europe/Rome", Rules(), lambda *_: None)
    assert active_generation(ops.running.store).number == info.number
    assert [(str(r["day"]), r["study_seconds"]) for r in ops.day("m2")] == [("2026-03-04", 1200)]
    ops.agree()
    ops.emit(study(31, "m2", "2026-03-05T01:00:00+08:00", 20))
    assert [r["study_seconds"] for r in ops.day("m2")] == [2400]
    ops.agree()


def test_reconcile_sees_a_figure_that_was_changed(ops: Ops) -> None:
    store = ops.running.store
    store.command(
        "INSERT INTO member_day SELECT * REPLACE (study_ms + 1 AS study_ms, version + 1 AS version) FROM member_day "
        "FINAL WHERE member_id = 'm3' AND course_id = '' AND generation = (SELECT generation FROM v_generation)"
    )
    found = reconcile(store).differences
    assert {(d.table, d.figure) for d in found} >= {("member_day", "study_ms")}
    result = ops.cli("reconcile", ok=False)
    assert isinstance(result.exception, XuejingError)
    # Made good by a rebuild: figures are functions of the archive.
    rebuild(Context(ops.settings, {}), store, "Europe/Rome", Rules(), lambda *_: None)
    ops.agree()


def test_retention_drops_raw_events_keeps_figures_and_closes_days(ops: Ops) -> None:
    now = datetime.now(UTC)
    old = now - timedelta(days=400)
    ops.emit(study(40, "m2", old.isoformat(timespec="seconds"), 10))
    kept = ops.day("m2")
    settings = replace(ops.settings, raw_days=300)
    months = retain(settings, ops.running.store, now)
    assert f"{old:%Y%m}" in months
    assert ops.running.store.rows("SELECT min(at) > {t:DateTime} FROM events", {"t": cutoff(now, 300)}) == [(True,)]
    assert ops.day("m2") == kept
    late = study(41, "m2", old.isoformat(timespec="seconds"), 5)
    ops.emit(late)
    assert ops.day("m2") == kept
    rows = ops.running.store.rows(
        "SELECT reason FROM rejected_events FINAL WHERE event_id = {i:String}", {"i": uid(41)}
    )
    assert rows == [("period_closed",)]
    ops.agree()
    rebuild(Context(settings, {}), ops.running.store, "Europe/Rome", Rules(), lambda *_: None)
    assert ops.day("m2") == kept


def test_files_larger_than_the_broker_may_hold_give_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import commands.analyse as analysing
    import producers.emit as emitting
    from producers.simulate import scaled_scenario, write_simulation

    source = tmp_path / "source"
    write_simulation(scaled_scenario(members=12, branches=2, days=14), source, with_truth=False)
    results = []
    for name, limit in (("whole", 1 << 30), ("parts", 0)):
        monkeypatch.setattr(analysing, "BROKER_BYTES", limit)
        monkeypatch.setattr(analysing, "BROKER_LINES", limit)
        monkeypatch.setattr(emitting, "LINES_A_CHECKPOINT", 1500)
        monkeypatch.setattr(analysing, "write_reports", lambda *_, **__: None)
        lives: list[str] = []
        begin = analysing.Stack.begin
        monkeypatch.setattr(analysing.Stack, "begin", lambda s, b=begin, seen=lives: (b(s), seen.append(s.settings)))
        job = analysing.Job([str(source / "events.ndjson")], source, source, tmp_path / name, "Asia/Shanghai")
        summary = analysing.analyse(Context(Settings(language="en"), {}), job)
        results.append((summary, (tmp_path / name / "member_day.parquet").read_bytes()))
        monkeypatch.undo()
        assert (len(lives) > 2) == (name == "parts")
    assert results[0] == results[1]
