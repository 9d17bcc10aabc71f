"""Reads the audit: who looked at a person, and what was done on some days. Members stand in it as keyed hashes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any

from schemas.keyed import MemberKey

from .client import Store

ENTRIES = ("at", "principal_id", "role", "node", "action", "what", "purpose", "org_id", "outcome")
"""Columns of an entry as people see it: those of the audit, and role and organisation of who it was."""
REFUSED = ("forbidden", "not-found", "purpose-required")
"""Outcomes of what a principal asked for and may not have."""
# Who works at the command line has no principal; whose principal was erased has none any more.
_SELECT = """
    SELECT a.at, a.principal_id, if(startsWith(a.principal_id, 'os:'), 'operator', p.role), p.node, a.action, a.what,
           a.purpose, a.org_id, a.outcome{more}
    FROM (SELECT * FROM audit FINAL WHERE {where}) AS a
    LEFT JOIN (SELECT principal_id, toString(role) AS role, node FROM principals FINAL) AS p USING principal_id
    ORDER BY a.at DESC, a.seq DESC"""


def looked_at(store: Store, key: MemberKey, member_id: str, limit: int = 0) -> list[dict[str, Any]]:
    """Entries about a person, the latest first, at most ``limit`` (0: all); see ``ENTRIES``."""
    sql = _SELECT.format(more="", where="has(member_keys, {k:String})") + _most(limit)
    return [_entry(ENTRIES, row) for row in store.rows(sql, {"k": key.of(member_id), "n": limit})]


def entries(
    store: Store, zone: str, *, first: date | None, last: date | None, principal_id: str = "", refused: bool = False,
    limit: int = 0,
) -> list[dict[str, Any]]:  # fmt: skip
    """Entries of local days of ``zone``, the latest first, with ``members`` (how many they name) and ``rows``;
    ``refused``: only what was not answered or done."""
    where = "toDate(at, {z:String}) BETWEEN {a:Date32} AND {b:Date32} AND {p:String} IN ('', principal_id)"
    if refused:
        where += f" AND outcome IN ({', '.join(repr(o) for o in REFUSED)})"
    names = (*ENTRIES, "members", "rows")
    sql = _SELECT.format(more=", length(a.member_keys), a.rows", where=where) + _most(limit)
    given = {"z": zone, "a": str(first or "1900-01-01"), "b": str(last or "2299-12-31"), "p": principal_id, "n": limit}
    return [_entry(names, row) for row in store.rows(sql, given)]


def _entry(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(names, row, strict=True))
    # The driver leaves out the zone of UTC.
    return found | {"at": found["at"].replace(tzinfo=UTC)}


def _most(limit: int) -> str:
    return " LIMIT {n:UInt64}" if limit else ""
