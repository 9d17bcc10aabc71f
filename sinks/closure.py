"""The dated organisation tree in the store: rows of ``org_closure``."""

from __future__ import annotations

from typing import Any

from schemas.reference import Roster
from schemas.reference.closure import closure
from schemas.tables import Column, Table

ORG_CLOSURE = Table(
    "org_closure",
    "Which organisation is below which, dated; every organisation is below itself. Written whole by each roster "
    "import that changes organisations.",
    (
        Column("import_id", "UInt64", "the import whose tree it is"),
        Column("ancestor_id", "String", "the organisation above"),
        Column("org_id", "String", "the organisation, or one below it"),
        Column("ordinal", "UInt32", "row in that import, from 0"),
        Column("valid_from", "Nullable(Date32)", "first day, included; NULL since ever"),
        Column("valid_to", "Nullable(Date32)", "first day no longer included; NULL until further notice"),
    ),
    ("import_id", "ancestor_id", "org_id", "ordinal"),
)


def closure_rows(roster: Roster, import_id: int) -> list[dict[str, Any]]:
    """Rows of ``org_closure`` for a roster."""
    return [
        {"import_id": import_id, "ordinal": ordinal, **below._asdict()} for ordinal, below in enumerate(closure(roster))
    ]
