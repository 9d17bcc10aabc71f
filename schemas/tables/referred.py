"""Reference data by import, and what rosters are turned into for queries."""

from __future__ import annotations

from schemas import reference
from schemas.reference.columns import ColumnKind
from schemas.table import Column, Table

_TS = "DateTime64(3, 'UTC')"
_REFERENCE_TYPES: dict[ColumnKind, str] = {
    "id": "String",
    "ids": "Array(String)",
    "text": "String",
    "choice": "LowCardinality(String)",
    "audience": "Array(String)",
    "integer": "Nullable(Int64)",
    "number": "Nullable(Float64)",
    "minutes": "Nullable(Int64)",
    "seconds": "Nullable(Int64)",
    "boolean": "Nullable(Bool)",
    "date": "Nullable(Date32)",
    "time": f"Nullable({_TS})",
    "start": f"Nullable({_TS})",
    "deadline": f"Nullable({_TS})",
}


def _reference(name: str) -> Table:
    """Store table of a reference table: its declared columns, and which import brought the row.

    Append-only: an import replaces all rows of the ids that it lists, by being the newer one.
    """
    declared = reference.TABLES[name]
    columns = [Column(c.name, _REFERENCE_TYPES[c.kind], c.description.en) for c in declared.columns]
    return Table(
        f"ref_{name}",
        declared.description.en,
        (
            *columns,
            Column("import_id", "UInt64", "the import that brought the row"),
            Column("ordinal", "UInt32", "row in that import, from 0"),
            Column("recorded_at", "DateTime64(6, 'UTC')", "when it was recorded"),
        ),
        (declared.columns[0].name, "import_id", "ordinal"),
        personal=name in ("members", "exemptions"),
    )


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

MEMBERSHIPS = Table(
    "memberships",
    "Who belongs where, dated, sorted by organisation: derived from ref_members by each roster import that changes "
    "members, whole; the import before it is kept for queries that are running.",
    (
        Column("import_id", "UInt64", "the import whose memberships they are"),
        Column("org_id", "String", "organisation"),
        Column("member_id", "String", "opaque member id"),
        Column("since", "Date32", "first day, included; 1900-01-01 since ever"),
        Column("until", "Date32", "first day no longer included; 2299-12-31 until further notice"),
        Column("category", "LowCardinality(String)", "category of the member"),
        Column("role", "LowCardinality(String)", "role of the member"),
        Column("status", "LowCardinality(String)", "status of the member"),
    ),
    ("import_id", "org_id", "member_id", "since"),
    "",
    "import_id",
    ("index_granularity = 1024",),
    personal=True,
)

REFERENCE: dict[str, Table] = {name: _reference(name) for name in reference.TABLES}
"""Store tables of reference data by the name of the declared table."""
