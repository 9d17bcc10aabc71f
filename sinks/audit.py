"""The audit: who did or looked at what, when and what for. Entries are only ever added.

Each writer has a chain of its own, so that processes need not wait for each other: an entry carries the seal of the
one before it, and a seal (HMAC-SHA-256) over itself. The first of a chain, and one a day, links the ends of all chains
that it finds: cutting off the end of an older chain, or leaving out a chain, breaks a link. What was added last has no
later entry that vouches for it; ``heads``, kept elsewhere, do. Members stand in it as keyed hashes: an erasure need not
touch it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, NamedTuple

import msgspec

from schemas.errors import ConfigError
from schemas.keyed import MemberKey
from schemas.tables import AUDIT

from .client import Store

RELINK = 86_400.0
"""Seconds after which a chain that goes on links the ends of the others again."""
RETIRED = "retired"
"""Action of the entry by which expired months are dropped: its ``links`` are the seals that go missing by that."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded. ``members``: plain ids of those looked at; they are hashed before anything is written."""

    principal_id: str
    action: str
    what: str = ""
    purpose: str = ""
    org_id: str = ""
    members: Collection[str] = ()
    rows: int = 0
    outcome: str = "ok"


def what(name: str, parameters: Mapping[str, Any], key: MemberKey) -> str:
    """A query or report with the parameters that were given, those that name members as keyed hashes."""
    shown = {}
    for k, value in sorted(parameters.items()):
        if value is None or value in ("", [], ()):
            continue
        if k in ("member", "member_id", "members"):
            value = key.of(value) if isinstance(value, str) else sorted(map(key.of, value))
        shown[k] = value
    return f"{name} {msgspec.json.encode(shown, enc_hook=str).decode()}" if shown else name


class Auditor:
    """Adds entries to one chain. Safe to use from several threads; one per process."""

    def __init__(self, store: Store, key: MemberKey) -> None:
        self.store, self.key = store, key
        self.writer = secrets.token_hex(8)
        self._seq, self._previous = 0, ""
        self._links: list[str] = []
        self._linked = float("-inf")
        self._lock = Lock()

    def record(self, *entries: Entry) -> None:
        """Write entries; durable when it returns. Raises StoreError: what can't be recorded must not be handed out."""
        self.link(entries)

    def link(self, entries: Iterable[Entry], links: Collection[str] = ()) -> None:
        """The same, with seals that the first of them vouches for beside those of the chain's beginning."""
        with self._lock:
            if time.monotonic() - self._linked > RELINK:
                self._begin()
            rows: list[dict[str, Any]] = []
            seq, previous = self._seq, self._previous
            for entry in entries:
                seq += 1
                linked = [] if rows else [*self._links, *links]
                rows.append(row := self._row(entry, seq, previous, linked))
                previous = row["seal"]
            if not rows:
                return
            try:
                self.store.insert(AUDIT.name, AUDIT.rows(rows))
            except BaseException:
                # They may stand there all the same, when only the answer was lost: what comes next can't know its
                # place behind them, and begins a chain of its own, which links this one's end wherever it is.
                self.writer, self._seq, self._previous = secrets.token_hex(8), 0, ""
                self._linked = float("-inf")
                raise
            self._seq, self._previous, self._links = seq, previous, []

    def _begin(self) -> None:
        checks = {str(r[0]) for r in self.store.rows("SELECT DISTINCT key_check FROM audit")}
        if checks - {self.key.check}:
            raise ConfigError(
                "the secret is not the one with which the audit was written",
                where="member_key",
                hint="all processes need the same: setting member_key, or the file member.key",
            )
        self._links = ends(self.store)
        self._linked = time.monotonic()

    def _row(self, entry: Entry, seq: int, previous: str, links: Collection[str]) -> dict[str, Any]:
        row = {
            "writer": self.writer,
            "seq": seq,
            "at": datetime.now(UTC),
            "principal_id": entry.principal_id,
            "action": entry.action,
            "what": entry.what,
            "purpose": entry.purpose,
            "org_id": entry.org_id,
            "member_keys": sorted(map(self.key.of, set(entry.members))),
            "rows": entry.rows,
            "outcome": entry.outcome,
            "key_check": self.key.check,
            "previous": previous,
            "links": sorted(set(links)),
        }
        return row | {"seal": self.key.seal(content(row))}


def content(row: Mapping[str, Any]) -> bytes:
    """Canonical form of an entry: all columns but the seal, in their order, as a JSON list; the instant in µs UTC."""
    values = [row[c.name] for c in AUDIT.columns if c.name != "seal"]
    return msgspec.json.encode([_micros(v) if isinstance(v, datetime) else v for v in values])


def _micros(moment: datetime) -> int:
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(whole.timestamp() * 1_000_000)


