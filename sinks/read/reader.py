"""Answers to named queries as data frames."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeAlias

import polars as pl
import pyarrow as pa

from schemas.days import LocalDays
from schemas.errors import InputError, StoreError
from schemas.reference import Roster

from ..clickhouse import ClickHouseSink
from ..client import Store
from ..rosters import read_roster
from . import ends
from .declared import FOR_PROGRAMS, QUERIES
from .generations import GenerationInfo, active_generation
from .macros import Context, QueryError
from .query import Query, Rendered
from .scope import Filters, Scope
from .slices import later, parts

DTYPES: dict[str, Any] = {
    "text": pl.String,
    "texts": pl.List(pl.String),
    "integer": pl.Int64,
    "number": pl.Float64,
    "numbers": pl.List(pl.Float64),
    "boolean": pl.Boolean,
    "day": pl.Date,
    "time": pl.Datetime("ms", "UTC"),
    "bytes": pl.Binary,
}
"""Type of a frame's column by declared type. Times are UTC."""

SETTINGS: dict[str, Any] = {
    # Equal keys never lie in different partitions: the partition is a function of the key.
    "do_not_merge_across_partitions_select_final": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    # What a question says twice of a table is said of the same parts of it.
    "enable_shared_storage_snapshot_in_query": 1,
    # A question about everybody spills to disk rather than take a gigabyte from its neighbours. Earlier is slower.
    "max_bytes_before_external_group_by": 700_000_000,
    "max_bytes_before_external_sort": 500_000_000,
}


_Ask: TypeAlias = Callable[[Query, Rendered], Iterator[pl.DataFrame]]


def query_named(name: str) -> Query:
    """The query of that name. Raises QueryError with the names there are."""
    if name in FOR_PROGRAMS:
        return FOR_PROGRAMS[name]
    if name not in QUERIES:
        raise QueryError(f"there is no query {name!r}", hint=f"there are {', '.join(QUERIES)}")
    return QUERIES[name]


