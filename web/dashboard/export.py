"""The data behind a page, as CSV: a named query with the page's own filters, in the viewer's scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from reports.analytics.computed import COMPUTED, ComputedQuery
from sinks.read import QUERIES, Filters, Query, Reader
from sinks.read.scope import Detail
from web.dashboard.asking import Asked
from web.dashboard.viewers import PageKind, Viewer

EXPORTS: Mapping[PageKind, tuple[str, ...]] = {
    "branch": (
        "member-day", "branch-day", "suggestions", "silent", "questions", "wrong-questions", "competence", "credit",
        "rejected",
    ),
    "map": ("branches",),
    "committee": ("branches", "branch-day", "questions", "wrong-questions", "rejected"),
    "member": ("member-day", "suggestions", "mastery", "competence", "wrong-book", "credit", "rejected"),
    "operator": ("ledger", "rejected"),
}  # fmt: skip
"""Kind of page → the queries that it links to."""
OF_AGGREGATES = frozenset({"branches"})
"""Those of them that withhold what is about few: the only ones that a viewer of aggregates gets."""

Writer = Callable[[Iterator[pl.DataFrame], Any], None]


def allowed(kind: PageKind, detail: Detail) -> frozenset[str]:
    """Queries that a page may link to for a viewer."""
    names = frozenset(EXPORTS[kind])
    if detail == "aggregate":
        return names & OF_AGGREGATES
    return frozenset(name for name in names if detail in query_of(name).details)


def query_of(name: str) -> Query | ComputedQuery:
    """A query of the store, or one that is computed. Raises KeyError."""
    return QUERIES[name] if name in QUERIES else COMPUTED[name]


def filters_of(query: Query | ComputedQuery, asked: Asked, today: date, *, whole_weeks: bool) -> Filters:
    """The page's own filters, as far as the query has them."""
    given: dict[str, Any] = {}
    if asked.kind != "operator":
        period = asked.period(today, whole_weeks=whole_weeks)
        given = {"first": period.first, "last": period.last}
        if asked.course:
            given["course"] = asked.course
    if asked.kind == "member":
        given["member"] = asked.subject
    elif asked.subject:
        given["org"] = asked.subject
    return replace(Filters(), **{name: value for name, value in given.items() if name in query.filters})


def frames(reader: Reader, name: str, viewer: Viewer, asked: Asked, today: date, **more: Any) -> Iterator[pl.DataFrame]:
    """The rows, block by block. Raises ScopeError or QueryError for what may not be asked."""
    query = query_of(name)
    filters = filters_of(query, asked, today, whole_weeks=viewer.scope.detail == "aggregate")
    if isinstance(query, ComputedQuery):
        yield query.frame(reader, viewer.scope, filters, **more)
    else:
        yield from reader.batches(name, viewer.scope, filters)
