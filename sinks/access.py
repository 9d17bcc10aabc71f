"""Principals and their tokens in the store. Every change is a further version of the row; nothing is overwritten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from schemas.access import AccessError, Detail, Principal, matches, new_principal, new_token, role, token_id
from schemas.errors import InputError
from schemas.tables import PRINCIPALS

from .client import Store

REMEMBER_S = 5.0
"""For how long an answer about a token may be used again: a revoked token is refused at the latest after that."""
_NAMES = [c.name for c in PRINCIPALS.columns]
_NOBODY = "0" * 64


class Created(NamedTuple):
    """A new principal, with the token that is shown once."""

    principal: Principal
    token: str


class Access:
    """The principals of one store. Safe to use from several threads. Raises StoreError when it does not answer."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        remember: float = REMEMBER_S,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store, self.clock = store, clock
        self._remember, self._seconds = remember, seconds
        self._known: dict[str, tuple[float, dict[str, Any] | None]] = {}
        self._lock = threading.Lock()

    def create(
        self,
        role_name: str,
        *,
        by: str,
        node: str | None = None,
        detail: Detail | None = None,
        member_id: str | None = None,
        lifetime: timedelta | None = None,
        label: str = "",
    ) -> Created:
        """A new principal of a role. Raises InputError where the role asks for something else, and for an
        organisation or member that the roster does not have."""
        token = new_token()
        principal = new_principal(
            token.principal_id,
            role_name,
            self.clock(),
            node=node,
            detail=detail,
            member_id=member_id,
            lifetime=lifetime,
            label=label,
        )
        self._check_place(principal)
        self._write(principal, token.hash, by, 1)
        return Created(principal, token.text)

    def principals(self, *, all_versions: bool = False) -> list[Principal]:
        """Every principal, revoked and expired ones too, oldest first; all of their versions where asked for."""
        final = "" if all_versions else "FINAL"
        rows = self._rows(f"{final} ORDER BY created_at, principal_id, version")
        return [_principal(row) for row in rows]

    def with_hashes(self) -> list[tuple[Principal, str]]:
        """Every principal with the hash of its token, for the users of a ClickHouse server."""
        return [(_principal(row), row["token_hash"]) for row in self._rows("FINAL ORDER BY principal_id")]

    def get(self, principal_id: str) -> Principal:
        """One principal. Raises InputError when there is none of that id."""
        return _principal(self._row(principal_id))

    def revoke(self, principal_id: str) -> Principal:
        """Take a token back: from now on it is refused. Doing it again changes nothing. Raises InputError when there
        is none of that id."""
        row = self._row(principal_id)
        principal = _principal(row)
        if principal.revoked_at is None:
            principal = replace(principal, revoked_at=self.clock())
            self._write(principal, row["token_hash"], row["created_by"], row["version"] + 1)
        with self._lock:
            self._known.pop(principal_id, None)
        return principal

    def authenticate(self, token: str) -> Principal | None:
        """Whose token it is, None where it is nobody's, expired or revoked. What the store said is used again for a
        few seconds."""
        principal_id = token_id(token)
        row = self._remembered(principal_id) if principal_id else None
        # Whether there is such an id is not told by how long the answer takes.
        if not matches(token, row["token_hash"] if row else _NOBODY) or row is None:
            return None
        principal = _principal(row)
        return principal if principal.active(self.clock()) else None

    def _remembered(self, principal_id: str) -> dict[str, Any] | None:
        now = self._seconds()
        with self._lock:
            known = self._known.get(principal_id)
        if known is not None and now < known[0]:
            return known[1]
        found = self._find(principal_id)
        with self._lock:
            if found is not None:  # ids that are none would fill the memory
                self._known = {k: v for k, v in self._known.items() if now < v[0]}
                self._known[principal_id] = now + self._remember, found
        return found

    def _check_place(self, principal: Principal) -> None:
        if principal.node is not None:
            sql = "SELECT DISTINCT kind FROM v_organisations WHERE org_id = {org:String}"
            kinds = {str(kind) for (kind,) in self.store.rows(sql, {"org": principal.node})}
            if not kinds:
                raise InputError(f"organisation {principal.node!r} is not in the roster", where="--org")
            within = role(principal.role).within
            if within and not kinds & set(within):
                raise InputError(
                    f"a {principal.role} belongs to {', '.join(within)}; {principal.node!r} is {', '.join(kinds)}",
                    where="--org",
                )
        if principal.member_id is not None:
            sql = "SELECT count() FROM v_members WHERE member_id = {member:String}"
            ((found,),) = self.store.rows(sql, {"member": principal.member_id})
            if not found:
                raise InputError(f"member {principal.member_id!r} is not in the roster", where="--member")

    def _row(self, principal_id: str) -> dict[str, Any]:
        found = self._find(principal_id)
        if found is None:
            raise InputError(f"there is no principal {principal_id!r}", hint="xuejing access token list")
        return found

    def _find(self, principal_id: str) -> dict[str, Any] | None:
        rows = self._rows("FINAL WHERE principal_id = {id:String}", {"id": principal_id})
        return rows[0] if rows else None

    def _rows(self, rest: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        rows = self.store.rows(f"SELECT {', '.join(_NAMES)} FROM principals {rest}", parameters)
        return [dict(zip(_NAMES, row, strict=True)) for row in rows]

    def _write(self, principal: Principal, token_hash: str, by: str, version: int) -> None:
        row = {name: getattr(principal, name, None) for name in _NAMES} | {
            "node": principal.node or "",
            "member_id": principal.member_id or "",
            "token_hash": token_hash,
            "created_by": by,
            "version": version,
        }
        self.store.insert(PRINCIPALS.name, PRINCIPALS.rows([row]))


def _principal(row: dict[str, Any]) -> Principal:
    try:
        return Principal(
            principal_id=row["principal_id"],
            kind=row["kind"],
            role=row["role"],
            node=row["node"] or None,
            detail=row["detail"],
            member_id=row["member_id"] or None,
            created_at=_utc(row["created_at"]),
            expires_at=_utc(row["expires_at"]),
            revoked_at=_utc(row["revoked_at"]),
            label=row["label"],
        )
    except InputError as error:
        # A scope that this program does not understand is no scope: nothing is seen through it.
        raise AccessError(error.what, where=f"principals {row['principal_id']}") from error


def _utc(moment: datetime | None) -> Any:
    return None if moment is None else moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
