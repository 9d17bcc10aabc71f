"""Requests of members to have something corrected: a register with one row a request, replaced at each change."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from schemas.errors import InputError
from schemas.tables import CORRECTIONS

from .client import Store

State = Literal["requested", "accepted", "refused", "done"]


@dataclass(frozen=True, slots=True)
class Correction:
    """One request as it stands. Instants are UTC. ``event_ids``: what it is about; ``effects``: events that were sent
    for it; ``reports``: issued again for it, as report_id/version."""

    correction_id: str
    member_id: str
    request: str
    asked_by: str
    asked_at: datetime
    event_ids: tuple[str, ...] = ()
    state: State = "requested"
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    effects: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    version: int = 1

    @property
    def open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.state in ("requested", "accepted")


def write(store: Store, correction: Correction) -> None:
    """Record a request as it stands now; the larger version counts."""
    row = {f.name: getattr(correction, f.name) for f in fields(Correction)}
    store.insert(CORRECTIONS.name, CORRECTIONS.rows([row]))


def corrections(store: Store, member_id: str = "") -> list[Correction]:
    """All requests, or those of a member, the oldest first."""
    names = [f.name for f in fields(Correction)]
    rows = store.rows(
        f"SELECT {', '.join(names)} FROM corrections FINAL WHERE {{m:String}} IN ('', member_id) "
        "ORDER BY asked_at, correction_id",
        {"m": member_id},
    )
    return [Correction(**{n: _plain(v) for n, v in zip(names, row, strict=True)}) for row in rows]


def contested(store: Store, moment: datetime) -> frozenset[str]:
    """Members with a request that waited for a decision at a moment (aware)."""
    return frozenset(
        c.member_id
        for c in corrections(store)
        if c.asked_at <= moment and (c.state == "requested" or (c.decided_at is not None and c.decided_at > moment))
    )


def correction(store: Store, correction_id: str) -> Correction:
    """One request. Raises InputError when there is none of this number."""
    found = [c for c in corrections(store) if c.correction_id == correction_id]
    if not found:
        raise InputError(f"there is no request {correction_id!r}", hint="xuejing correct list")
    return found[0]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return tuple(value) if isinstance(value, list) else value
