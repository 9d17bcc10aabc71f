"""Metrics by convention, alerts that name metrics and pages that exist, and when a worker counts as wedged."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client import generate_latest

from commands.schedule_metrics import collect
from commands.schedule_state import StateFolder
from commands.telemetry import Health, Telemetry
from reports.schedule.config import Schedule
from sinks.clickhouse import ClickHouseSink
from sinks.memory import MemorySink
from streams.pipeline import Tally

ROOT = Path(__file__).resolve().parents[2]
HERE = frozenset({("xuejing.events", 0), ("xuejing.events", 2)})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Away:
    """What Health needs of a sink."""

    waiting_since: float | None = None


@pytest.fixture
def telemetry() -> Telemetry:
    found = Telemetry()
    tally = Tally(messages=2, lines=7, new=3, duplicates=1, redelivered=1, rejected={"invalid": 2})
    tally.seconds.update(fold=0.2, archive=0.5)
    found.batch_done(tally, 5)
    found.lag.labels("t", "0").set(3)
    found.probes.labels("visible").inc()
    found.latency.observe(0.3)
    return found


def exposed(telemetry: Telemetry) -> str:
    return generate_latest(telemetry.registry).decode()


def test_a_batch_is_in_the_exposed_text(telemetry: Telemetry) -> None:
    lines = exposed(telemetry).splitlines()
    assert 'xuejing_lines_total{verdict="new"} 3.0' in lines
    assert 'xuejing_lines_total{verdict="duplicates"} 1.0' in lines
    assert 'xuejing_rejected_lines_total{reason="invalid"} 2.0' in lines
    assert 'xuejing_step_seconds_sum{step="fold"} 0.2' in lines
    assert 'xuejing_step_seconds_count{step="archive"} 1.0' in lines
    assert "xuejing_batch_lines_sum 7.0" in lines
    assert 'xuejing_consumer_lag_messages{partition="0",topic="t"} 3.0' in lines


def test_names_and_units_follow_the_conventions(telemetry: Telemetry) -> None:
    for family in telemetry.registry.collect():
        assert re.fullmatch(r"xuejing_[a-z_]+", family.name)
        assert family.documentation
        assert not family.documentation.endswith(".")
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|count)$", family.name)
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_lines", "_bytes"))
        for sample in family.samples:
            if family.type == "counter" and not sample.name.endswith("_created"):
                assert sample.name.endswith("_total")


def test_no_label_names_a_person(telemetry: Telemetry) -> None:
    labels = {k for f in telemetry.registry.collect() for s in f.samples for k in s.labels}
    assert labels <= {"verdict", "reason", "step", "le", "topic", "partition", "outcome"}


def test_wedged_when_messages_wait_here_and_no_batch_ends() -> None:
    clock, sink = Clock(), Away()
    health = Health(cast(Any, sink), 300, clock)
    assert not health.ready()["ready"]
    health.assign(HERE)
    assert health.ready()["ready"]
    health.saw_lag({("xuejing.events", 0): 4})
    clock.now = 299
    assert health.live() == {"alive": True, "stalled_seconds": 299}
    clock.now = 300
    assert health.live() == {"alive": False, "stalled_seconds": 300}
    health.batch_ended()
    assert health.live()["alive"]
    clock.now = 599
    health.saw_lag({("xuejing.events", 0): 4})
    assert health.live()["alive"]
    clock.now = 600
    assert not health.live()["alive"]
    health.saw_lag({("xuejing.events", 0): 0})
    assert health.live() == {"alive": True, "stalled_seconds": 0}


def test_not_wedged_by_others_partitions_an_absent_store_a_rebalance_or_the_setting() -> None:
    clock, sink = Clock(), Away()
    health = Health(cast(Any, sink), 300, clock)
    health.assign(HERE)
    health.saw_lag({("xuejing.events", 1): 9, ("xuejing.member-days", 0): 9})
    clock.now = 1000
    assert health.live()["alive"]
    health.saw_lag({("xuejing.events", 2): 9})
    sink.waiting_since = 1.0
    clock.now = 2000
    assert health.live()["alive"]
    assert not health.ready()["ready"]
    health.saw_lag({("xuejing.events", 2): 9})
    sink.waiting_since = None
    assert health.live()["alive"]  # the store has come back just now
    health.saw_lag({("xuejing.events", 2): 9})
    clock.now = 2200
    health.assign(HERE)
    clock.now = 2400
    assert health.live()["alive"]
    never = Health(cast(Any, sink), 0, clock)
    never.assign(HERE)
    never.saw_lag({("xuejing.events", 2): 9})
    clock.now = 9999
    assert never.live()["alive"]


def test_health_reads_what_the_real_sink_has() -> None:
    sink = ClickHouseSink(cast(Any, None))
    assert sink.waiting_since is None
    assert not hasattr(MemorySink(), "waiting_since")


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load((ROOT / "deploy" / "prometheus-alerts.yaml").read_text("utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def test_alerts_name_metrics_that_exist(telemetry: Telemetry, tmp_path: Path) -> None:
    names = {s.name for f in telemetry.registry.collect() for s in f.samples}
    text = collect(Schedule((), {}), StateFolder(tmp_path), datetime.now(UTC)).decode()
    names |= set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    for rule in rules():
        used = set(re.findall(r"\bxuejing_[a-z_]+", rule["expr"]))
        assert used or "up{" in rule["expr"], rule
        assert used <= names, rule


def test_every_alert_says_what_and_where_the_runbook_goes_on() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    headings = set(re.findall(r"^#+ (\w+)$", page, re.MULTILINE))
    seen = [rule["alert"] for rule in rules()]
    assert len(seen) == len(set(seen)) >= 8
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "summary_zh", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["alert"] in headings, "no such chapter in docs/operations.md"
