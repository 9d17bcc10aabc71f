"""Questions by name as people and programs put them: which there are, which columns and filters, and the rows.

The command line and the query API ask through here, so that both give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

import polars as pl

from reports import withholding
from reports.analytics.computed import COMPUTED, ComputedQuery
from reports.surveys import FAMILY, load_surveys
from schemas.credit import CreditPolicy
from schemas.errors import InputError
from schemas.reference import MEMBER_CATEGORIES, normalise
from schemas.settings import Settings
from sinks.read import QUERIES, Filters, Query, Reader, Scope

Question: TypeAlias = Query | ComputedQuery
ALL: dict[str, Question] = {**QUERIES, **COMPUTED}
"""Queries of the store, then those that are computed from them, by name."""


def may_ask(query: Question, scope: Scope) -> bool:
    """Whether a query answers a scope at all."""
    if isinstance(query, Query) and query.for_operators and not scope.operator:
        return False
    return scope.detail in query.details and (scope.detail != "aggregate" or query.name in withholding.RULES)


def about_members(query: Question, filters: Filters) -> bool:
    """Whether an answer tells a named scope something about single members: its rows do, or one member was asked for,
    whatever the columns are."""
    return filters.member is not None or "member_id" in query.names or query.name == "suggestions"


def members_in(query: Question, filters: Filters, frame: pl.DataFrame) -> set[str]:
    """Members whom rows are about; see ``about_members``."""
    found: set[str] = {filters.member} if filters.member and frame.height else set()
    if "member_id" in frame.columns:
        found |= set(frame["member_id"].unique().to_list())
    if query.name == "suggestions":
        to_members = pl.col("audience") == "member"
        of_members = pl.col("kind") == "offer_help"
        found |= set(frame.filter(to_members)["about"].to_list()) | set(frame.filter(of_members)["subject"].to_list())
    return found - {"", None}


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
    since: str | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of a query with all its columns, block by block; at least one block. Raises as ``Reader.frame`` does.

    ``since``: only of members from this id on, for a query that is sorted by member.
    Of what a scope of aggregates may see, small groups are withheld; see ``withholding``.
    """
    if scope.detail == "aggregate" or withholding.always(query.name):
        found = _withheld(reader, query, scope, filters, settings)
        yield found if limit is None else found.head(limit)
        return
    yield from _rows(reader, query, scope, filters, settings, limit, since)


def _withheld(reader: Reader, query: Question, scope: Scope, filters: Filters, settings: Settings) -> pl.DataFrame:
    """The whole answer for a scope of aggregates: what is withheld depends on all of its rows."""
    today = datetime.now(ZoneInfo(reader.generation().timezone)).date()
    withholding.check(query.name, scope, filters, today)
    found = pl.concat(list(_rows(reader, query, scope, filters, settings)))
    rule, k = withholding.RULES[query.name], settings.small_group
    if rule.kind == "whole":
        found = withholding.large_enough(query.name, found, k)
        return _surveys_told(reader, scope, filters, found, k, today) if rule.reported else found
    if rule.kind == "days":
        days = Filters(first=filters.first, last=filters.last, course="")
        everywhere = reader.frame(query.name, Scope.everything(), days)
        return withholding.shown_days(found, everywhere, reader.roster(), filters.org, k, today)
    return found


def _surveys_told(
    reader: Reader, scope: Scope, filters: Filters, found: pl.DataFrame, k: int, today: date
) -> pl.DataFrame:
    """Without the questions that its report withholds: those by which another organisation's could be worked out."""
    if scope.node is None or found.is_empty():
        return found
    from reports.context.surveys import told  # what makes reports is not needed to list what can be asked

    assert filters.first is not None  # a quarter, see ``withholding.check``
    assert filters.last is not None
    surveys = load_surveys(reader, scope, filters.first, filters.last, today, {FAMILY})
    return told(found, surveys, reader.roster(), scope.node, k)


def _rows(
    reader: Reader,
    query: Question,
    scope: Scope,
    filters: Filters,
    settings: Settings,
    limit: int | None = None,
    since: str | None = None,
) -> Iterator[pl.DataFrame]:
    if isinstance(query, Query):
        yield from reader.batches(query.name, scope, filters, limit=limit, since=since)
        return
    credit = CreditPolicy.of(settings.credit_rules, settings.shown_families)
    yield query.frame(
        reader, scope, filters, limit=limit, pass_share=settings.pass_share, credit=credit, k=settings.small_group
    )
