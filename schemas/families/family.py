"""What a further family of events is: an event, what it is about, and the table of what it counts for.

Everything else – archive, duplicates, conflicts, withdrawals, replay, rebuild, reconcile, retention – follows from
this declaration (docs/event-families.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec
import pyarrow as pa

from schemas.envelope import Event
from schemas.reference.columns import Text
from schemas.table import Column, Table

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_ENVELOPE = frozenset(Event.__struct_fields__)
_KEY = ("generation", "member_id", "day")

Audience = Literal["named", "branch", "self"]
"""Who sees rows and events of single members: ``named`` the member and every scope of named members over the place;
``branch`` the member and the organisation itself to which the member belongs, nobody above; ``self`` the member."""
NO_TEXT = Text("", "")


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a family that reports and counts print: the sum of a column of its table, or that sum over another's.

    ``metric``: its id in ``schemas/metrics.toml``, whose unit says which: of a count the sum, of a share the sum of
    ``column`` over that of ``per`` (a row's ``column`` is at most its ``per``), of seconds the mean of the milliseconds
    in ``column`` over the rows that have any.
    """

    metric: str
    column: str
    per: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The query of a family's rows, made from its declaration. ``texts``: columns in Chinese, by name, beside the
    English descriptions of the table."""

    name: str
    title: Text
    description: Text
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The query of a family's figures by organisation, made from its declaration. ``by_subject``: one row a subject,
    which is something that many members have in common. ``upward``: whether organisations above see the figures of
    those below; else they are for the organisation's own report only and there is no such query. That small ones are
    withheld is added to the description."""

    name: str = ""
    title: Text = NO_TEXT
    description: Text = NO_TEXT
    by_subject: bool = False
    upward: bool = True


@dataclass(frozen=True)
class Family:
    """A family of low volume: a handful of events a member and week.

    ``subject``: the field that says what an event is about. A member's events of one subject are folded together, and
    nothing else is, into rows of ``table``, at most one a local day. ``table``: see ``family_table``. What follows is
    made from the declaration where it is given: the query ``rows``, the query ``counts`` and lines of reports, which
    print the ``measures``.
    """

    event: type[Event]
    subject: str
    table: Table
    queries: tuple[str, ...] = ()
    """names of further questions about nothing else, with SQL of their own"""
    title: Text = NO_TEXT
    purpose: Text = NO_TEXT
    """what the rows are kept for"""
    audience: Audience = "named"
    from_members: bool = True
    """what a member's own page may say of its member; False: only programs on servers, as what it says was found by the
    organisation"""
    steps_of_others: frozenset[str] = frozenset()
    """values of the field ``step`` that somebody else's doing has, which a member's page does not say either"""
    anonymous: bool = False
    """events are in the name of an organisation (``schemas.envelope.ORGANISATION``), rows are about nobody"""
    rows: Rows | None = None
    counts: Counts | None = None
    measures: tuple[Measure, ...] = ()
    answered: bool = False
    """its subjects are sets of questions, which answers name as their exam: what one member reached in them is for the
    ``audience`` (``sinks.read.private``)"""
    concerns: str = ""
    """the column that names an organisation, where rows are about one and members only act for it: queries that list
    nobody may read them by that organisation (``@organisations``) instead of by members"""

    @property
    def all_queries(self) -> tuple[str, ...]:
        """Names of all questions about nothing else: they are not asked where the family is not shown."""
        made = (self.rows.name if self.rows else "", self.counts.name if self.counts else "")
        return (*(name for name in made if name), *self.queries)

    @property
    def view(self) -> str:
        """Name of the view of its rows for SQL; '' where nobody may read them by SQL."""
        return "" if self.anonymous or self.audience == "self" else f"v_{self.table.name}"

    @cached_property
    def counted(self) -> str:
        """SQL condition on a row of the table: something counts."""
        first = self.contents[0]
        return first.name if first.type == "Bool" else f"{first.name} > 0"

    @cached_property
    def name(self) -> str:
        """The event type."""
        return str(self.event.__struct_config__.tag)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that the envelope does not have."""
        return tuple(f for f in self.event.__struct_fields__ if f not in _ENVELOPE)

    @cached_property
    def contents(self) -> tuple[Column, ...]:
        """The columns that a fold gives: those between the key and the version."""
        return self.table.columns[len(_KEY) + 1 : -1]

    @cached_property
    def nothing(self) -> tuple[Any, ...]:
        """Their values on a day on which nothing counts any more."""
        return tuple(_empty(column) for column in self.contents)

    @cached_property
    def _defaults(self) -> Mapping[str, Any]:
        return {f.name: f.default for f in msgspec.structs.fields(self.event)}

    def subject_of(self, event: Event) -> str:
        """What an event is about."""
        return str(getattr(event, self.subject))

    def detail_of(self, event: Event) -> str:
        """The family's own fields as JSON, defaults left out."""
        values = {name: getattr(event, name) for name in self.fields}
        return _encode({n: v for n, v in values.items() if v != self._defaults[n]}).decode()

    def detail(self, text: str) -> dict[str, Any]:
        """The inverse of ``detail_of``, defaults put in; values as JSON has them."""
        return {n: d for n, d in self._defaults.items() if n in self.fields} | _decode(text.encode())


def family_table(
    name: str, description: str, subject: Column, contents: Sequence[Column], *, anonymous: bool = False
) -> Table:
    """The table of a family: one row a member, local day and subject, replaced by the number of bodies behind it."""
    return Table(
        name,
        description,
        (
            Column("generation", "UInt16", "which definitions and time zone"),
            Column("member_id", "String", "org: and the id of an organisation" if anonymous else "opaque member id"),
            Column("day", "Date", "local day"),
            subject,
            *contents,
            Column("version", "UInt64", "number of distinct bodies behind the row"),
        ),
        (*_KEY, subject.name),
        "version",
        "toYYYYMM(day)",
        ("index_granularity = 1024",),
        personal=True,
    )


def _empty(column: Column) -> Any:
    arrow = column.arrow
    if column.nullable:
        return None
    if pa.types.is_list(arrow):
        return ()
    if pa.types.is_boolean(arrow):
        return False
    if pa.types.is_integer(arrow) or pa.types.is_timestamp(arrow):
        return 0
    return ""
