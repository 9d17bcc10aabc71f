"""The store on ClickHouse, for the stream: writes with patience, reads by key."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import pyarrow as pa

from schemas.errors import StoreError, StoreUnavailable
from schemas.ports import Refused
from schemas.reference import TABLES as DECLARED
from schemas.tables import EVENTS, REFERENCE, Table

from .client import Store

log = logging.getLogger(__name__)
K = TypeVar("K")

KEYS_A_QUERY = 20_000
PARAMETER_BYTES = 100_000
"""Most bytes of one list of keys: a ClickHouse server takes no form field above 128 KiB, and calls it error 1000, as
it does a network that fails."""
REJECTED_A_PAGE = 2_000
LONGEST_WAIT = 30.0
NOT_A_ROW = frozenset({0, 16, 20, 36, 46, 47, 48, 49, 50, 60, 62, 73, 81, 115, 164, 192, 193, 194, 201, 497, 516})
"""ClickHouse codes that no single row can cause: missing tables, columns, databases and rights, syntax, settings."""
MANY = 20
"""When all of so many rows are refused, it is not the rows."""


class ClickHouseSink:
    """``schemas.ports.Sink`` on ClickHouse.

    While the store is away an insert waits, with growing pauses, for as long as ``patience`` allows (for ever
    by default: Kafka keeps what is not read). An event that the store refuses is found by halving; the others
    are written.
    """

    def __init__(
        self,
        store: Store,
        *,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = float("inf"),
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.store, self._sleep, self._patience, self._stopping = store, sleep, patience, stopping
        self.waiting_since: float | None = None

    def patiently(self, what: str, call: Callable[[], Any]) -> Any:
        """Repeat ``call`` while the store is away."""
        pause, waited = 0.1, 0.0
        while True:
            try:
                result = call()
            except StoreUnavailable as error:
                if waited >= self._patience or self._stopping():
                    raise
                if self.waiting_since is None:
                    self.waiting_since = time.time()
                    log.warning("store is away, waiting: %s: %s", what, error)
                self._sleep(pause)
                waited += pause
                pause = min(pause * 2, LONGEST_WAIT)
                continue
            if self.waiting_since is not None:
                log.warning("store is back after %.1f s", time.time() - self.waiting_since)
                self.waiting_since = None
            return result

    def insert(self, table: Table, rows: pa.Table) -> list[Refused]:
        """See ``schemas.ports.Sink``."""
        try:
            self._put(table, rows)
        except StoreUnavailable:
            raise
        except StoreError as error:
            # A computed row that is refused is a fault of the program or of a migration, not of an event: going
            # on would show figures that lack it. So is a whole table or an account that is refused.
            if table.name != EVENTS.name or error.code in NOT_A_ROW:
                raise
            refused = self._bisect(table, rows, error)
            if len(refused) == rows.num_rows >= MANY:
                raise
            return refused
        return []

    def _put(self, table: Table, rows: pa.Table) -> None:
        self.patiently(table.name, lambda: self.store.insert(table.name, rows))

    def _bisect(self, table: Table, rows: pa.Table, error: StoreError) -> list[Refused]:
        """The refused ones of rows that were refused together. The halves aren't judged by ``MANY``: one sender's bad
        rows may well lie side by side."""
        if rows.num_rows == 1:
            log.error("store refused an event: %s", error)
            return [(0, str(error)[:1000])]
        found: list[Refused] = []
        half = rows.num_rows // 2
        for first, part in ((0, rows.slice(0, half)), (half, rows.slice(half))):
            try:
                self._put(table, part)
            except StoreUnavailable:
                raise
            except StoreError as refusal:
                if refusal.code in NOT_A_ROW:
                    raise
                found += ((first + i, text) for i, text in self._bisect(table, part, refusal))
        return found

    def facts(self, members: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        listed = ", ".join(f"`{c}`" for c in columns)
        sql = f"SELECT {listed} FROM events WHERE member_id IN {{members:Array(String)}}"
        return pa.concat_tables(self._read(sql, {"members": chunk}) for chunk in chunks(members, cost))

    def lines_of(self, events: Sequence[tuple[str, bytes]]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        sql = """
            WITH bodies AS (
                SELECT member_id, event_id, body_hash, skew_ms, raw, received_at,
                       cluster, topic, partition, offset, line
                FROM events FINAL
                WHERE member_id IN {members:Array(String)} AND event_id IN {ids:Array(UUID)})
            SELECT * FROM bodies
            UNION ALL
            SELECT d.member_id, d.event_id, d.body_hash, b.skew_ms, b.raw, d.received_at,
                   d.cluster, d.topic, d.partition, d.offset, d.line
            FROM duplicates AS d FINAL
            INNER JOIN (SELECT member_id, event_id, body_hash, any(skew_ms) AS skew_ms, any(raw) AS raw
                        FROM bodies GROUP BY member_id, event_id, body_hash) AS b
            USING (member_id, event_id, body_hash)
            WHERE d.member_id IN {members:Array(String)} AND d.event_id IN {ids:Array(UUID)}"""
        parts = []
        for chunk in chunks(events, lambda e: max(cost(e[0]), 40)):
            parameters = {"members": sorted({m for m, _ in chunk}), "ids": [_uuid_text(i) for _, i in chunk]}
            found = self._read(sql, parameters, {"output_format_arrow_string_as_string": 0})
            found, wanted = _as_text(found, keep=("raw",)), set(chunk)
            pairs = zip(found["member_id"].to_pylist(), found["event_id"].to_pylist(), strict=True)
            parts.append(found.filter(pa.array([pair in wanted for pair in pairs], pa.bool_())))
        return pa.concat_tables(parts)

    def member_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        return self._days("member_day", "member_id", generation, keys)

    def branch_days(self, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        return self._days("branch_day", "org_id", generation, keys)

    def _days(self, table: str, owner: str, generation: int, keys: Sequence[tuple[str, date]]) -> pa.Table:
        parts = []
        for chunk in chunks(keys, lambda k: max(cost(k[0]), 16)):
            sql = f"""
                SELECT * FROM {table} FINAL
                WHERE generation = {{generation:UInt16}} AND {owner} IN {{owners:Array(String)}}
                  AND day IN {{days:Array(Date)}}
                  AND ({owner}, day) IN
                      (SELECT o, d FROM (SELECT arrayJoin(arrayZip({{o:Array(String)}}, {{d:Array(Date)}})) AS z,
                                                z.1 AS o, z.2 AS d))"""
            parameters = {
                "generation": generation,
                "owners": sorted({o for o, _ in chunk}),
                "days": sorted({d for _, d in chunk}),
                "o": [o for o, _ in chunk],
                "d": [d for _, d in chunk],
            }
            parts.append(self._read(sql, parameters))
        return _with_dates(pa.concat_tables(parts))

    def latest_import(self, kind: str) -> int:
        """See ``schemas.ports.Sink``."""
        sql = "SELECT max(import_id) AS n FROM imports WHERE kind = {kind:String}"
        return int(self._read(sql, {"kind": kind})["n"][0].as_py())

    def reference(self, name: str, members: Collection[str] | None = None) -> pa.Table:
        """See ``schemas.ports.Sink``."""
        table, key = REFERENCE[name].name, ", ".join(c for c in DECLARED[name].key if c != "valid_from")
        wanted = "1" if members is None else "member_id IN {members:Array(String)}"
        sql = f"""
            SELECT * FROM {table} FINAL
            WHERE {wanted} AND ({key}, import_id) IN (
                SELECT {key}, max(import_id) FROM {table}
                WHERE {wanted} AND import_id IN (SELECT import_id FROM imports WHERE kind IN ('roster', 'catalogue'))
                GROUP BY {key})
            ORDER BY import_id, ordinal"""
        if members is None:
            return self._read(sql, {})
        parts = [self._read(sql, {"members": chunk}) for chunk in chunks(sorted(members), cost)]
        return (
            parts[0]
            if len(parts) == 1
            else pa.concat_tables(parts).sort_by([("import_id", "ascending"), ("ordinal", "ascending")])
        )

    def rejected(self, reason: str = "") -> Iterator[list[dict[str, Any]]]:
        """Open rows of ``rejected_events`` (with a reason, only those) in the order of their positions, page by page;
        ``raw`` as bytes. Only what is there at the first page: a line that is tried again may come back as another."""
        heads = """
            SELECT cluster, topic, partition, max(offset) AS last FROM rejected_events
            GROUP BY cluster, topic, partition ORDER BY cluster, topic, partition"""
        sql = """
            SELECT * FROM rejected_events FINAL
            WHERE cluster = {cluster:String} AND topic = {topic:String} AND partition = {partition:UInt32}
              AND (offset, line) >= ({offset:UInt64}, {line:UInt32}) AND offset <= {last:UInt64}
              AND status = 'open' AND ({reason:String} = '' OR reason = {reason:String})
            ORDER BY offset, line LIMIT {n:UInt32}"""
        for head in self._read(heads, {}).to_pylist():
            where = head | {"reason": reason, "offset": 0, "line": 0, "n": REJECTED_A_PAGE}
            while True:
                table = self._read(sql, where, {"output_format_arrow_string_as_string": 0})
                rows: list[dict[str, Any]] = _as_text(table, keep=("raw",)).to_pylist()
                if rows:
                    yield rows
                if len(rows) < REJECTED_A_PAGE:
                    break
                where |= {"offset": rows[-1]["offset"], "line": rows[-1]["line"] + 1}

    def _read(self, sql: str, parameters: dict[str, Any], settings: dict[str, Any] | None = None) -> pa.Table:
        result: pa.Table = self.patiently("read", lambda: self.store.arrow(sql, parameters, settings))
        return result


def chunks(keys: Sequence[K], size_of: Callable[[K], int]) -> Iterator[list[K]]:
    """Keys in parts that fit a query's parameter; one empty part for no keys. ``size_of``: bytes of one, written."""
    part: list[K] = []
    size = 0
    for key in keys:
        more = size_of(key)
        if part and (size + more > PARAMETER_BYTES or len(part) >= KEYS_A_QUERY):
            yield part
            part, size = [], 0
        part.append(key)
        size += more
    if part or not keys:
        yield part


def cost(text: str) -> int:
    """Bytes of a text in a list, quotes and comma included; escapes may take four for one."""
    plain = text.isprintable() and "'" not in text and "\\" not in text
    return 4 + len(text.encode()) * (1 if plain else 4)


def _uuid_text(value: bytes) -> str:
    h = value.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _as_text(table: pa.Table, keep: Sequence[str]) -> pa.Table:
    for i, column in enumerate(table.schema):
        if column.type in (pa.binary(), pa.large_binary()) and column.name not in keep:
            table = table.set_column(i, column.name, table.column(i).cast(pa.string()))
    return table


def _with_dates(table: pa.Table) -> pa.Table:
    for i, column in enumerate(table.schema):
        if column.name == "day" and column.type != pa.date32():
            # ClickHouse hands a Date over as UInt16 days in some Arrow settings.
            table = table.set_column(i, "day", table.column(i).cast(pa.int32()).cast(pa.date32()))
    return table


def utc(moment: datetime) -> str:
    """A moment as ClickHouse reads it, in UTC with microseconds."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
