"""What the pages are made with: the parts of a page for a viewer, and the data behind them."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any
from zoneinfo import ZoneInfo

from schemas.reference import Roster
from schemas.reference.columns import Language
from schemas.settings import Settings
from web.dashboard import export, frame
from web.dashboard.asking import Asked
from web.dashboard.gather import Gatherer
from web.dashboard.live import Hub
from web.dashboard.map_page import map_page
from web.dashboard.operations import Machine, operations
from web.dashboard.render import QUICK, Rendered, pages
from web.dashboard.sessions import Sessions
from web.dashboard.version import store_version
from web.dashboard.viewers import Viewer
from web.dashboard.watching import Watch

Csv = Callable[..., None]


@dataclass
class Dashboard:
    """What the pages are made with. ``hosts``: names under which it answers, any where empty; ``csv`` writes frames;
    ``watch``: records who is shown whom."""

    gatherer: Gatherer
    sessions: Sessions
    watch: Watch
    csv: Csv
    settings: Settings = field(default_factory=Settings)
    language: Language = "zh"
    machine: Machine = field(default_factory=Machine)
    hosts: frozenset[str] = frozenset()
    hub: Hub = field(init=False)
    _seen: Hashable = field(default=None, init=False)
    _zone: ZoneInfo = field(default=ZoneInfo("UTC"), init=False)

    def __post_init__(self) -> None:
        self.hub = Hub(self._version)

    def _version(self) -> Hashable:
        found = store_version(self.gatherer.store)
        if found != self._seen:
            self._zone, self._seen = self.gatherer.zone(self.gatherer.reader()), found
        # At midnight today becomes yesterday.
        return found, self.gatherer.clock().astimezone(self._zone).date()

    def parts(self, viewer: Viewer, page: Asked) -> tuple[Rendered, ...]:
        """The parts of a page for a viewer. Called in a thread."""
        view = self.view(viewer, page)
        zone = ZoneInfo(view.fresh.timezone)
        return pages(page.language).parts(page, view, zone=zone, k=str(self.gatherer.k), **frame.inside(viewer, page))

    def quick(self, viewer: Viewer, page: Asked) -> tuple[Rendered, ...]:
        """The parts that can be had at once. Called in a thread."""
        now = self.gatherer.now(viewer, page)
        zone, names = ZoneInfo(now.fresh.timezone), QUICK[page.kind]
        return pages(page.language).some(names, page, now, zone=zone, **frame.inside(viewer, page))

    def view(self, viewer: Viewer, page: Asked) -> Any:
        """The content of a page."""
        if page.kind == "branch":
            return self.gatherer.branch(viewer, page)
        if page.kind == "committee":
            return self.gatherer.committee(viewer, page)
        if page.kind == "member":
            return self.gatherer.member(viewer, page)
        if page.kind == "map":
            return map_page(self.gatherer, viewer, page)
        return operations(self.gatherer, viewer.rights, self.machine, page.language)

    def zone(self) -> ZoneInfo:
        """The zone of local days."""
        return self.gatherer.zone(self.gatherer.reader())

    def known(self) -> tuple[Roster, date]:
        """The roster by which pages are allowed, and the local day."""
        reader = self.gatherer.reader()
        return reader.roster(), self.gatherer.today(reader)

    def export(self, viewer: Viewer, page: Asked, name: str, today: date) -> bytes:
        """The rows behind a part as CSV, recorded where they are about members by name. Called in a thread.

        Raises ScopeError, QueryError or InputError for what may not be asked."""
        reader = self.gatherer.reader()
        out: IO[bytes] = io.BytesIO()
        found = export.frames(reader, name, viewer, page, today, self.settings)
        if export.scope_of(viewer, page).detail == "named":
            self.watch.export(viewer, page, name, found)
        self.csv(iter(found), out, ZoneInfo(reader.generation().timezone), bom=True)
        out.seek(0)
        return out.read()
