"""Queries whose answers are computed here, from rows that the read side gives for the same scope."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import polars as pl

from reports.measures.suppression import DEFAULT_K
from schemas.credit import CreditPolicy
from schemas.families import FAMILIES, Family
from schemas.families.family import Counts
from schemas.metrics import metric
from schemas.reference.columns import Text
from schemas.settings import DEFAULT_PASS_SHARE
from sinks.read import Column, Filters, QueryError, Reader, Scope, ScopeError
from sinks.read.query import Type
from sinks.read.reader import DTYPES
from sinks.read.scope import Detail, FilterName

if TYPE_CHECKING:
    from reports.analytics.inputs import Inputs

Answer: TypeAlias = "Callable[[Inputs], Iterable[Mapping[str, Any]]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedQuery:
    """A question with the same face as ``sinks.read.Query``; ``frame`` asks it."""

    name: str
    title: Text
    description: Text
    columns: tuple[Column, ...]
    filters: frozenset[FilterName]
    details: frozenset[Detail]

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [c.name for c in self.columns]

    def frame(
        self,
        reader: Reader,
        scope: Scope,
        filters: Filters | None = None,
        *,
        limit: int | None = None,
        pass_share: float = DEFAULT_PASS_SHARE,
        credit: CreditPolicy | None = None,
        k: int = DEFAULT_K,
    ) -> pl.DataFrame:
        """The rows, with the declared columns. Raises as ``Reader.frame`` does.

        ``pass_share``: share of an exam's points from which it counts as passed (the setting of that name).
        ``credit``: what credit hours are counted by; without it the default rules.
        ``k``: figures about fewer members are withheld (the setting small_group).
        """
        filters = filters or Filters()
        if scope.detail not in self.details:
            raise ScopeError(
                f"{self.name} can't be asked for {scope.detail} detail", hint=f"it can for {_listed(self.details)}"
            )
        if extra := filters.given() - self.filters:
            raise QueryError(
                f"{self.name} has no filter {_listed(extra)}", hint=f"it has {_listed(self.filters) or 'none'}"
            )
        if scope.detail == "aggregate" and filters.member is not None:
            raise ScopeError("a scope of aggregates can't ask about one member")
        answer, inputs = _answer(self.name), import_module("reports.analytics.inputs").Inputs
        rows = list(answer(inputs(reader, scope, filters, pass_share, credit, k)))
        if rows and rows[0].keys() != set(self.names):
            raise QueryError(f"{self.name} gave columns {sorted(rows[0])}, declared are {sorted(self.names)}")
        schema = {c.name: DTYPES[c.type] for c in self.columns}
        found = pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)
        return found if limit is None else found.head(limit)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


class _Column(msgspec.Struct, forbid_unknown_fields=True):
    type: Type
    zh: str
    en: str
    unit: str = ""


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    zh: str
    en: str


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    title: _Text
    description: _Text
    filters: frozenset[FilterName]
    details: frozenset[Detail]
    columns: list[str]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    columns: dict[str, _Column]
    queries: list[_Query]


def _answer(name: str) -> Answer:
    """Imported when it is asked: what a query is called and means should not take numpy and scipy to tell."""
    for module in ("of_members", "of_groups", "of_credit", "of_competence", "of_families", "of_map"):
        found: Answer | None = import_module(f"reports.analytics.{module}").ANSWERS.get(name)
        if found is not None:
            return found
    raise QueryError(f"{name} is declared, but nothing answers it")


def load(text: str) -> dict[str, ComputedQuery]:
    """Queries by name. Raises KeyError or msgspec.ValidationError for a wrong declaration."""
    file = msgspec.convert(tomllib.loads(text), _File)

    def column(query: str, name: str) -> Column:
        # "items.n" is what n means in that query; plain names mean the same everywhere.
        found = file.columns.get(f"{query}.{name}") or file.columns[name]
        return Column(name, found.type, Text(found.zh, found.en), found.unit)

    return {
        q.name: ComputedQuery(
            name=q.name,
            title=Text(q.title.zh, q.title.en),
            description=Text(q.description.zh, q.description.en),
            columns=tuple(column(q.name, c) for c in q.columns),
            filters=q.filters,
            details=q.details,
        )
        for q in file.queries
    }


_SMALL = Text(
    "人数过少的组织，以及可由其推算者，不显示。",
    " Small organisations, and those from which they could be worked out, are withheld.",
)


def _of_families() -> dict[str, ComputedQuery]:
    """Figures of further families by organisation, made from the declarations."""
    return {f.counts.name: _counts(f, f.counts) for f in FAMILIES.values() if f.counts and f.counts.upward}


def _counts(family: Family, counts: Counts) -> ComputedQuery:
    subject = family.table.columns[3]
    texts = family.rows.texts if family.rows else {}
    about = Column(subject.name, "text", Text(texts.get(subject.name, subject.name), subject.description))
    place = Column("org_id", "text", Text("组织", "organisation"))
    columns = [
        *((place, about) if counts.by_subject else (place,)),
        Column("participants", "integer", Text("有记录的成员数", "members with a record")),
        Column("withheld", "boolean", Text("人数过少，不显示", "withheld: too few members")),
    ]
    for measure in family.measures:
        declared = metric(measure.metric)
        kind: Type = "integer" if declared.unit == "count" else "number"
        columns.append(Column(measure.metric, kind, declared.name, "s" if declared.unit == "seconds" else ""))
    return ComputedQuery(
        name=counts.name,
        title=counts.title,
        description=Text(*(a + b for a, b in zip(counts.description, _SMALL, strict=True))),
        columns=tuple(columns),
        filters=frozenset({"first", "last", "org"}),
        details=frozenset({"named", "aggregate"}),
    )


COMPUTED: Mapping[str, ComputedQuery] = {
    **load(files("reports.analytics").joinpath("queries.toml").read_text("utf-8")),
    **_of_families(),
}
"""Computed queries by name, in the order in which they are listed."""
