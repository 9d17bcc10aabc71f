"""``python -m docs.dashboard_pictures STORE``: the pictures of the dashboard, from the store of a demo run.

Four pages, as at a desk and on a telephone, in both languages, on an evening in the term of the simulated college.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import polars as pl

from commands.connect import connected
from commands.context import Context
from commands.dashboard import dashboard_of
from docs.screenshots import SAMPLES
from schemas.settings import Settings
from sinks.read import Filters, Scope
from tests.support.browser import Browser
from web.dashboard.app import application
from web.dashboard.gather import Gatherer
from web.dashboard.serving import Running, bound

NOW = datetime(2026, 6, 24, 12, 40, tzinfo=UTC)
"""Evening in Shanghai, in the last weeks of the term."""
PAGES = ("branch", "committee", "member", "operator")
SIZES = {"": (1280, 1120, False), "-phone": (390, 1120, True)}
KEPT = {
    ("branch", ""), ("committee", ""), ("member", ""),
    ("branch", "-phone"), ("committee", "-phone"), ("member", "-phone"),
}  # fmt: skip
"""Page and size of those that stand in the documentation."""
PATIENCE = 120.0


@contextmanager
def served(store_folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A dashboard over a store at ``NOW``; a link that lets in, and the path of each page."""
    settings = Settings(data_dir=str(store_folder))
    with connected(settings) as store:
        made, token = dashboard_of(Context(settings, {}), store, "127.0.0.1")
        old = made.gatherer
        made = replace(made, gatherer=Gatherer(store, old.credit, clock=lambda: NOW, k=old.k))
        roster, today = made.known()
        (root,) = roster.roots(today)
        branches = sorted(o for o in roster.branches_with_members(today) if not roster.children(o, today))
        branch = max(branches, key=lambda o: len(roster.members_of(o, today)))
        days = made.gatherer.reader().frame(
            "member-day", Scope.everything(), Filters(first=today, last=today, course="")
        )
        studied = days.filter(pl.col("member_id").is_in(list(roster.members_of(branch, today))))
        member = str(studied.sort("study_seconds", "member_id")["member_id"][-1])
        paths = {
            "branch": f"/branch/{quote(branch)}",
            "committee": f"/committee/{quote(root)}",
            "member": f"/member/{quote(member)}",
            "operator": "/operator",
        }
        with Running(application(made), bound("127.0.0.1", 0), made.hub.close) as running:
            yield f"{running.url}/enter?key={made.sessions.link(token)}", paths


def take(browser: Browser, url: str, size: str, path: Path, *, whole: bool = False) -> None:
    """One picture, once the page is connected."""
    width, height, mobile = SIZES[size]
    browser.open(url, width=width, height=height, mobile=mobile)
    end = time.monotonic() + PATIENCE
    while browser.ask("document.getElementById('status').dataset.state") != "live":
        if time.monotonic() > end:
            raise TimeoutError(url)
        time.sleep(0.05)
    browser.picture(path, whole=whole)


def main(store_folder: Path, into: Path = SAMPLES, *, every: bool = False) -> None:
    """Take those that are kept; with ``every`` all of them, whole pages."""
    with served(store_folder) as (link, paths), Browser() as browser:
        browser.open(link)
        for page in PAGES:
            for size in SIZES:
                if not every and (page, size) not in KEPT:
                    continue
                for language in ("zh", "en"):
                    url = f"{link.split('/enter')[0]}{paths[page]}?lang={language}"
                    take(browser, url, size, into / f"dashboard-{page}{size}.{language}.png", whole=every)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(Path(sys.argv[1]), Path(sys.argv[2]), every=True)
    else:
        main(Path(sys.argv[1]))
