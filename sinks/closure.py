"""Rows that a roster import derives: the dated tree as pairs, and memberships sorted by organisation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from schemas.reference import Roster
from schemas.reference.closure import closure

FIRST, LAST = date(1900, 1, 1), date(2299, 12, 31)
"""What open ends become: the first and the last day of ClickHouse's Date32."""


def closure_rows(roster: Roster, import_id: int) -> list[dict[str, Any]]:
    """Rows of ``org_closure``."""
    return [
        {"import_id": import_id, "ordinal": ordinal, **below._asdict()} for ordinal, below in enumerate(closure(roster))
    ]


def membership_rows(roster: Roster, import_id: int) -> Iterator[dict[str, Any]]:
    """Rows of ``memberships``: periods that have a day."""
    for m in roster.members:
        since, until = max(m.valid_from or FIRST, FIRST), min(m.valid_to or LAST, LAST)
        if since < until:
            yield {
                "import_id": import_id,
                "org_id": m.org_id,
                "member_id": m.member_id,
                "since": since,
                "until": until,
                "category": m.category,
                "role": m.role,
                "status": m.status,
            }
