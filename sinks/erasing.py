"""Taking a person out of the store: what an erasure has to do, the deletions, and the count that proves them.

The steps are composed by ``commands.erasing``; each may be repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from schemas.keyed import MemberKey
from schemas.persons import PERSONS, as_word, mentions
from schemas.reference import TABLES as DECLARED
from schemas.reference import Roster
from schemas.reference.moves import moves
from schemas.tables import ERASURES, IMPORTS, TABLES

from .client import Store
from .read.generations import written_generations
from .reference import KINDS, PENDING, touched_branch_days
from .rosters import structs

BLOCKED, PLANNED, REMOVED, COMPUTED, DONE = STEPS = ("blocked", "planned", "removed", "computed", "done")
"""States of an erasure, in order: what arrives is dropped; it is known what to do; the rows are gone; branches are
computed again; reports are issued again and the proof is kept."""


class Plan(msgspec.Struct, frozen=True):
    """What is to be done, without ids of persons."""

    branch_days: tuple[tuple[int, str, date], ...] = ()
    """generation, organisation, local day"""
    lines: int = 0
    """archived and repeated lines that were removed: the ledger has counted them"""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure as it stands. Instants are UTC; ``proof``: table → rows found."""

    member_key: str
    key_check: str
    reason: str
    principal_id: str
    asked_at: datetime
    state: str = BLOCKED
    plan: Plan = field(default_factory=Plan)
    proof: Mapping[str, int] | None = None
    version: int = 0

    @property
    def proof_text(self) -> str:
        """The proof as it is kept and hashed."""
        return "" if self.proof is None else msgspec.json.encode(dict(sorted(self.proof.items()))).decode()

    @property
    def proof_hash(self) -> str:
        """SHA-256 over the proof, the keyed hash and the time of asking; '' as long as there is none."""
        if self.proof is None:
            return ""
        text = f"{self.member_key} {self.asked_at.isoformat()} {self.proof_text}"
        return hashlib.sha256(text.encode()).hexdigest()


def find(store: Store, key: MemberKey, member_id: str) -> Erasure | None:
    """The erasure of a member, if there was one."""
    found = [e for e in erasures(store) if e.member_key == key.of(member_id)]
    return found[0] if found else None


def erasures(store: Store) -> list[Erasure]:
    """All of them, by the time at which they were asked for."""
    names = ("member_key", "key_check", "reason", "principal_id", "asked_at", "state", "plan", "proof", "version")
    rows = store.rows(f"SELECT {', '.join(names)} FROM erasures FINAL ORDER BY asked_at, member_key")
    return [_erasure(dict(zip(names, row, strict=True))) for row in rows]


def _erasure(row: dict[str, Any]) -> Erasure:
    plan = msgspec.json.decode(row["plan"], type=Plan)
    proof = msgspec.json.decode(row["proof"], type=dict[str, int]) if row["proof"] else None
    asked = row["asked_at"] if row["asked_at"].tzinfo else row["asked_at"].replace(tzinfo=UTC)
    return Erasure(**row | {"plan": plan, "proof": proof, "asked_at": asked})


def write(store: Store, erasure: Erasure, state: str) -> Erasure:
    """Record that a step is done; returns the erasure as it stands then."""
    new = replace(erasure, state=state, version=erasure.version + 1)
    row = {
        "member_key": new.member_key,
        "key_check": new.key_check,
        "state": new.state,
        "reason": new.reason,
        "principal_id": new.principal_id,
        "asked_at": new.asked_at,
        "changed_at": datetime.now(UTC),
        "plan": msgspec.json.encode(new.plan).decode(),
        "proof": new.proof_text,
        "proof_hash": new.proof_hash,
        "version": new.version,
    }
    store.insert(ERASURES.name, ERASURES.rows([row]))
    return new


def planned(store: Store, member_id: str, before: Plan) -> Plan:
    """What a member's rows in the store, as they are now, ask for beside what an earlier plan did."""
    names = [c.name for c in DECLARED["members"].columns]
    listed = ", ".join(f"`{n}`" for n in names)
    table = store.arrow(f"SELECT DISTINCT {listed} FROM ref_members WHERE member_id = {{m:String}}", {"m": member_id})
    # Every row that any import brought: days of places that were corrected since have rows too.
    spans = {m for row in structs("members", table) for m in moves(Roster([], []), Roster([], [row]))}
    days = [
        (g.number, org_id, day)
        for g in written_generations(store)
        for org_id, day in touched_branch_days(store, g.number, spans)
    ]
    ((bodies,),) = store.rows(
        "SELECT uniqExact(event_id, body_hash, skew_ms) FROM events WHERE member_id = {m:String}", {"m": member_id}
    )
    ((again,),) = store.rows("SELECT count() FROM duplicates FINAL WHERE member_id = {m:String}", {"m": member_id})
    return Plan(tuple(sorted({*before.branch_days, *days})), before.lines + int(bodies) + int(again))


def remove(store: Store, member_id: str, now: datetime) -> None:
    """Delete a member's rows from every table that has any, physically; then make the roster a new one, so that
    workers read it again. What the register of issued reports keeps is not touched."""
    given = {"m": member_id, "p": as_word(member_id)}
    for name, held in PERSONS.items():
        if not held.column or held.by_register:
            continue
        where = " OR ".join(
            [f"`{held.column}` = {{m:String}}"]
            + [f"(`{held.column}` = '' AND match(`{c}`, {{p:String}}))" for c in held.unread]
        )
        ((found,),) = store.rows(f"SELECT count() FROM {name} WHERE {where}", given)
        if found:
            # Rewrites the parts: rows are not only hidden, as DELETE FROM would do.
            store.command(f"ALTER TABLE {name} DELETE WHERE {where} SETTINGS mutations_sync = 2", given)
    renew_roster(store, now)


def renew_roster(store: Store, now: datetime) -> int:
    """Record a roster import that brings nothing; returns its number. Readers keep the tables that they have."""
    kinds = [*KINDS, PENDING]
    ((last,),) = store.rows("SELECT max(import_id) FROM imports WHERE kind IN {k:Array(String)}", {"k": kinds})
    row = {"import_id": int(last) + 1, "kind": "roster", "recorded_at": now, "rows": 0, "published": 1}
    store.insert(IMPORTS.name, IMPORTS.rows([row]))
    return int(last) + 1


def left(store: Store, member_id: str) -> dict[str, int]:
    """Rows of every table of the store that hold the id, in whatever column. All zero: the person is gone."""
    given = {"m": member_id, "p": as_word(member_id)}
    found = {}
    for name, table in TABLES.items():
        ((count,),) = store.rows(f"SELECT count() FROM {name} WHERE {mentions(table)}", given)
        found[name] = int(count)
    return found


def everybody(store: Store) -> set[str]:
    """Ids of all persons about whom a table has a row."""
    found: set[str] = set()
    for name, held in PERSONS.items():
        if held.column:
            where = " WHERE kind = 'member'" if held.column == "subject" else ""
            found.update(str(r[0]) for r in store.rows(f"SELECT DISTINCT `{held.column}` FROM {name}{where}"))
    return found - {""}
