"""``xuejing doctor`` and the health endpoints, with parts that are really broken."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import application
from commands.batches import Gate
from commands.connect import connected, store_folder
from commands.diagnose import Say
from commands.doctor import clock, disk
from commands.producing import event_producer, topics
from commands.stack import stack, worker_process
from producers.embedded_broker import EmbeddedBroker, free_port
from schemas.settings import Settings
from sinks.client import Store
from sinks.embedded.lock import DataDirLock
from tests.integration.test_operations import Ops, study

EN = Say("en")


def doctor(data: Path | str, *options: str, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit status and the findings by part."""
    found = CliRunner().invoke(
        application(), ["--data", str(data), "--lang", "en", "doctor", "--format", "json", "--no-settings", *options],
        env={f"XUEJING_{k}": v for k, v in environment.items()},
    )  # fmt: skip
    told = json.loads(found.stdout)
    assert told["ok"] == (found.exit_code == 0)
    for f in told["findings"]:
        assert f["state"] == "ok" or f["hint"], f"{f} does not say what to do"
    return found.exit_code, {f["part"]: f for f in told["findings"]}


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(port: int, path: str, status: int, seconds: float = 60) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while True:
        try:
            code, body = get(port, path)
            if code == status:
                return dict(json.loads(body))
        except OSError:
            pass
        assert time.monotonic() < end, f"{path} did not answer {status} in time"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ops]:
    folder = tmp_path_factory.mktemp("doctor")
    settings = Settings(
        data_dir=str(folder / "data"), language="en", partitions=2, metrics_port=free_port(), wedged_seconds=3
    )
    (folder / "data").mkdir()
    with stack(settings) as running:
        found = Ops(running, settings, folder)
        found.roster(("m1", "b1", "", ""))
        found.emit(study(1))
        yield found


def test_all_is_well(ops: Ops) -> None:
    status, found = doctor(ops.settings.data_dir, PARTITIONS="2")
    assert status == 0
    assert {f["state"] for part, f in found.items() if part != "disk"} == {"ok"}
    assert "0 messages behind" in found["xuejing.events"]["detail"]
    shown = ops.cli("doctor", "--observe", "0", ok=False)
    assert "clickhouse_password" in shown.stderr
    assert ops.running.settings.clickhouse_password not in shown.stderr + shown.stdout


def test_topic_with_another_number_of_partitions(ops: Ops) -> None:
    status, found = doctor(ops.settings.data_dir, PARTITIONS="3")
    assert status == 1
    assert found["xuejing.events"]["detail"] == "2 partitions, the setting is 3"


def test_settings_of_another_zone(ops: Ops) -> None:
    _, found = doctor(ops.settings.data_dir, PARTITIONS="2", TIMEZONE="Europe/Rome")
    assert found["generation"]["state"] == "fail"
    assert "Asia/Shanghai" in found["generation"]["hint"]


def test_rejected_lines_are_counted_and_logged_by_position(ops: Ops) -> None:
    ops.emit(b"not json and private")
    _, found = doctor(ops.settings.data_dir, PARTITIONS="2")
    assert (found["rejected"]["state"], found["rejected"]["detail"]) == ("warn", "malformed 1")
    told = [line for line in ops.running.log.read_text("utf-8").splitlines() if "a line was rejected" in line]
    assert len(told) == 1
    assert "topic=xuejing.events" in told[0]
    assert "reason=malformed" in told[0]
    assert "private" not in ops.running.log.read_text("utf-8")


def test_metrics_of_a_worker_that_runs(ops: Ops) -> None:
    port = ops.settings.metrics_port
    assert until(port, "/ready", 200)["assigned"]
    assert until(port, "/live", 200)["alive"]
    status, text = get(port, "/metrics")
    assert status == 200
    assert 'xuejing_lines_total{verdict="new"} 1.0' in text
    assert "xuejing_assigned_partitions 4.0" in text
    assert get(port, "/nothing")[0] == 404


def test_a_stream_that_does_not_move_is_stuck_and_not_alive(ops: Ops) -> None:
    port = ops.settings.metrics_port
    until(port, "/live", 200)
    with Gate(store_folder(ops.settings)).closed():  # the worker waits in the middle of its work
        with event_producer(ops.running.settings) as producer:
            producer.send("m1", [study(50, at="2026-03-03T10:00:00+08:00")])
        assert until(port, "/live", 503)["stalled_seconds"] >= 3
        status, found = doctor(ops.settings.data_dir, "--observe", "1", PARTITIONS="2")
        assert status == 1
        assert found["xuejing.events"]["state"] == "fail"
        assert "did not move" in found["xuejing.events"]["detail"]
        assert found["xuejing.member-days"]["state"] == "ok"
    ops.running.wait_until_processed()
    assert until(port, "/live", 200)["alive"]
    assert ops.day("m1")[1]["study_seconds"] == 600


