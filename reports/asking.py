"""Questions by name as people and programs put them: which there are, which columns and filters, and the rows.

The command line and the query API ask through here, so that both give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import polars as pl

from reports.analytics.computed import COMPUTED, ComputedQuery
from schemas.credit import CreditPolicy
from schemas.errors import InputError
from schemas.reference import MEMBER_CATEGORIES, normalise
from schemas.settings import Settings
from sinks.read import QUERIES, Filters, Query, Reader, Scope

Question: TypeAlias = Query | ComputedQuery
ALL: dict[str, Question] = {**QUERIES, **COMPUTED}
"""Queries of the store, then those that are computed from them, by name."""


def category(text: str, where: str = "--category") -> str:
    """The code of a member category by any of its names. Raises InputError naming ``where``."""
    wanted = normalise(text)
    for choice in MEMBER_CATEGORIES:
        if wanted in {normalise(name) for name in (choice.code, *choice.title, *choice.aliases)}:
            return choice.code
    raise InputError(
        f"there is no member category {text!r}",
        where=where,
        hint=", ".join(f"{c.code} {c.title.zh}" for c in MEMBER_CATEGORIES),
    )


def selected(query: Question, text: str | None, where: str = "--columns") -> list[str]:
    """The columns asked for, in the order asked for. Raises InputError for one that the query does not have."""
    if text is None:
        return query.names
    listed = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in listed if name not in query.names]:
        raise InputError(f"{query.name} has no column {', '.join(unknown)}", where=where, hint=", ".join(query.names))
    return listed or query.names


def frames(
    reader: Reader,
    query: Question,
    scope: Scope,
    filters: Filters,
    settings: Settings,
    *,
    limit: int | None = None,
    after: str | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of a query with all its columns, block by block; at least one block. Raises as ``Reader.frame`` does.

    ``after``: only of members whose ids come after this one, for a query that is sorted by member.
    """
    if isinstance(query, Query):
        yield from reader.batches(query.name, scope, filters, limit=limit, after=after)
        return
    credit = CreditPolicy.of(settings.credit_rules, settings.shown_families)
    yield query.frame(reader, scope, filters, limit=limit, pass_share=settings.pass_share, credit=credit)
