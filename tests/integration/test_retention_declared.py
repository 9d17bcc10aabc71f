"""What is declared about retention is what the engine does; the audit can't be dropped early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.retention import by_age, expired_audit
from schemas.errors import ConfigError
from schemas.keyed import MemberKey
from schemas.retention import PATH, RULES, read, ttl
from schemas.settings import Settings, load
from schemas.tables import EVENTS, REJECTED
from sinks.audit import Auditor, Entry
from sinks.client import Store

NOW = datetime.now(UTC)
SETTINGS = Settings(body_days=30, rejected_days=90)


@pytest.fixture
def kept(store: Store) -> Iterator[Store]:
    yield store
    for statement in by_age(Settings(), store):
        store.command(statement)
    assert by_age(Settings(), store) == []


def put(store: Store, days: int, offset: int) -> None:
    at = NOW - timedelta(days=days)
    zero = {c.name: _zero(c.type) for c in EVENTS.columns}
    event = zero | {"member_id": f"m{offset}", "event_id": bytes(15) + bytes([offset]), "body_hash": bytes(16)}
    event |= {"at": at, "received_at": at, "archived_at": at, "raw": b"line", "offset": offset}
    store.insert("events", EVENTS.rows([event]))
    row = {c.name: _zero(c.type) for c in REJECTED.columns}
    row |= {"offset": offset, "received_at": at, "raw": b"line", "reason": "invalid", "status": "open"}
    store.insert("rejected_events", REJECTED.rows([row]))


def _zero(kind: str) -> object:
    if kind.startswith("Nullable"):
        return None
    if kind.startswith("Array"):
        return []
    if "String" in kind:
        return ""
    if kind == "Bytes":
        return b""
    return NOW if kind.startswith("DateTime") else 0


def test_fields_and_rows_are_dropped_by_age_as_declared(kept: Store) -> None:
    assert by_age(Settings(), kept) == []
    statements = by_age(SETTINGS, kept)
    assert statements == [s for rule in RULES for s in ttl(rule, SETTINGS)]
    assert len(statements) == 2
    for statement in statements:
        kept.command(statement)
    assert by_age(SETTINGS, kept) == [], "set up once"
    for n, days in enumerate((1, 60, 120)):
        put(kept, days, n)
    for table in ("events", "rejected_events"):
        kept.command(f"OPTIMIZE TABLE {table} FINAL")
    # The event stays without its body; a line that was rejected goes whole.
    assert kept.rows("SELECT raw, member_id FROM events ORDER BY offset") == [("line", "m0"), ("", "m1"), ("", "m2")]
    assert kept.rows("SELECT offset FROM rejected_events ORDER BY offset") == [(0,), (1,)]
    longer = replace(SETTINGS, rejected_days=200)
    assert by_age(longer, kept) == [s for rule in RULES if rule.table == "rejected_events" for s in ttl(rule, longer)]


def test_months_of_the_audit_expire_and_not_before_six_months(store: Store) -> None:
    Auditor(store, MemberKey(b"k" * 32)).record(Entry("p", "query"))
    assert expired_audit(Settings(), store, NOW) == []
    assert expired_audit(Settings(audit_days=184), store, NOW + timedelta(days=183)) == []
    ((month,),) = store.rows("SELECT toYYYYMM(at) FROM audit")
    assert expired_audit(Settings(audit_days=184), store, NOW + timedelta(days=230)) == [month]
    with pytest.raises(ConfigError, match="at least 184"):
        load({"XUEJING_AUDIT_DAYS": "183"}, Path("/nonexistent"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("least_days = 184", "least_days = 100", "at least 184 days"),
        ("least_days = 184", "least_days = 200", "audit_days may be set to less than 200"),
        ('table = "corrections"', 'table = "correction"', "not sound"),
        ('fields = ["raw"]', 'fields = ["body"]', "not sound"),
        ('setting = "body_days"', 'setting = "bodys"', "not sound"),
        ('age = "received_at"', "", "not sound"),
        ('table = "answers"', 'table = "ledger"', "not those of the tables about persons"),
        ('how = "roster"', 'how = "hope"', "not valid rules"),
    ],
)
def test_a_declaration_that_is_not_whole_is_refused(old: str, new: str, said: str) -> None:
    text = PATH.read_text("utf-8")
    assert old in text
    with pytest.raises(ConfigError, match=said):
        read(text.replace(old, new, 1))
