"""The engine's process: starting, stopping, its lock, its password, and what survives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sinks.embedded import EngineFailed, EngineInUse, EngineOptions, EngineProcess
from tests.integration.embedded_engine import OPTIONS, ask, connect, engine  # noqa: F401

pytestmark = pytest.mark.io


def test_starts_answers_and_stops(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "学 镜", options=OPTIONS) as process:
        assert ask(process, path="/ping", method="GET", login=False).body == b"Ok.\n"
        assert ask(process, "SELECT 1").body == b"1\n"
        pid = process.pid
        assert pid is not None
    assert process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_password_is_in_no_argument_and_no_readable_file(engine: EngineProcess) -> None:  # noqa: F811
    if sys.platform == "linux":
        assert engine.password.encode() not in Path(f"/proc/{engine.pid}/cmdline").read_bytes()
    for path in engine.data_dir.glob("engine.*"):
        assert engine.password not in path.read_text(errors="replace")
    assert engine.password not in ask(engine, "SELECT * FROM system.server_settings").body.decode()


def test_a_second_process_on_the_directory_is_refused(engine: EngineProcess) -> None:  # noqa: F811
    with pytest.raises(EngineInUse, match="another engine process"):
        EngineProcess(engine.data_dir).start()
    assert ask(engine, "SELECT 1").status == 200


def test_a_port_that_is_taken_is_an_error(engine: EngineProcess, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(EngineFailed):
        EngineProcess(tmp_path, port=engine.port).start()
    assert "can't be opened" in (tmp_path / "engine.log").read_text()


def test_graceful_stop_ends_a_query_that_runs(tmp_path: Path) -> None:
    with EngineProcess(tmp_path, options=OPTIONS) as process:
        client = connect(process)
        stream = client.raw_stream("SELECT number FROM numbers(100000000000)", fmt="Native")
        stream.read(1000)
        began = time.monotonic()
    assert time.monotonic() - began < 14, "it was killed instead of stopped"
    stream.close()


def test_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from sinks.embedded import EngineProcess\n"
        "p = EngineProcess(Path(sys.argv[1])).start(); print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the engine outlived its parent")


def test_acknowledged_rows_survive_sigkill(tmp_path: Path) -> None:
    process = EngineProcess(tmp_path, options=EngineOptions(fsync=True)).start()
    client = connect(process)
    client.command("CREATE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n")
    for number in range(5):
        client.insert("kept", [[number]], column_names=["n"])
    process.kill()
    with EngineProcess(tmp_path, options=OPTIONS) as again:
        assert ask(again, "SELECT count(), uniqExact(n) FROM kept").body == b"5\t5\n"


def test_fsync_is_the_default_of_tables(tmp_path: Path) -> None:
    asked = "SELECT name, value FROM system.merge_tree_settings WHERE name LIKE 'fsync%' ORDER BY name"
    with EngineProcess(tmp_path, options=EngineOptions(settings={"max_threads": "1"})) as process:
        assert ask(process, asked).body == b"fsync_after_insert\t1\nfsync_part_directory\t1\n"
        assert ask(process, "SELECT getSetting('max_threads')").body == b"1\n"


def test_row_rules_of_a_users_file_hold(tmp_path: Path) -> None:
    users = tmp_path / "users.xml"
    users.write_text(
        "<clickhouse><profiles><default><readonly>2</readonly></default></profiles><quotas><default/></quotas>"
        "<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>"
        "<quota>default</quota><databases><default><seen><filter>org = 'a'</filter></seen></default></databases>"
        "</default></users></clickhouse>"
    )
    data = tmp_path / "data"
    with EngineProcess(data, options=OPTIONS) as process:
        ask(process, "CREATE TABLE seen (org String, n UInt8) ENGINE = MergeTree ORDER BY org")
        ask(process, "INSERT INTO seen VALUES ('a', 1), ('b', 2)")
    with EngineProcess(data, options=EngineOptions(users_config=users, fsync=False)) as process:
        assert ask(process, "SELECT org, n FROM seen").body == b"a\t1\n"
        assert ask(process, "DROP TABLE seen").code == "164"
        assert connect(process).query("SELECT count() FROM seen").result_rows == [(1,)]