def test_clock_that_is_off(ops: Ops) -> None:
    store = ops.running.store
    assert clock(store, EN).state == "ok"
    assert "differs by -3600 s" in clock(store, EN, lambda: time.time() + 3600).detail
    # The store's clock as this one, but an event from the future: its producer's or the broker's clock was wrong.
    assert clock(Behind(store), EN, lambda: time.time() - 7200).state == "fail"  # type: ignore[arg-type]
    assert "in the future" in clock(Behind(store), EN, lambda: time.time() - 7200).detail  # type: ignore[arg-type]


class Behind:
    """A store whose clock is two hours behind what it holds."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [((time.time() - 7200) * 1000,)] if "now64" in sql else self.store.rows(sql)


@pytest.mark.parametrize(("free", "state"), [(1 << 30, "fail"), (3 << 30, "warn"), (90 << 30, "ok")])
def test_full_disk(free: int, state: str) -> None:
    found = disk("/data", free, 100 << 30, EN)
    assert found.state == state
    assert bool(found.hint) == (state != "ok")


def test_worker_gone_with_messages_waiting(ops: Ops) -> None:
    """The last one here: it ends the worker, and puts another into its place."""
    ops.running.worker.terminate()
    ops.running.worker.wait(60)
    with event_producer(ops.running.settings) as producer:
        producer.send("m1", [study(60, at="2026-03-04T10:00:00+08:00")])
    status, found = doctor(ops.settings.data_dir, "--observe", "0.5", PARTITIONS="2")
    assert status == 1
    assert "does a worker run?" in found["xuejing.events"]["hint"]
    with worker_process(ops.running.settings, ops.running.log) as ops.running.worker:
        ops.running.wait_until_processed()
    assert doctor(ops.settings.data_dir, PARTITIONS="2")[1]["xuejing.events"]["state"] == "ok"


def test_nothing_there_yet(tmp_path: Path) -> None:
    status, found = doctor(tmp_path / "none")
    assert status == 0
    assert (found["store"]["state"], found["kafka"]["state"]) == ("warn", "warn")


def test_store_that_was_never_migrated_and_one_that_is_newer(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    store_folder(settings).mkdir()
    status, found = doctor(tmp_path)
    assert status == 1
    assert "0001" in found["migrations"]["detail"]
    assert found["migrations"]["hint"] == "xuejing migrate"
    assert CliRunner().invoke(application(), ["--data", str(tmp_path), "migrate"]).exit_code == 0
    assert doctor(tmp_path)[1]["migrations"]["state"] == "ok"
    with connected(settings) as store:
        store.command("INSERT INTO migrations (number, name) VALUES (9999, 'from the future')")
    assert "the store is newer" in doctor(tmp_path)[1]["migrations"]["detail"]


def test_store_away_in_use_or_refusing(tmp_path: Path) -> None:
    status, found = doctor(tmp_path, CLICKHOUSE_URL=f"http://127.0.0.1:{free_port()}")
    assert (status, found["store"]["state"]) == (1, "fail")
    folder = store_folder(Settings(data_dir=str(tmp_path)))
    folder.mkdir()
    with DataDirLock(folder):
        _, found = doctor(tmp_path)
    assert found["store"]["state"] == "fail"
    assert "no engine answers" in found["store"]["detail"]


def test_broker_stopped_and_topics_missing(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), partitions=2)
    with EmbeddedBroker() as broker:
        address = broker.bootstrap
        _, found = doctor(tmp_path, KAFKA_BOOTSTRAP=address, PARTITIONS="2")
        assert (found["kafka"]["state"], found["xuejing.events"]["detail"]) == ("ok", "the topic does not exist")
        topics(Settings(data_dir=str(tmp_path), partitions=2, kafka_bootstrap=address))
        assert doctor(tmp_path, KAFKA_BOOTSTRAP=address, PARTITIONS="2")[1]["xuejing.events"]["state"] == "ok"
    status, found = doctor(tmp_path, KAFKA_BOOTSTRAP=address)
    assert (status, found["kafka"]["state"]) == (1, "fail")
    assert settings.events_topic not in found
    # What an `up` that was killed leaves behind.
    (tmp_path / "broker.json").write_text(json.dumps({"bootstrap": address, "cluster": "c"}), "utf-8")
    assert "xuejing up" in doctor(tmp_path)[1]["kafka"]["hint"]
