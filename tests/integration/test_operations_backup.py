"""Backups of the embedded store: taken under load, restored elsewhere, damaged."""

from __future__ import annotations

import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commands.backup import bring_back, table_rows
from commands.batches import Gate
from commands.connect import connected
from commands.context import Context
from commands.producing import event_producer
from commands.reconcile import run as reconcile
from commands.stack import stack
from schemas.errors import InputError, XuejingError
from schemas.settings import Settings
from tests.integration.test_operations import Ops, study


@dataclass
class Backups:
    """A folder and a file, taken of one store while events arrived."""

    folder: Path
    file: Path
    settings: Settings
    ops: Ops


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backups]:
    base = tmp_path_factory.mktemp("backups")
    settings = Settings(data_dir=str(base / "data"), language="en", partitions=2)
    (base / "data").mkdir()
    with stack(settings) as running:
        ops = Ops(running, settings, base)
        ops.roster(*((f"m{n}", f"b{1 + n % 2}", "", "") for n in range(20)))
        done = threading.Event()

        def feed() -> None:
            with event_producer(running.settings) as producer:
                n = 0
                while not done.is_set() and n < 4000:
                    n += 1
                    producer.send(f"m{n % 20}", [study(n, f"m{n % 20}", f"2026-03-{1 + n % 28:02d}T10:00:00+08:00", 1)])
                    time.sleep(0.002)

        feeding = threading.Thread(target=feed)
        feeding.start()
        try:
            while running.store.rows("SELECT count() FROM events")[0][0] < 200:
                running.check()
                time.sleep(0.05)
            ops.cli("backup", str(base / "taken"))
            ops.cli("backup", str(base / "taken.tar"))
            assert feeding.is_alive(), "the load ended before the backups did"
        finally:
            done.set()
            feeding.join()
        running.wait_until_processed()
        ops.agree()
        assert list((base / "data" / "store" / "backups").iterdir()) == []
    return Backups(base / "taken", base / "taken.tar", settings, ops)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_restored_elsewhere_every_figure_is_that_of_the_archive(taken: Backups, kind: str, tmp_path: Path) -> None:
    settings = replace(taken.settings, data_dir=str(tmp_path / "other"))
    ops = Ops(taken.ops.running, settings, tmp_path)
    said = ops.cli("restore", str(getattr(taken, kind)))
    assert "0 differences" in said.stderr
    with connected(settings) as store:
        report = reconcile(store)
        assert report.differences == []
        assert report.member_rows > 0
        assert report.branch_rows > 0
        assert report.lines >= 200
        # What was there when it was taken is in the first store too, with the same bodies.
        events = set(store.rows("SELECT member_id, event_id, body_hash FROM events"))
        figures = store.rows("SELECT sum(events) FROM member_day FINAL WHERE course_id = ''")
    assert figures == [(len(events),)]
    with connected(taken.settings) as store:
        assert events < set(store.rows("SELECT member_id, event_id, body_hash FROM events"))
    with pytest.raises(InputError, match="not overwritten"):
        ops.cli("restore", str(taken.folder))


def test_restored_store_goes_on(taken: Backups, tmp_path: Path) -> None:
    settings = replace(taken.settings, data_dir=str(tmp_path / "other"))
    bring_back(Context(settings, {}), taken.folder)
    with stack(settings) as running:
        ops = Ops(running, settings, tmp_path)
        (before,) = ops.day("m1")[:1]
        ops.emit(study(1_000_001, "m1", f"{before['day']}T15:00:00+08:00", 30))
        assert ops.day("m1")[0]["study_seconds"] == before["study_seconds"] + 1800
        ops.agree()


@pytest.mark.parametrize("damage", ["flip", "missing", "manifest", "cut", "other"])
def test_damaged_backup_is_an_error_and_leaves_nothing(taken: Backups, tmp_path: Path, damage: str) -> None:
    source = tmp_path / "damaged"
    if damage == "cut":
        source = tmp_path / "damaged.tar"
        source.write_bytes(taken.file.read_bytes()[:-20_000])
    elif damage == "other":
        source.write_text("not a backup", "utf-8")
    else:
        shutil.copytree(taken.folder, source)
        victim = max((source / "data").rglob("*.bin"), key=lambda p: p.stat().st_size)
        if damage == "flip":
            content = bytearray(victim.read_bytes())
            content[len(content) // 2] ^= 1
            victim.write_bytes(content)
        elif damage == "missing":
            victim.unlink()
        else:
            (source / "manifest.json").unlink()
    settings = replace(taken.settings, data_dir=str(tmp_path / "other"))
    with pytest.raises(InputError, match=r"damaged|no backup") as told:
        bring_back(Context(settings, {}), source)
    assert str(source) in str(told.value)
    assert told.value.hint
    assert list((tmp_path / "other").iterdir()) == []


def test_what_backup_and_restore_refuse(taken: Backups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ops = Ops(taken.ops.running, taken.settings, tmp_path)
    with pytest.raises(InputError, match="there is something already"):
        ops.cli("backup", str(taken.file))
    with pytest.raises(InputError, match="no such folder"):
        ops.cli("backup", str(tmp_path / "nowhere" / "b.tar"))
    with pytest.raises(InputError, match="no such backup"):
        Ops(ops.running, replace(taken.settings, data_dir=str(tmp_path / "x")), tmp_path).cli("restore", "/nowhere.tar")
    monkeypatch.setenv("XUEJING_CLICKHOUSE_URL", "http://127.0.0.1:1")
    with pytest.raises(XuejingError, match="only the embedded store"):
        ops.cli("backup", str(tmp_path / "b.tar"))


def test_a_tar_holds_no_path_that_leads_out(taken: Backups, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    (tmp_path / "x").write_text("x", "utf-8")
    with tarfile.open(bad, "w") as tar:
        tar.add(tmp_path / "x", "../../evil")
    with pytest.raises(InputError, match="damaged"):
        bring_back(Context(replace(taken.settings, data_dir=str(tmp_path / "o")), {}), bad)


def test_no_batch_begins_while_the_gate_is_closed_and_none_is_cut(tmp_path: Path) -> None:
    gate, order = Gate(tmp_path), []
    inside = threading.Event()

    def batch(name: str, seconds: float) -> None:
        with Gate(tmp_path).batch():
            inside.set()
            order.append(f"{name} begins")
            time.sleep(seconds)
            order.append(f"{name} ends")

    first = threading.Thread(target=batch, args=("first", 0.3))
    first.start()
    inside.wait(5)
    second = threading.Thread(target=batch, args=("second", 0))
    with gate.closed():
        second.start()
        time.sleep(0.2)
        order.append("closed")
    first.join()
    second.join()
    assert order == ["first begins", "first ends", "closed", "second begins", "second ends"]


def test_rows_are_counted_as_readers_see_them(taken: Backups) -> None:
    with connected(taken.settings) as store:
        before = table_rows(store)
        store.command("OPTIMIZE TABLE member_day FINAL")
        assert table_rows(store) == before
        assert before["events"] > 200
