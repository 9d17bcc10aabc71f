"""A dashboard on a real port over a small loaded store, with viewers of every kind, at a fixed moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from reports.formats.records import write_csv
from schemas.credit import CreditPolicy
from schemas.keyed import MemberKey
from schemas.reference import Text
from sinks.access import Access
from sinks.audit import Auditor
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import Scope
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.engine import EVERY
from tests.support.harness import RECEIVED, Harness
from tests.support.world import DAYS, day, lines, reference
from web.dashboard.app import application
from web.dashboard.board import Dashboard
from web.dashboard.gather import Gatherer
from web.dashboard.operations import Job, Machine, Part
from web.dashboard.serving import Running, bound
from web.dashboard.sessions import Sessions
from web.dashboard.viewers import OPERATOR, LocalViewers, PrincipalViewers, Viewer
from web.dashboard.watching import Watch

TODAY = day(DAYS - 1)
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
"""Evening in Shanghai, on the last day of the world."""
SEED = 7
KEY = MemberKey(bytes(range(32)))


class Tokens:
    """``operator``, ``named:NODE``, ``aggregate:NODE`` or ``own:MEMBER``; tokens of principals in the store; those that
    are revoked belong to nobody."""

    def __init__(self, principals: PrincipalViewers) -> None:
        self.revoked: set[str] = set()
        self.principals = principals

    def viewer_of(self, token: str) -> Viewer | None:
        if token in self.revoked:
            return None
        kind, _, subject = token.partition(":")
        if not subject and kind != "operator":
            return self.principals.viewer_of(token)
        label = Text("某人", "Somebody")
        match kind:
            case "operator":
                return OPERATOR
            case "named":
                return Viewer(Scope(subject or None, "named"), "secretary", label, "secretary", local=True)
            case "aggregate":
                return Viewer(Scope(subject or None, "aggregate"), "officer", label)
            case "own":
                return Viewer(Scope.own(subject), "member", label)
        return None


@dataclass
class Served:
    """A dashboard that answers at ``url``; ``harness`` puts further events into its store."""

    url: str
    dashboard: Dashboard
    tokens: Tokens
    harness: Harness
    access: Access

    def study(self, member: str, minutes: int, course: str = "c1") -> None:
        """One more event of a member, today."""
        at = NOW - timedelta(hours=1)
        line = {
            "event_id": str(uuid4()),
            "event_type": "study",
            "member_id": member,
            "course_id": course,
            "occurred_at": at.isoformat(),
            "duration_ms": minutes * 60_000,
        }
        self.harness.send([json.dumps(line).encode()])

    def members_of(self, org: str) -> list[str]:
        """Who belongs to an organisation today."""
        return sorted(self.dashboard.gatherer.roster().members_of(org, TODAY))


def load_world(store: Store) -> Harness:
    """The small world in an empty store."""
    for table in EVERY:
        store.command(f"TRUNCATE TABLE {table.name}")
    ensure_generation(store, "Asia/Shanghai", "{}")
    sink = ClickHouseSink(store)
    write_reference(sink, reference(SEED), datetime(2026, 9, 1, tzinfo=UTC))
    harness = Harness(sink, StoreRosters(sink))
    sent = lines(SEED, 600)
    for start in range(0, len(sent), 100):
        harness.send(*[[line] for line in sent[start : start + 100]], received=RECEIVED + start)
    harness.send([b"{", b"\xff"])
    return harness


@contextmanager
def served(store: Store) -> Iterator[Served]:
    """The dashboard for the time of the block."""
    harness, access = load_world(store), Access(store, remember=0.1)
    tokens = Tokens(PrincipalViewers(access, LocalViewers()))
    machine = Machine(
        lambda language: [
            Part("store", "ok", "ClickHouse"),
            Part("kafka", "warn", "积压" if language == "zh" else "behind"),
        ],
        lambda: [Job("monthly", NOW, "done", 3, 1, "mailbox full")],
    )
    credit = CreditPolicy.of()
    dashboard = Dashboard(
        Gatherer(store, credit, clock=lambda: NOW),
        Sessions(tokens),
        Watch(Auditor(store, KEY)),
        write_csv,
        machine=machine,
        hosts=frozenset({"127.0.0.1"}),
    )
    with Running(application(dashboard), bound("127.0.0.1", 0), dashboard.hub.close) as running:
        yield Served(running.url, dashboard, tokens, harness, access)
