"""Every ClickHouse table, declared once: columns, types, what they mean, how they are sorted.

Arrow schemas for inserts and the checks on migrations are derived from here. Times are UTC with
milliseconds unless a column says otherwise; days are local dates of the generation's time zone; lengths
are integer milliseconds; scores are integers in millionths, so that sums do not depend on their order.
"""

from __future__ import annotations

from schemas.families import FAMILIES
from schemas.table import MICRO, Column, Table
from schemas.tables.analysis import CALIBRATIONS, GENERATIONS, IMPORTS, ITEM_THRESHOLDS, RETENTION
from schemas.tables.facts import (
    ANSWERS,
    BRANCH_DAY,
    DUPLICATES,
    EVENTS,
    FIGURES,
    LEDGER,
    MEMBER_DAY,
    POSITION_KEY,
    PROBES,
    REJECTED,
)
from schemas.tables.people import AUDIT, CORRECTIONS, ERASURES, ISSUED_DATA, ISSUED_MEMBERS, ISSUED_REPORTS, PRINCIPALS
from schemas.tables.referred import MEMBERSHIPS, ORG_CLOSURE, REFERENCE

__all__ = [
    "ANSWERS",
    "AUDIT",
    "BRANCH_DAY",
    "CALIBRATIONS",
    "CORRECTIONS",
    "DUPLICATES",
    "ERASURES",
    "EVENTS",
    "FIGURES",
    "GENERATIONS",
    "IMPORTS",
    "ISSUED_DATA",
    "ISSUED_MEMBERS",
    "ISSUED_REPORTS",
    "ITEM_THRESHOLDS",
    "LEDGER",
    "MEMBERSHIPS",
    "MEMBER_DAY",
    "MICRO",
    "ORG_CLOSURE",
    "POSITION_KEY",
    "PRINCIPALS",
    "PROBES",
    "REFERENCE",
    "REJECTED",
    "RETENTION",
    "TABLES",
    "Column",
    "Table",
]

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        *REFERENCE.values(),
        *(family.table for family in FAMILIES.values()),
        ORG_CLOSURE,
        MEMBERSHIPS,
        EVENTS,
        MEMBER_DAY,
        ANSWERS,
        BRANCH_DAY,
        REJECTED,
        DUPLICATES,
        LEDGER,
        PROBES,
        RETENTION,
        IMPORTS,
        GENERATIONS,
        CALIBRATIONS,
        ITEM_THRESHOLDS,
        ISSUED_REPORTS,
        ISSUED_MEMBERS,
        ISSUED_DATA,
        PRINCIPALS,
        AUDIT,
        ERASURES,
        CORRECTIONS,
    )
}
