"""The dashboard in headless Chromium: it fits, is read aloud, is used by keyboard, asks nobody else, and moves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.reference import Competence, Place, ReferenceTables
from sinks.client import Store
from sinks.reference import write_reference
from tests.e2e.test_reports_in_a_browser import AXE, OVERFLOW, SERIOUS, SILENT_PICTURES, SIZES
from tests.support.browser import Browser
from tests.support.dashboards import Served, served
from tests.support.engine import engine_store  # noqa: F401
from web.dashboard.asking import Asked
from web.dashboard.viewers import OPERATOR

pytestmark = pytest.mark.browser

MAPS = ReferenceTables(
    competences=(Competence(competence_id="ideology", title="思想道德", course_ids=("c1", "c2"), expected=0.8),),
    places=tuple(
        Place(org_id=org, latitude=39.9 + i / 300, longitude=116.3 + i % 2 / 200)
        for i, org in enumerate(("top", "left", "right", "l1"))
    ),
    present=frozenset({"competences", "places"}),
)
DEADLINE = 60.0
LANGUAGES = ("zh", "en")


@pytest.fixture(scope="module")
def site(engine_store: Store) -> Iterator[Served]:  # noqa: F811
    with served(engine_store) as running:
        write_reference(engine_store, MAPS, datetime(2026, 9, 2, tzinfo=UTC))
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if Browser.program() is None:
        pytest.skip("headless Chromium is not installed")
    with Browser() as found:
        yield found


def wait(condition: Callable[[], object], what: str) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < DEADLINE, f"{what} did not happen"
        time.sleep(0.02)
    return time.monotonic() - began


def enter(browser: Browser, site: Served, token: str = "operator") -> None:
    """Come in by a link, as from the terminal."""
    browser.open(f"{site.url}/enter?key={site.dashboard.sessions.link(token)}")
    assert browser.ask("location.pathname") != "/enter"


def show(browser: Browser, site: Served, path: str, size: str = "desktop") -> None:
    width, height, mobile = SIZES[size]
    browser.open(f"{site.url}{path}", width=width, height=height, mobile=mobile)
    wait(lambda: browser.ask("document.getElementById('status').dataset.state") == "live", "the connection")


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_ask_nobody_else_and_axe_finds_nothing_serious(browser: Browser, site: Served, size: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make test-browser")
    script = AXE.read_text("utf-8")
    enter(browser, site)
    member = site.members_of("l1")[0]
    faults: dict[str, object] = {}
    for path in ("/branch/l1", "/committee/top", "/map/top", f"/member/{member}", "/operator"):
        for language in LANGUAGES:
            show(browser, site, f"{path}?span=weeks20&lang={language}", size)
            outside = [r for r in browser.requests if not r.startswith((site.url, "data:"))]
            complaints = list(browser.complaints)
            browser.ask(script + ";0")
            found = {
                "asks for": outside,
                "complains": complaints,
                "overflows": browser.ask(OVERFLOW),
                "scrolls sideways": browser.ask("document.documentElement.scrollWidth > innerWidth + 1"),
                "pictures without words": browser.ask(SILENT_PICTURES),
                "axe": browser.ask(SERIOUS),
                "language": browser.ask(f"document.documentElement.lang.startsWith('{language}') ? 0 : 1"),
            }
            faults |= {f"{path} {language} {k}": v for k, v in found.items() if v}
    # What stands between the pages: the way in, what for, and who looked.
    site.dashboard.watch.page(replace(OPERATOR, id="os:test"), Asked("member", member), {member})
    enter(browser, site, f"own:{member}")
    for path in ("/enter", "/purpose?next=/branch/l1", "/looked", "/branch/l1"):
        for language in LANGUAGES:
            browser.open(
                f"{site.url}{path}{'&' if '?' in path else '?'}lang={language}", width=SIZES[size][0], height=800
            )
            browser.ask(script + ";0")
            found = {
                "axe": browser.ask(SERIOUS),
                "scrolls sideways": browser.ask("document.documentElement.scrollWidth > innerWidth + 1"),
                "says nothing": browser.ask("document.querySelector('h1').textContent.trim() === ''"),
            }
            faults |= {f"{path} {language} {k}": v for k, v in found.items() if v}
    assert not faults, "\n".join(f"{k}: {v}" for k, v in faults.items())


def key(browser: Browser, name: str, code: int) -> None:
    """Press a key."""
    text = {"text": "\r"} if name == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        more = text if kind == "keyDown" else {}
        browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **more)


def test_a_definition_opens_and_closes_by_keyboard(browser: Browser, site: Served) -> None:
    enter(browser, site)
    show(browser, site, "/branch/l1?lang=en")
    key(browser, "Tab", 9)
    assert browser.ask("document.activeElement.className") == "skip"
    for _ in range(60):
        key(browser, "Tab", 9)
        if browser.ask("document.activeElement.className") == "why":
            break
    name = browser.ask("document.activeElement.getAttribute('aria-label')")
    assert name.startswith("What ")
    key(browser, "Enter", 13)
    wait(lambda: browser.ask("document.querySelectorAll('[popover]:popover-open').length") == 1, "the definition")
    assert "does not say" in browser.ask("document.querySelector('[popover]:popover-open').textContent")
    key(browser, "Escape", 27)
    wait(lambda: browser.ask("document.querySelectorAll('[popover]:popover-open').length") == 0, "closing")
    assert browser.ask("document.activeElement.getAttribute('aria-label')") == name


def test_the_map_is_read_aloud_and_opened_by_keyboard(browser: Browser, site: Served) -> None:
    enter(browser, site)
    show(browser, site, "/map/top?lang=en&span=weeks20")
    seen = "getComputedStyle(document.querySelector('#p-picture .{}')).display"
    assert [browser.ask(seen.format(size)) for size in ("wide", "narrow")] == ["block", "none"]
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    links = [n["name"]["value"] for n in nodes if n["role"]["value"] == "link" and not n["ignored"]]
    assert any(re.match(r"left: \d+ members, coverage [\d.]+%, mean study time", name) for name in links), links
    browser.ask("(document.getElementById('p-picture').querySelector('.crumbs a').focus(), 0)")
    for _ in range(20):
        key(browser, "Tab", 9)
        if "/map/left" in (browser.ask("document.activeElement.getAttribute('href')") or ""):
            break
    key(browser, "Enter", 13)
    wait(lambda: browser.ask("location.pathname") == "/map/left", "the map of a node")
    show(browser, site, "/map/left?lang=en", "phone")
    assert [browser.ask(seen.format(size)) for size in ("wide", "narrow")] == ["none", "block"]


def test_filters_are_in_the_address(browser: Browser, site: Served) -> None:
    enter(browser, site)
    show(browser, site, "/branch/l1?lang=en")
    browser.ask("document.querySelector('[name=span]').value = 'week'")
    browser.ask("document.querySelector('[name=course]').value = 'c1'")
    browser.ask("(document.querySelector('.filters button').click(), 0)")
    wait(lambda: "span=week" in browser.ask("location.search") and "course=c1" in browser.ask("location.search"), "it")
    wait(lambda: browser.ask("document.readyState") == "complete", "the page")
    assert browser.ask("document.querySelector('[name=course]').value") == "c1"
    assert browser.ask("document.querySelector('[name=span]').value") == "week"


def test_an_event_appears_and_focus_and_what_is_open_stay(browser: Browser, site: Served) -> None:
    enter(browser, site, "named:l1")
    show(browser, site, "/branch/l1?lang=en&span=weeks20")
    figure = "document.querySelector('#p-now .card:nth-child(2) b').textContent"
    browser.ask("(document.querySelector('#p-now .why').focus(), 0)")
    opened = browser.ask("(d => d ? (d.open = true, d.id) : '')(document.querySelector('#p-missed details'))")
    before, name = browser.ask(figure), browser.ask("document.activeElement.getAttribute('aria-label')")
    site.study(site.members_of("l1")[0], 233)
    took = wait(lambda: browser.ask(figure) != before, "the event on the screen")
    print(f"an event was on the screen {took:.2f} s after its batch was written")
    assert browser.ask("document.activeElement.getAttribute('aria-label')") == name
    if opened:
        assert browser.ask(f"document.getElementById('{opened}').open") is True
    assert not browser.complaints


def test_nothing_is_shown_outside_the_scope(browser: Browser, site: Served) -> None:
    mine, other = site.members_of("l1")[0], site.members_of("r1")[0]
    enter(browser, site, f"own:{mine}")
    assert browser.ask("location.pathname") == f"/member/{mine}"
    for path in (f"/member/{other}", "/branch/l1", "/committee/top", "/operator"):
        browser.open(f"{site.url}{path}")
        assert browser.ask("document.querySelectorAll('section, table').length") == 0
        assert "Name" not in browser.ask("document.body.textContent")


def test_pages_can_be_read_without_scripts(browser: Browser, site: Served) -> None:
    enter(browser, site)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(f"{site.url}/branch/l1?lang=en")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.ask("document.querySelectorAll('#p-now b').length") == 10
