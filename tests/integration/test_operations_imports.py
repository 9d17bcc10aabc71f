"""Roster imports whose branches could not be told at once: nothing runs, or Kafka does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commands.connect import connected
from commands.context import Context
from commands.moved import Published, complete, publish_moves
from commands.producing import event_producer
from commands.stack import stack
from producers.embedded_broker import free_port
from schemas.errors import XuejingError
from schemas.settings import Settings
from sinks.clickhouse import ClickHouseSink
from sinks.imports import unpublished
from tests.integration.test_operations import Ops, study


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    (tmp_path / "data").mkdir()
    return Settings(data_dir=str(tmp_path / "data"), language="en", partitions=2)


def test_import_while_nothing_runs_is_completed_by_the_next_start(settings: Settings, tmp_path: Path) -> None:
    with stack(settings) as running:
        ops = Ops(running, settings, tmp_path)
        ops.roster(("m1", "b1", "", ""), ("m2", "b1", "", ""))
        ops.emit(study(1), study(2, "m2"), study(3, "new"))
        assert [r[1:] for r in ops.branch("b1")] == [(2, 2, 1_200_000)]
        assert unpublished(running.store) == []

    # Twice, so that a member passes through a branch that only the first of the two imports names.
    for place in ("b3", "b2"):
        members = tmp_path / "roster" / "members.csv"
        members.write_text(f"member_id,name,org_id,valid_from\nm1,m1,{place},\nm2,m2,b1,\nnew,new,b1,\n", "utf-8")
        (tmp_path / "roster" / "organisations.csv").write_text(
            "org_id,parent_id,name\nb1,,一\nb2,,二\nb3,,三\n", "utf-8"
        )
        said = ops.cli("import", "roster", str(tmp_path / "roster"))
        assert said.exit_code == 0
        with connected(settings) as store:
            waiting = unpublished(store)
    assert len(waiting) == 2

    with stack(settings) as running:
        ops.running = running
        until(lambda: not unpublished(running.store))
        running.wait_until_processed()
        assert [r[1:] for r in ops.branch("b1")] == [(2, 2, 1_200_000)]  # m2, and the one nobody knew
        assert [r[1:] for r in ops.branch("b2")] == [(1, 1, 600_000)]
        assert running.store.rows("SELECT status FROM rejected_events FINAL") == [("retried",)]
        ops.agree()


def test_kafka_away_is_an_error_and_an_identical_import_or_resume_completes_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack(settings) as running:
        ops = Ops(running, settings, tmp_path)
        ops.roster(("m1", "b1", "", ""))
        ops.emit(study(1), study(2, "new"))
        away = replace(running.settings, kafka_bootstrap=f"127.0.0.1:{free_port()}")
        monkeypatch.setattr("commands.moved.event_producer", _quick)
        monkeypatch.setenv("XUEJING_KAFKA_BOOTSTRAP", away.kafka_bootstrap)
        members = "member_id,name,org_id\nm1,m1,b2\nnew,new,b1\n"
        (tmp_path / "roster" / "members.csv").write_text(members, "utf-8")
        with pytest.raises(XuejingError, match="the import is stored") as told:
            ops.cli("import", "roster", str(tmp_path / "roster"))
        assert "import resume" in told.value.hint
        assert len(unpublished(running.store)) == 1
        assert ops.branch("b2") == []

        monkeypatch.undo()
        ops.cli("import", "roster", str(tmp_path / "roster"))  # the same tables: nothing new, and yet it is completed
        running.wait_until_processed()
        assert unpublished(running.store) == []
        assert [r[1:] for r in ops.branch("b2")] == [(1, 1, 600_000)]
        assert [r[1:] for r in ops.branch("b1")] == [(1, 1, 600_000)]
        ops.agree()

        # Completing twice changes nothing.
        sink = ClickHouseSink(running.store)
        with event_producer(running.settings) as events:
            assert complete(sink, events, events) == Published()
        ops.cli("import", "resume")
        publish_moves(Context(running.settings, {}), running.store)


def _quick(settings: Settings, topic: str | None = None) -> object:
    from producers.kafka_client import EventProducer

    return EventProducer(settings.kafka_bootstrap, topic or settings.events_topic, connect_timeout=1)
