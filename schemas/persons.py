"""What each table holds about persons, declared once: what a member is given, and what an erasure removes and proves.

A test fails when a table is not listed here, or when one has a column about persons that is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .families import FAMILIES
from .reference.columns import Text
from .table import Table
from .tables import TABLES


@dataclass(frozen=True, slots=True)
class Held:
    """What a table holds about persons. ``column``: whose rows are whose, '' where no row is about one person."""

    title: Text
    column: str = ""
    texts: tuple[str, ...] = ()
    """columns with texts in which an id may stand"""
    unread: tuple[str, ...] = ()
    """the same, of rows whose person could not be read"""
    withheld: tuple[str, ...] = ()
    """columns that are not handed out, not even to the person: secrets"""
    by_register: bool = False
    """given and removed by the register of issued reports, not row by row"""


_NOBODY = Text("与个人无关", "nothing about persons")
_SUMS = Text("支部合计，成员离开后重算", "sums of branches, computed again without who leaves")
_KEYED = Text("只有散列值", "keyed hashes only")

PERSONS: Mapping[str, Held] = {
    "ref_organisations": Held(_NOBODY),
    "ref_members": Held(Text("名册", "roster"), "member_id"),
    "ref_courses": Held(_NOBODY),
    "ref_units": Held(_NOBODY),
    "ref_exams": Held(_NOBODY),
    "ref_questions": Held(_NOBODY),
    "ref_knowledge_points": Held(_NOBODY),
    "ref_exemptions": Held(Text("免学", "exemptions"), "member_id"),
    "ref_quotas": Held(_NOBODY),
    "ref_competences": Held(_NOBODY),
    "ref_places": Held(_NOBODY),
    **{f.table.name: Held(f.title, "member_id") for f in FAMILIES.values()},
    "org_closure": Held(_NOBODY),
    "memberships": Held(Text("所属组织（由名册得出）", "memberships, derived from the roster"), "member_id"),
    "events": Held(Text("事件", "events"), "member_id"),
    "member_day": Held(Text("每日指标", "figures by day"), "member_id"),
    "answers": Held(Text("答题", "answers"), "member_id"),
    "branch_day": Held(_SUMS),
    "rejected_events": Held(Text("被拒记录", "rejected lines"), "member_id", unread=("raw", "detail")),
    "duplicates": Held(Text("重复到达的事件", "events that arrived again"), "member_id"),
    "ledger": Held(_NOBODY),
    "probes": Held(_NOBODY),
    "retention": Held(_NOBODY),
    "imports": Held(_NOBODY),
    "generations": Held(_NOBODY),
    "calibrations": Held(_NOBODY),
    "item_thresholds": Held(_NOBODY),
    "issued_reports": Held(Text("印发过的报告", "issued reports"), "subject", ("files", "snapshot"), by_register=True),
    "issued_members": Held(Text("出现在哪些报告中", "reports that one is in"), "member_id", by_register=True),
    "issued_data": Held(Text("印发报告所依据的数据", "what issued reports were made from"), by_register=True),
    "principals": Held(Text("访问授权", "access granted"), "member_id", withheld=("token_hash",)),
    "audit": Held(_KEYED),
    "erasures": Held(_KEYED),
    "corrections": Held(Text("更正申请", "requests for correction"), "member_id"),
}

PERSON_COLUMNS = frozenset({"member_id", "person_id", "person", "member_ids"})
"""Names that a column about persons has."""
OTHER_IDS = frozenset(
    {
        *("course_id", "unit_id", "exam_id", "question_id", "knowledge_point_id", "content_id", "competence_id"),
        *("org_id", "parent_id", "ancestor_id"),
    }
)
"""Columns with ids of something else: that one of them equals a member's id is chance."""


def mentions(table: Table, parameter: str = "m", pattern: str = "p") -> str:
    """SQL condition: the row has the id in a column that may hold one, or within a declared text. The id is bound as
    ``parameter``, ``as_word(id)`` as ``pattern``."""
    held = PERSONS[table.name]
    found = []
    for column in table.columns:
        if column.name in held.texts:
            found.append(f"match(`{column.name}`, {{{pattern}:String}})")
        elif column.name in held.unread:
            found.append(f"(`{held.column}` = '' AND match(`{column.name}`, {{{pattern}:String}}))")
        elif column.name in OTHER_IDS or column.type == "Bytes":
            continue
        elif column.type in ("String", "LowCardinality(String)", "Nullable(String)"):
            found.append(f"`{column.name}` = {{{parameter}:String}}")
        elif column.type in ("Array(String)", "Array(LowCardinality(String))"):
            found.append(f"has(`{column.name}`, {{{parameter}:String}})")
    return " OR ".join(found) or "0"


def as_word(member_id: str) -> str:
    """RE2 pattern of an id that stands by itself: ``m1`` is not found in ``m10`` or ``m1.5``; it is before a stop."""
    return rf"(^|[^\pL\pN_.-])[.-]*{re.escape(member_id)}[.-]*([^\pL\pN_.-]|$)"


def unlisted() -> set[str]:
    """Tables that are declared and not listed here, or the other way round."""
    return TABLES.keys() ^ PERSONS.keys()
