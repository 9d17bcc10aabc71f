"""What a further family of events is: an event, what it is about, and the table of what it counts for.

Everything else – archive, duplicates, conflicts, withdrawals, replay, rebuild, reconcile, retention – follows from
this declaration (docs/event-families.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import pyarrow as pa

from schemas.envelope import Event
from schemas.table import Column, Table

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_ENVELOPE = frozenset(Event.__struct_fields__)
_KEY = ("generation", "member_id", "day")


@dataclass(frozen=True)
class Family:
    """A family of low volume: a handful of events a member and week.

    ``subject``: the field that says what an event is about. A member's events of one subject are folded together, and
    nothing else is, into rows of ``table``, at most one a local day. ``table``: see ``family_table``.
    """

    event: type[Event]
    subject: str
    table: Table
    queries: tuple[str, ...] = ()
    """names of the questions about nothing else: they are not asked where the family is not shown"""

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


def family_table(name: str, description: str, subject: Column, contents: Sequence[Column]) -> Table:
    """The table of a family: one row a member, local day and subject, replaced by the number of bodies behind it."""
    return Table(
        name,
        description,
        (
            Column("generation", "UInt16", "which definitions and time zone"),
            Column("member_id", "String", "opaque member id"),
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