def ends(store: Store) -> list[str]:
    """Seals that no entry vouches for yet: the ends of the chains, as far as they are of the last week."""
    sql = """
        WITH recent AS (SELECT * FROM audit WHERE at >= (SELECT max(at) FROM audit) - INTERVAL 7 DAY)
        SELECT DISTINCT seal FROM recent
        WHERE seal NOT IN (SELECT previous FROM recent) AND seal NOT IN (SELECT arrayJoin(links) FROM recent)
        ORDER BY seal"""
    return [str(r[0]) for r in store.rows(sql)]


class Head(NamedTuple):
    """The last entry of a chain; ``month`` (YYYYMM) tells whether it has expired."""

    writer: str
    seq: int
    seal: str
    month: int


def heads(store: Store) -> list[Head]:
    """The last entry of every chain. Kept where those who may write to the store can't, they are an anchor: whatever
    was recorded before is vouched for."""
    sql = """
        SELECT writer, max(seq), argMax(seal, seq), toYYYYMM(argMax(at, seq)) FROM audit
        GROUP BY writer ORDER BY writer"""
    return [Head(str(w), int(n), str(s), int(m)) for w, n, s, m in store.rows(sql)]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written. ``kind``: changed, missing, order, double, link, anchor."""

    kind: str
    writer: str
    seq: int


def verify(store: Store, key: MemberKey, anchors: Collection[Head] = ()) -> tuple[int, list[Fault]]:
    """How many entries there are, and what was changed, removed, put in or put in another place since."""
    names = ", ".join(f"`{c.name}`" for c in AUDIT.columns)
    chains: dict[str, list[dict[str, Any]]] = {}
    for values in store.rows(f"SELECT {names} FROM audit FINAL ORDER BY writer, seq, seal"):
        row = dict(zip((c.name for c in AUDIT.columns), values, strict=True))
        chains.setdefault(row["writer"], []).append(row)
    return _verified(chains, key, anchors)


def _verified(
    chains: Mapping[str, list[dict[str, Any]]], key: MemberKey, anchors: Collection[Head]
) -> tuple[int, list[Fault]]:
    faults, sound = [], set[str]()
    for writer, rows in chains.items():
        for row in rows:
            if key.seal(content(row)) == row["seal"]:
                sound.add(row["seal"])
            else:
                faults.append(Fault("changed", writer, row["seq"]))
    retired = [r for rows in chains.values() for r in rows if r["action"] == RETIRED and r["seal"] in sound]
    dropped = {seal for r in retired for seal in r["links"]}
    months = {int(m) for r in retired for m in r["what"].split(",")}
    for writer, rows in chains.items():
        before: dict[str, Any] | None = None
        for row in rows:
            faults += _in_chain(writer, before, row, dropped)
            faults += [Fault("link", writer, row["seq"]) for s in row["links"] if s not in sound | dropped]
            before = row
    there = {(w, r["seq"], r["seal"]) for w, rows in chains.items() for r in rows}
    missing = (a for a in anchors if a[:3] not in there and a.month not in months)
    faults += [Fault("anchor", a.writer, a.seq) for a in missing]
    return sum(map(len, chains.values())), sorted(set(faults), key=lambda f: (f.writer, f.seq, f.kind))


def _in_chain(
    writer: str, before: Mapping[str, Any] | None, row: Mapping[str, Any], dropped: Collection[str]
) -> list[Fault]:
    seq = row["seq"]
    if before is None:
        begins = seq == 1 and not row["previous"]
        return [] if begins or (seq > 1 and row["previous"] in dropped) else [Fault("missing", writer, seq - 1)]
    if seq == before["seq"]:
        return [Fault("double", writer, seq)]
    if seq != before["seq"] + 1:
        return [Fault("missing", writer, before["seq"] + 1)]
    return [] if row["previous"] == before["seal"] else [Fault("order", writer, seq)]


def retire(store: Store, auditor: Auditor, months: Collection[int]) -> None:
    """Drop whole months (YYYYMM) that have expired. An entry says so first, and names the seals that go missing by
    it, so that ``verify`` tells it from tampering."""
    if not months:
        return
    given = {"m": sorted(months)}
    gone = {str(r[0]) for r in store.rows("SELECT seal FROM audit WHERE toYYYYMM(at) IN {m:Array(UInt32)}", given)}
    entry = Entry("system", RETIRED, ",".join(map(str, sorted(months))), rows=len(gone))
    # Only what kept entries refer to has to be named: the rest leaves no gap.
    kept = store.rows(
        "SELECT DISTINCT arrayJoin(arrayConcat(links, [previous])) FROM audit "
        "WHERE toYYYYMM(at) NOT IN {m:Array(UInt32)}",
        given,
    )
    auditor.link([entry], gone & {str(r[0]) for r in kept})
    for month in sorted(months):
        store.command("ALTER TABLE audit DROP PARTITION {p:String}", {"p": str(month)})


def anchor_hash(found: Iterable[Head]) -> str:
    """One SHA-256 over heads, short enough to be written down on paper."""
    return hashlib.sha256(msgspec.json.encode(sorted(map(tuple, found)))).hexdigest()
