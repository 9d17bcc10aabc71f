"""Every query that can be asked by name, declared in ``queries.toml`` and ``sql/`` or made from a family of events."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from schemas.reference.columns import Text

from .families import PROGRAM_QUERIES, ROW_QUERIES
from .query import Column, Query, Type
from .scope import Detail, FilterName

PATH = Path(__file__).with_name("queries.toml")


class _Column(msgspec.Struct, forbid_unknown_fields=True):
    type: Type
    zh: str
    en: str
    unit: str = ""
    name: str = ""


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    zh: str
    en: str


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    title: _Text
    description: _Text
    filters: frozenset[FilterName]
    details: frozenset[Detail]
    columns: list[str | _Column]
    by_member: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    columns: dict[str, _Column]
    queries: list[_Query]


def load(text: str) -> Mapping[str, Query]:
    """Queries by name. Raises msgspec.ValidationError, KeyError or QueryError for a wrong declaration."""
    raw: dict[str, Any] = tomllib.loads(text)
    file = msgspec.convert(raw, _File)

    def column(listed: str | _Column) -> Column:
        name, found = (listed, file.columns[listed]) if isinstance(listed, str) else (listed.name, listed)
        return Column(name, found.type, Text(found.zh, found.en), found.unit)

    return {
        q.name: Query(
            name=q.name,
            title=Text(q.title.zh, q.title.en),
            description=Text(q.description.zh, q.description.en),
            columns=tuple(column(c) for c in q.columns),
            filters=q.filters,
            details=q.details,
            by_member=q.by_member,
        )
        for q in file.queries
    }


QUERIES: Mapping[str, Query] = {**load(PATH.read_text("utf-8")), **ROW_QUERIES}
"""Queries by name, in the order in which they are listed."""

ALL_ANSWERS = "all answers"


def _all(query: Query, name: str) -> Query:
    """The same question for programs, with the attempts that are for the member only."""
    return replace(query, name=name, template=query.sql.replace("@attempt_disclosed(exam_id)", "1"))


FOR_PROGRAMS: Mapping[str, Query] = {**PROGRAM_QUERIES, ALL_ANSWERS: _all(QUERIES["answers"], ALL_ANSWERS)}
"""Queries that no command and no address asks, by name: of rows that figures and members' own pages are made from."""
