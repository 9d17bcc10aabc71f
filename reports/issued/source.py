"""What a run of reports asks: the store's reader, a recorder in front of it, or what was recorded earlier."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, TypeVar

import msgspec
import polars as pl

from reports.errors import ReportError
from schemas.reference import Member, Organisation, Roster
from sinks.read import ALL_ANSWERS, Filters, Scope
from sinks.read.families import SURVEY_QUARTERS
from sinks.read.generations import GenerationInfo
from sinks.read.reader import DTYPES, query_named

Row = TypeVar("Row", Member, Organisation)

COLUMNS_KEPT: Mapping[str, tuple[str, ...]] = {"rejected": ("member_id", "reason", "org_id", "day")}
"""Query → the columns that reports use, where others hold more about persons than a figure needs. What was issued
earlier may have fewer."""

LATER = frozenset({"competences"})
"""Reference tables that came when reports had been issued already: what was issued without them had no rows of them."""
LATER_QUERIES = frozenset({SURVEY_QUARTERS})
"""Queries that came when reports had been issued already: what was issued without asking them at all had no answer."""


EARLIER: Mapping[str, str] = {ALL_ANSWERS: "answers"}
"""Query → what it was called when reports had been issued already."""


class Source(Protocol):
    """The questions of ``sinks.read.Reader`` that reports ask. See there for what they answer and raise."""

    def frame(
        self, name: str, scope: Scope, filters: Filters | None = None, *, limit: int | None = None
    ) -> pl.DataFrame:
        """The rows of a query."""

    def reference(self, name: str, members: Collection[str] | None = None) -> pl.DataFrame:
        """Rows of a reference table, of some members where they are given."""

    def roster(self) -> Roster:
        """The dated roster."""

    def generation(self) -> GenerationInfo:
        """The generation of metrics."""

    def imports(self) -> Mapping[str, int]:
        """Kind of import → number of the latest."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that was asked and what was answered. ``frames`` by call, see ``asked``; ``options``: how the
    report was asked for."""

    generation: GenerationInfo
    imports: Mapping[str, int]
    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def members(self) -> frozenset[str]:
        """Everybody whose rows are in it."""
        columns = (f["member_id"] for f in self.frames.values() if "member_id" in f.columns)
        return frozenset(m for column in columns for m in column.unique() if m)

    def without(self, members: Iterable[str]) -> Snapshot:
        """The same without the rows of some members."""
        gone = sorted(members)
        frames = {
            call: frame.filter(~pl.col("member_id").is_in(gone)) if "member_id" in frame.columns else frame
            for call, frame in self.frames.items()
        }
        return replace(self, frames=frames)


def asked(name: str, scope: Scope | None = None, filters: Filters | None = None, limit: int | None = None) -> str:
    """A call as text: the same for the same question."""
    parts = [name, asdict(scope) if scope else None, asdict(filters or Filters()) if scope else None, limit]
    return json.dumps(parts, ensure_ascii=False, default=str)


class Recorder:
    """Answers from another source, and keeps every answer. ``members``: of the roster only these are read."""

    def __init__(self, source: Source, members: Iterable[str] | None = None) -> None:
        self.source = source
        self._members = None if members is None else frozenset(members)
        self._frames: dict[str, pl.DataFrame] = {}

    def snapshot(self) -> Snapshot:
        """What was answered so far."""
        return Snapshot(self.generation(), self.imports(), dict(self._frames))

    def frame(
        self, name: str, scope: Scope, filters: Filters | None = None, *, limit: int | None = None
    ) -> pl.DataFrame:
        """See ``Source``. Columns that reports do not use are left out."""
        call = asked(name, scope, filters, limit)
        if call not in self._frames:
            found = self.source.frame(name, scope, filters, limit=limit)
            kept = COLUMNS_KEPT.get(name, found.columns)
            self._frames[call] = found.select(c for c in kept if c in found.columns)
        return self._frames[call]

    def reference(self, name: str, members: Collection[str] | None = None) -> pl.DataFrame:
        """See ``Source``. What is kept is of all the members that this recorder is for."""
        call = asked(f"reference/{name}")
        if call not in self._frames:
            found = self.source.reference(name, self._members if name in ("members", "exemptions") else None)
            # Numbers of imports and times of recording say how rows came, not what they are.
            self._frames[call] = found.drop("import_id", "ordinal", "recorded_at", strict=False)
        return _of(self._frames[call], members)

    def roster(self) -> Roster:
        """See ``Source``."""
        return roster_of(self)

    def generation(self) -> GenerationInfo:
        """See ``Source``."""
        return self.source.generation()

    def imports(self) -> Mapping[str, int]:
        """See ``Source``."""
        return self.source.imports()


class Recorded:
    """Answers from a snapshot. Raises ReportError for what was not asked when it was recorded."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.kept = snapshot

    def frame(
        self, name: str, scope: Scope, filters: Filters | None = None, *, limit: int | None = None
    ) -> pl.DataFrame:
        """See ``Source``."""
        if name in LATER_QUERIES and not any(call.startswith(f'["{name}",') for call in self.kept.frames):
            return pl.DataFrame(schema={c.name: DTYPES[c.type] for c in query_named(name).columns})
        call = asked(name, scope, filters, limit)
        if name in EARLIER and call not in self.kept.frames:
            call = asked(EARLIER[name], scope, filters, limit)
        return self._found(name, call)

    def reference(self, name: str, members: Collection[str] | None = None) -> pl.DataFrame:
        """See ``Source``."""
        call = asked(f"reference/{name}")
        if name in LATER and call not in self.kept.frames:
            return pl.DataFrame()
        return _of(self._found(name, call), members)

    def _found(self, name: str, call: str) -> pl.DataFrame:
        if call not in self.kept.frames:
            raise ReportError(
                f"the issued report was made without {name!r}, which this version of the program asks for",
                hint="use the version that issued it (xuejing reports list names it)",
            )
        return self.kept.frames[call]

    def roster(self) -> Roster:
        """See ``Source``."""
        return roster_of(self)

    def generation(self) -> GenerationInfo:
        """See ``Source``."""
        return self.kept.generation

    def imports(self) -> Mapping[str, int]:
        """See ``Source``."""
        return self.kept.imports


def _of(frame: pl.DataFrame, members: Collection[str] | None) -> pl.DataFrame:
    return frame if members is None else frame.filter(pl.col("member_id").is_in(sorted(members)))


def roster_of(source: Recorder | Recorded) -> Roster:
    """The roster from its two reference tables."""
    return Roster(
        _rows(Organisation, source.reference("organisations")),
        _rows(Member, source.reference("members")),
    )


def _rows(kind: type[Row], frame: pl.DataFrame) -> list[Row]:
    found: list[Row] = []
    for row in frame.iter_rows(named=True):
        given: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
        found.append(msgspec.convert(given, kind))
    return found
