"""The demo's reports in headless Chromium, at phone and desktop width: they ask for nothing, fit, and can be used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"phone": (390, 844, True), "desktop": (1280, 900, False)}

OVERFLOW = """
[...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .filter(e => { // what scrolls in a box of its own is reachable
    for (let p = e; p && p !== document.body; p = p.parentElement)
      if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(p).overflowX)) return false;
    return getComputedStyle(e).position !== 'absolute' })
  .slice(0, 5)
  .map(e => e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + e.textContent.trim().slice(0, 30))
"""
SILENT_PICTURES = """
[...document.querySelectorAll('svg, img')]
  .filter(e => !e.closest('[aria-hidden="true"]'))
  .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.getAttribute('alt')
                 || e.querySelector(':scope > title')))
  .map(e => e.outerHTML.slice(0, 120))
"""
SERIOUS = """
axe.run(document, {resultTypes: ['violations']}).then(r => r.violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .map(v => v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo's reports: made now, or named by XUEJING_DEMO_REPORT."""
    if given := os.environ.get("XUEJING_DEMO_REPORT"):
        return Path(given).resolve()
    out = tmp_path_factory.mktemp("demo") / "demo-report"
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--out", out], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out / "report"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if Browser.program() is None:
        pytest.skip("headless Chromium is not installed")
    with Browser() as found:
        yield found


def pages(report: Path) -> list[Path]:
    """The start, and the largest page of each kind: a subject with much to show, in both languages."""
    found = [report / "index.html", report / "index.en.html"]
    for kind in ("members", "branches", "organisations", "exams", "secretary"):
        for of_language in (lambda p: not p.name.endswith(".en.html"), lambda p: p.name.endswith(".en.html")):
            for pattern in ("*.html", "*/*.html"):
                candidates = [p for p in (report / kind).glob(pattern) if of_language(p)]
                if candidates:
                    found.append(max(candidates, key=lambda p: p.stat().st_size))
    return found


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_ask_for_nothing_and_say_what_pictures_show(browser: Browser, report: Path, size: str) -> None:
    width, height, mobile = SIZES[size]
    faults: dict[str, object] = {}
    seen = pages(report)
    assert len(seen) >= 8
    for page in seen:
        browser.open(page.as_uri(), width=width, height=height, mobile=mobile)
        outside = [r for r in browser.requests if not r.startswith((page.as_uri(), "data:"))]
        found = {
            "asks for": outside,
            "complains": list(browser.complaints),
            "overflows": browser.ask(OVERFLOW),
            "pictures without words": browser.ask(SILENT_PICTURES),
            "language": [] if browser.ask("document.documentElement.lang") else ["no lang"],
            "title": [] if browser.ask("document.title") else ["no title"],
        }
        faults |= {f"{page.relative_to(report)} {k}": v for k, v in found.items() if v}
    assert not faults, "\n".join(f"{k}: {v}" for k, v in faults.items())


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_serious(browser: Browser, report: Path, size: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make test-browser")
    script = AXE.read_text("utf-8")
    width, height, mobile = SIZES[size]
    faults = []
    for page in pages(report):
        browser.open(page.as_uri(), width=width, height=height, mobile=mobile)
        browser.ask(script + ";0")
        faults += [f"{page.relative_to(report)}: {fault}" for fault in browser.ask(SERIOUS)]
    assert not faults, "\n".join(faults)


PAPER = 627
"""Width in CSS pixels of A4 between the margins of the style sheet: 210 − 24 − 20 mm."""
CLIPPED = """
[...document.querySelectorAll('main *')]
  .filter(e => getComputedStyle(e).display !== 'none' && !e.closest('nav, .noprint'))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .slice(0, 5)
  .map(e => e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + e.textContent.trim().slice(0, 30))
"""


def test_nothing_is_clipped_on_paper(browser: Browser, report: Path) -> None:
    faults = []
    for page in pages(report):
        browser.open(page.as_uri(), width=PAPER, height=900)
        browser.call("Emulation.setEmulatedMedia", media="print")
        try:
            faults += [f"{page.relative_to(report)}: {fault}" for fault in browser.ask(CLIPPED)]
        finally:
            browser.call("Emulation.setEmulatedMedia", media="")
    assert not faults, "\n".join(faults)


def test_the_checks_can_fail(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<html><body><img src='http://127.0.0.1:9/x.png'><div style='width:3000px'>wide</div>"
        "<script>console.error('no')</script></body></html>",
        "utf-8",
    )
    browser.open(page.as_uri(), width=390, height=800, mobile=False)
    assert any("127.0.0.1:9" in r for r in browser.requests)
    assert browser.complaints
    assert browser.ask(OVERFLOW)
    assert browser.ask(SILENT_PICTURES)
    wide = tmp_path / "wide.html"
    wide.write_text("<html><body><main><div style='width:900px'>wide</div></main></body></html>", "utf-8")
    browser.open(wide.as_uri(), width=PAPER, height=800)
    assert browser.ask(CLIPPED)
    browser.open(page.as_uri(), width=390, height=800)
    if AXE.is_file():
        browser.ask(AXE.read_text("utf-8") + ";0")
        assert browser.ask(SERIOUS)
