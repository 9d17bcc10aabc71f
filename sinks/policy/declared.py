"""What each table is about, and which views people may ask by SQL. The one declaration behind row policies, grants and
the users file; a test holds that every table is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from schemas.families import FAMILIES
from schemas.families.family import Audience
from schemas.tables import TABLES

Rule = Literal[
    "person_day",
    "answer_day",
    "branch_day",
    "self_day",
    "membership",
    "organisation",
    "organisation_day",
    "closure",
    "closed",
    "open",
]
"""How rows of a table are filtered.

- ``person_day``: of a member on a local ``day``: where the member belonged on that day;
- ``answer_day``: the same, of practice and of exams that the catalogue lists: what it does not list may be a contest,
  which is for that member only (``sinks.read.private``), and whether it is one would be read from rows of others;
- ``branch_day``: as ``person_day``, for that organisation itself and nobody above it;
- ``self_day``: of a member on a local ``day``, for that member only;
- ``membership``: of a member, an organisation and a period: where the period meets the scope's;
- ``organisation``, ``organisation_day``: of an organisation, at any time or on a ``day``;
- ``closure``: pairs of the tree: those below the scope's node;
- ``closed``: about persons, for the program's own account only;
- ``open``: about neither persons nor organisations.
"""

_OTHERS: dict[str, Rule] = {
    "member_day": "person_day",
    "answers": "answer_day",
    "memberships": "membership",
    "ref_members": "membership",
    "ref_organisations": "organisation",
    "ref_quotas": "organisation",
    "ref_places": "organisation",
    "branch_day": "organisation_day",
    "org_closure": "closure",
    # Raw events and lines, registers and access itself: through the program only.
    "events": "closed",
    "rejected_events": "closed",
    "duplicates": "closed",
    "issued_reports": "closed",
    "issued_members": "closed",
    "issued_data": "closed",
    "principals": "closed",
    "audit": "closed",
    "erasures": "closed",
    "corrections": "closed",
    "ref_exemptions": "closed",
    # Positions and counts of the pipeline, definitions, parameters of questions.
    "ledger": "open",
    "probes": "open",
    "imports": "open",
    "retention": "open",
    "generations": "open",
    "calibrations": "open",
    "item_thresholds": "open",
}
_CATALOGUE = ("courses", "units", "exams", "questions", "knowledge_points", "competences")

_AUDIENCES: Mapping[Audience, Rule] = {"named": "person_day", "branch": "branch_day", "self": "self_day"}

TABLE_RULES: Mapping[str, Rule] = {
    **_OTHERS,
    **{f.table.name: "closed" if f.anonymous else _AUDIENCES[f.audience] for f in FAMILIES.values()},
    **{f"ref_{name}": "open" for name in _CATALOGUE},
}
"""Rule of every table of ``schemas.tables``."""


def unclassified() -> set[str]:
    """Tables without a rule, or with one that their columns do not allow; see the test."""
    return {name for name in TABLES if name not in TABLE_RULES or not _fits(name)} | (
        TABLE_RULES.keys() - TABLES.keys()
    )


def _fits(name: str) -> bool:
    table, rule = TABLES[name], TABLE_RULES[name]
    columns = {c.name for c in table.columns}
    needs: dict[Rule, set[str]] = {
        "person_day": {"member_id", "day"},
        "answer_day": {"member_id", "day", "exam_id"},
        "branch_day": {"member_id", "day"},
        "self_day": {"member_id", "day"},
        "membership": {"member_id", "org_id"},
        "organisation": {"org_id"},
        "organisation_day": {"org_id", "day"},
        "closure": {"ancestor_id", "org_id"},
        "closed": set(),
        "open": set(),
    }
    about = table.personal or bool(columns & {"member_id", "member_key", "member_keys", "org_id", "node"})
    return needs[rule] <= columns and (rule != "open" or not about)


@dataclass(frozen=True, slots=True)
class View:
    """A view that may be asked by SQL, with the tables behind it, which its reader needs too."""

    name: str
    tables: tuple[str, ...]
    aggregate: bool = False
    """nothing in it is about persons or small groups: principals who see aggregates may ask it too"""
    family: str = ""
    """the further family whose rows it shows: nobody is granted it where that is not shown"""


_TREE, _PLACES = ("org_closure", "imports"), ("memberships", "org_closure", "imports")
VIEWS: tuple[View, ...] = (
    View("v_imports", ("imports",), True),
    View("v_generation", ("generations",), True),
    View("v_organisations", ("ref_organisations", *_TREE), True),
    View("v_org_closure", _TREE, True),
    View("v_courses", ("ref_courses", "imports"), True),
    View("v_exams", ("ref_exams", "imports"), True),
    View("v_questions", ("ref_questions", "imports"), True),
    View("v_exam_items", ("ref_questions", "imports"), True),
    View("v_members", ("ref_members", *_TREE)),
    View("v_memberships", _PLACES),
    View("v_headcount", _PLACES),
    View("v_member_day", ("member_day", "generations", *_PLACES)),
    View("v_branch_day", ("member_day", "generations", *_PLACES)),
    View("v_answers", ("answers", "generations", *_PLACES)),
    *(View(f.view, (f.table.name, "generations", *_PLACES), family=f.name) for f in FAMILIES.values() if f.view),
)
"""Views by what they show; of further families those whose rows anybody may read by SQL.

Aggregates of organisations have a view for each principal; see ``shown.py``."""
