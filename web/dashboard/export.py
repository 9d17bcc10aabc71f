"""The data behind a page, as CSV: a named query with the page's own filters, in the viewer's scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from reports import asking
from reports.asking import ALL, Question
from reports.withholding import RULES
from schemas.settings import Settings
from sinks.read import Filters, Reader, Scope
from web.dashboard.asking import Asked
from web.dashboard.viewers import PageKind, Viewer

EXPORTS: Mapping[PageKind, tuple[str, ...]] = {
    "branch": (
        "member-day", "branch-day", "suggestions", "silent", "questions", "wrong-questions", "competence", "credit",
        "improvements", "rejected",
    ),
    "map": ("organisation-map", "branches"),
    "committee": ("branches", "branch-day", "questions", "wrong-questions", "improvements", "rejected"),
    "member": ("member-day", "suggestions", "mastery", "competence", "wrong-book", "credit", "rejected"),
    "operator": ("ledger", "rejected"),
}  # fmt: skip
"""Kind of page → the queries that it links to."""


def allowed(asked: Asked, scope: Scope) -> frozenset[str]:
    """Queries that a page may link to for a scope. One of aggregates asks about its own organisation as a whole: what
    is withheld of that does not depend on who asks."""
    names = frozenset(EXPORTS[asked.kind])
    if scope.detail == "aggregate":
        return names & RULES.keys() if asked.subject == scope.node else frozenset()
    return frozenset(name for name in names if scope.detail in ALL[name].details)


def scope_of(viewer: Viewer, asked: Asked) -> Scope:
    """With what scope a page's data are asked for. The operator's page is about lines, not about groups: where they
    name somebody, a purpose is asked for."""
    return viewer.rights if asked.kind == "operator" else viewer.scope


def purpose_needed(viewer: Viewer, asked: Asked, name: str) -> bool:
    """Whether somebody has to say what the rows are for before they get them: a file with names goes further than a
    page. Not of whoever sits at this machine, and not of one's own."""
    named = scope_of(viewer, asked).detail == "named" and "member_id" in ALL[name].names
    return named and not viewer.local and not viewer.purpose


def filters_of(query: Question, asked: Asked, today: date, *, aggregate: bool) -> Filters:
    """The page's own filters, as far as the query has them."""
    given: dict[str, Any] = {}
    if asked.kind != "operator":
        period = asked.period(today, aggregate=aggregate)
        given = {"first": period.first, "last": period.last}
        if asked.course and not aggregate:
            given["course"] = asked.course
    if asked.kind == "member":
        given["member"] = asked.subject
    elif asked.subject:
        given["org"] = asked.subject
    return replace(Filters(), **{name: value for name, value in given.items() if name in query.filters})


def frames(
    reader: Reader, name: str, viewer: Viewer, asked: Asked, today: date, settings: Settings
) -> list[pl.DataFrame]:
    """The rows, in blocks. Raises ScopeError, QueryError or InputError for what may not be asked."""
    query, scope = ALL[name], scope_of(viewer, asked)
    filters = filters_of(query, asked, today, aggregate=scope.detail == "aggregate")
    return list(asking.frames(reader, query, scope, filters, settings))
