"""Whoever is shown members by name is recorded before they are, and the members can see it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from schemas.access import ROLES
from schemas.reference import Text
from sinks.audit import Auditor, Entry, what
from sinks.audited import looked_at
from web.dashboard.asking import Asked
from web.dashboard.viewers import Viewer

AGAIN_SECONDS = 3600.0
"""A page that somebody has open, or opens again and again, is recorded once an hour."""
MOST = 10_000
MOST_SHOWN = 200
"""Entries on the page of who looked."""


@dataclass
class Watch:
    """Adds to the audit. Each raises StoreError when it can't be written: then nothing may be shown."""

    audit: Auditor
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[tuple[str, str, str], float] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, viewer: Viewer, asked: Asked, members: Collection[str]) -> None:
        """A page that names ``members`` is opened."""
        if viewer.scope.detail != "named" or not members:
            return
        key, now = (viewer.id, viewer.purpose, asked.spoken("zh").address), self.clock()
        with self._lock:
            if now - self._known.get(key, float("-inf")) < AGAIN_SECONDS:
                return
        self.audit.record(
            Entry(
                viewer.id,
                "drill_down" if viewer.asks_purpose else "query",
                what(f"dashboard-{asked.kind}", _given(asked), self.audit.key),
                viewer.purpose,
                asked.subject if asked.kind == "branch" else viewer.rights.node or "",
                members,
                len(members),
            )
        )
        with self._lock:
            self._known[key] = now
            self._known.move_to_end(key)
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def export(self, viewer: Viewer, asked: Asked, name: str, frames: Collection[pl.DataFrame]) -> None:
        """Rows are handed out as a file."""
        members = {m for f in frames if "member_id" in f.columns for m in f["member_id"].unique() if m}
        org = asked.subject if asked.kind in ("branch", "committee") else viewer.rights.node or ""
        given = what(name, _given(asked) | {"format": "csv"}, self.audit.key)
        rows = sum(f.height for f in frames)
        self.audit.record(Entry(viewer.id, "export", given, viewer.purpose, org, members, rows))


def _given(asked: Asked) -> dict[str, Any]:
    """The parameters of a page, as the audit keeps them."""
    named = {"member": asked.subject} if asked.kind == "member" else {"org": asked.subject}
    days = {"from": asked.first, "to": asked.last} if asked.span == "days" else {}
    return named | days | {"span": asked.span, "course": asked.course}


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody looked: ``at`` UTC; ``action`` a code of the audit."""

    at: datetime
    who: Text
    action: str
    what: str
    purpose: str
    refused: bool


def looks(watch: Watch, member_id: str) -> list[Look]:
    """Who looked at a member, the latest first. Raises StoreError."""
    found = looked_at(watch.audit.store, watch.audit.key, member_id, MOST_SHOWN)
    return [
        Look(
            row["at"],
            _who(row["principal_id"], row["role"], row["node"]),
            row["action"],
            row["what"].partition(" ")[0],
            row["purpose"],
            row["outcome"] != "ok",
        )
        for row in found
    ]


def _who(principal_id: str, role: str, node: str) -> Text:
    """What somebody is called: role and place, never a person. Whose principal is gone, by its id."""
    if principal_id.startswith("os:"):
        return Text("本机操作者", "Operator of the machine")
    if principal_id == "schedule":
        return Text("定时任务", "Schedule")
    if role not in ROLES:
        return Text(principal_id, principal_id)
    title, place = ROLES[role].title, f" {node}" if node else ""
    return Text(f"{title.zh}{place}", f"{title.en}{place}")