class Reader:
    """Asks one store. Every answer about persons needs a scope; ``reference`` and ``roster`` are for the operator
    and for programs that apply a scope themselves. ``steady``: for a reader that lives as long as one page, which
    takes all its answers by the roster of the first one."""

    def __init__(self, store: Store, *, steady: bool = False) -> None:
        self.store = store
        self._sink = ClickHouseSink(store, patience=10)
        self._generation: GenerationInfo | None = None
        self._steady = steady
        self._asked: Context | None = None
        self._checked: set[tuple[Scope, str]] = set()

    def generation(self) -> GenerationInfo:
        """The generation of metrics that this reader uses: the active one when it was first asked."""
        if self._generation is None:
            self._generation = active_generation(self.store)
        return self._generation

    def frame(
        self, name: str, scope: Scope, filters: Filters | None = None, *, limit: int | None = None
    ) -> pl.DataFrame:
        """The rows of a query, in its order, with its declared columns.

        Raises QueryError or ScopeError for what may not be asked, InputError for an organisation that is not
        (visible) in the roster, StoreError when the store does not answer.
        """
        frames = list(self._parts(name, scope, filters, limit, self._whole))
        return frames[0] if len(frames) == 1 else pl.concat(frames)

    def batches(
        self,
        name: str,
        scope: Scope,
        filters: Filters | None = None,
        *,
        limit: int | None = None,
        since: str | None = None,
    ) -> Iterator[pl.DataFrame]:
        """The same rows as ``frame``, block by block, for results larger than memory. At least one block.

        ``since``: only of members from this id on, for a query that is sorted by member.
        """
        yield from self._parts(name, scope, filters, limit, self._blocks, since)

    def _parts(
        self,
        name: str,
        scope: Scope,
        filters: Filters | None,
        limit: int | None,
        ask: _Ask,
        since: str | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Frames in the order of the query: of many members some at a time, all with one roster and generation."""
        query, filters = query_named(name), filters or Filters()
        if since is not None and not query.by_member:
            raise QueryError(f"{name} is not sorted by member")
        context = self._context()
        query.render(scope, filters, context, limit)  # what may not be asked is refused before anything is read
        if filters.org is not None:
            self._check_organisation(scope, filters.org, context)
        if name == "recorded-days" and ends.of_everybody(scope, filters):
            yield self._ends(query, scope, filters, context).head(1 if limit is None else limit)
            return
        left = limit
        for span in later(parts(self.store, query, scope, filters, context, page=limit is not None), since):
            for frame in ask(query, query.render(scope, filters, context, left, span)):
                yield frame
                left = None if left is None else left - frame.height
            if left == 0:
                return

    def _ends(self, query: Query, scope: Scope, filters: Filters, context: Context) -> pl.DataFrame:
        """The row of ``recorded-days``, from the months at both ends."""

        def ask(part: Filters) -> ends.Ends:
            (frame,) = self._whole(query, query.render(scope, part, context))
            return frame.row(0)

        days = ends.recorded_between(self.store, filters)
        row = (None,) * 4 if days is None else ends.between(*days, filters, ask)
        return pl.DataFrame([row], {c.name: DTYPES[c.type] for c in query.columns}, orient="row")

    def _whole(self, query: Query, rendered: Rendered) -> Iterator[pl.DataFrame]:
        yield _frame(query, self.store.arrow(rendered.sql, rendered.parameters, SETTINGS | _text_setting(query)))

    def _blocks(self, query: Query, rendered: Rendered) -> Iterator[pl.DataFrame]:
        empty = True
        for table in self.store.batches(rendered.sql, rendered.parameters, SETTINGS | _text_setting(query)):
            empty = False
            yield _frame(query, table)
        if empty:
            yield pl.DataFrame(schema={c.name: DTYPES[c.type] for c in query.columns})

    def reference(self, name: str, members: Collection[str] | None = None) -> pl.DataFrame:
        """Current rows of a table of ``schemas.reference.TABLES``, in the order of their import. ``members``: only
        theirs, of a table of members."""
        table = self._sink.reference(name, members)
        found = pl.from_arrow(table)
        assert isinstance(found, pl.DataFrame)
        return found

    def roster(self, members: Collection[str] | None = None) -> Roster:
        """The dated roster as the store has it now. ``members``: all organisations, but only these members."""
        return read_roster(self._sink, members)

    def imports(self) -> dict[str, int]:
        """Number of the latest import of each kind (roster, catalogue) that the store has."""
        rows = self.store.rows("SELECT kind, max(import_id) FROM v_imports GROUP BY kind ORDER BY kind")
        return {str(kind): int(number) for kind, number in rows}

    def _context(self) -> Context:
        """The generation and the roster of one question."""
        if self._asked is not None:
            return self._asked
        generation = self.generation()
        ((memberships, tree),) = self.store.rows(_ROSTER)
        found = Context(generation.number, LocalDays(generation.timezone), memberships, tree)
        if self._steady:
            self._asked = found
        return found

    def _check_organisation(self, scope: Scope, org_id: str, context: Context) -> None:
        if self._steady and (scope, org_id) in self._checked:
            return
        sql = """
            SELECT count() FROM org_closure
            WHERE import_id = {tree:UInt64} AND org_id = {org:String} AND ancestor_id = {node:String}"""
        given = {"org": org_id, "node": scope.node or org_id, "tree": context.tree}
        if scope.member_id is not None:
            # A member is not told which organisations there are beside their own and those above.
            sql = """
                SELECT count() FROM org_closure
                WHERE import_id = {tree:UInt64} AND ancestor_id = {org:String} AND org_id IN (
                    SELECT org_id FROM memberships
                    WHERE import_id = {memberships:UInt64} AND member_id = {member:String})"""
            given |= {"memberships": context.memberships, "member": scope.member_id}
        ((found,),) = self.store.rows(sql, given)
        if not found:
            what = "is not in the roster"
            if scope.node:
                what = f"is not in the roster or not below {scope.node}"
            if scope.member_id is not None:
                what = "is not one that the member belongs to, or above it"
            raise InputError(f"organisation {org_id!r} {what}", where="--org")
        self._checked.add((scope, org_id))


_ROSTER = """
WITH complete AS (SELECT import_id FROM imports WHERE kind = 'roster')
SELECT (SELECT max(import_id) FROM memberships WHERE import_id IN (SELECT import_id FROM complete)),
       (SELECT max(import_id) FROM org_closure WHERE import_id IN (SELECT import_id FROM complete))"""


def _text_setting(query: Query) -> dict[str, int]:
    # Arrow text must be UTF-8, and a rejected line may be anything.
    return {"output_format_arrow_string_as_string": int(all(c.type != "bytes" for c in query.columns))}


def _frame(query: Query, table: pa.Table) -> pl.DataFrame:
    if table.column_names != query.names:
        raise StoreError(f"{query.name} gave columns {table.column_names}, declared are {query.names}")
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found.select(_cast(found.schema[c.name], c.name, DTYPES[c.type]) for c in query.columns)


def _cast(have: Any, name: str, wanted: Any) -> pl.Expr:
    column = pl.col(name)
    if wanted == pl.Date and have == pl.UInt16:
        return column.cast(pl.Int32).cast(pl.Date)
    if wanted == pl.String and have == pl.Binary:
        return column.cast(pl.String)
    return column.cast(wanted)
