"""A query: one declared object, which becomes SQL only together with a scope (see ``macros.py``)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from schemas.reference.columns import Text

from .macros import EVERYBODY, Context, Expansion, QueryError, Span, check_scoped
from .scope import Detail, FilterName, Filters, Scope, ScopeError

FOLDER = Path(__file__).with_name("sql")

Type = Literal["text", "texts", "integer", "number", "numbers", "boolean", "day", "time", "bytes"]


class Column(NamedTuple):
    """One column of a result: name, type, what it means, and its unit ('' where there is none)."""

    name: str
    type: Type
    description: Text
    unit: str = ""


class Rendered(NamedTuple):
    """SQL for the server, with its parameters."""

    sql: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question that can be asked by name. ``render`` is the only way to its SQL."""

    name: str
    title: Text
    description: Text
    columns: tuple[Column, ...]
    filters: frozenset[FilterName]
    details: frozenset[Detail]
    """levels of detail that may ask it"""
    by_member: bool = False
    """rows of members, sorted by member first: a large answer can be asked for in parts"""
    template: str = field(default="", repr=False)
    """its SQL with macros; '': that of its file"""
    _template: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        path = FOLDER / f"{self.name.replace('-', '_')}.sql"
        template = self.template or re.sub(r"--[^\n]*", "", path.read_text("utf-8")).strip()
        check_scoped(template, path.name)
        object.__setattr__(self, "_template", template)

    @property
    def sql(self) -> str:
        """The SQL with its macros, for those who check it."""
        return self._template

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [c.name for c in self.columns]

    @property
    def for_operators(self) -> bool:
        """Whether only a scope over everything, by name, may ask it."""
        return "@operator" in self._template

    def render(
        self, scope: Scope, filters: Filters, context: Context, limit: int | None = None, span: Span = EVERYBODY
    ) -> Rendered:
        """The SQL for a scope, with parameters; of a part of its members where a ``span`` is given. Raises QueryError
        or ScopeError when it may not be asked so."""
        if scope.detail not in self.details:
            raise ScopeError(
                f"{self.name} does not answer a scope of detail {scope.detail}",
                hint=f"it answers {_listed(self.details)}",
            )
        if extra := filters.given() - self.filters:
            raise QueryError(
                f"{self.name} has no filter {_listed(extra)}", hint=f"it has {_listed(self.filters) or 'none'}"
            )
        if scope.detail == "aggregate" and filters.member is not None:
            raise ScopeError("a scope of aggregates can't ask about one member")
        expansion = Expansion(scope, filters, context, span)
        sql = expansion.expand(self._template)
        if limit is not None:
            sql += "\nLIMIT {row_limit:UInt64}"
            expansion.parameters["row_limit"] = limit
        return Rendered(sql, expansion.parameters)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
