"""Writing reference data: append-only imports, of which the latest for each id counts.

An import first reserves its number (kind ``pending``), then writes its rows, and last of all its row in
``imports`` under its own kind. Readers only see imports of kind ``roster`` and ``catalogue``, so that a half
written one never shows, and its number is never used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from schemas.ports import Sink
from schemas.reference import TABLES, ReferenceTables, Roster
from schemas.reference.columns import Language
from schemas.reference.moves import Move, member_moves, moves
from schemas.tables import IMPORTS, MEMBERSHIPS, ORG_CLOSURE, REFERENCE

from .clickhouse import ClickHouseSink, chunks, cost
from .client import Store
from .closure import closure_rows, membership_rows
from .rosters import read_roster, structs

ROSTER_TABLES = ("organisations", "members")
CATALOGUE_TABLES = tuple(name for name in TABLES if name not in ROSTER_TABLES)
KINDS: Mapping[str, tuple[str, ...]] = {"roster": ROSTER_TABLES, "catalogue": CATALOGUE_TABLES}
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import changed. An import id of 0: nothing of that kind was new."""

    roster_import: int = 0
    catalogue_import: int = 0
    changed: Mapping[str, int] = field(default_factory=dict)
    """table → number of ids that are new or have other rows than before"""
    unchanged: Mapping[str, int] = field(default_factory=dict)
    """table → number of ids that were listed with the rows they had already"""
    changed_members: Sequence[tuple[str, list[Move]]] = ()
    """(member_id, [(org_id, first day, last day)]): memberships that began, ended or changed; None is open"""
    moves: frozenset[Move] = frozenset()
    """the same by organisation, for ``touched_branch_days``"""

    @property
    def nothing(self) -> bool:
        """Whether the store had all of it already."""
        return not self.roster_import and not self.catalogue_import

    def describe(self, language: Language = "zh") -> str:
        """One line for the person who imported."""
        if self.nothing:
            return "没有变化：库中已有相同内容" if language == "zh" else "nothing changed: the store had all of it"
        parts = []
        for name in self.changed.keys() | self.unchanged.keys():
            title, new, same = TABLES[name].title.of(language), self.changed.get(name, 0), self.unchanged.get(name, 0)
            text = (
                f"{title} {new} 项更新，{same} 项未变" if language == "zh" else f"{title}: {new} new, {same} as before"
            )
            parts.append((list(TABLES).index(name), text))
        listed = ("；" if language == "zh" else "; ").join(text for _, text in sorted(parts))
        return f"已导入：{listed}" if language == "zh" else f"imported: {listed}"


def _sink(store: Store | Sink) -> Sink:
    return ClickHouseSink(store, patience=30) if isinstance(store, Store) else store


def identity(name: str) -> tuple[str, ...]:
    """The columns that name a thing in a reference table: its key without the beginning of a period."""
    return tuple(c for c in TABLES[name].key if c != "valid_from")


def current_reference(sink: Sink) -> ReferenceTables:
    """Everything that the store has now, as rows. ``present`` names the tables that have any."""
    found = {name: tuple(structs(name, sink.reference(name))) for name in TABLES}
    return ReferenceTables(**found, present=frozenset(n for n, rows in found.items() if rows))  # type: ignore[arg-type]


def write_reference(store: Store | Sink, tables: ReferenceTables, now: datetime) -> ImportResult:
    """Import the rows of ``tables``: for each id that they list, they replace all rows it had.

    Ids with the rows they already have are left alone, so that repeating an import does nothing. ``now`` is the
    time of recording, UTC. Rows are taken as checked (``check_reference``). One import at a time.
    """
    sink = _sink(store)
    before = read_roster(sink)
    changed: dict[str, list[dict[str, Any]]] = {}
    counts: dict[str, tuple[int, int]] = {}
    for name in TABLES:
        if rows := tables.rows(name):
            changed[name], *pair = _news(sink, name, rows)
            counts[name] = pair[0], pair[1]
    ids, after = dict.fromkeys(KINDS, 0), _after(before, changed)
    for kind, names in KINDS.items():
        wanted = {name: changed[name] for name in names if changed.get(name)}
        if wanted:
            ids[kind] = _write(sink, kind, wanted, after, now)
    if ids["roster"] and isinstance(store, Store):
        _forget_old_memberships(store)
    by_member = member_moves(before, after) if ids["roster"] else {}
    return ImportResult(
        ids["roster"],
        ids["catalogue"],
        {name: new for name, (new, _) in counts.items() if new},
        {name: same for name, (_, same) in counts.items() if same},
        sorted(by_member.items()),
        frozenset(moves(before, after)) if ids["roster"] else frozenset(),
    )


def _news(sink: Sink, name: str, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], int, int]:
    """Rows of the ids whose rows differ from the store's, how many such ids, and how many equal ones."""
    key = identity(name)
    listed = _by_id([msgspec.structs.asdict(row) for row in rows], key)
    # As the store would give them back: instants to the millisecond, lists for tuples.
    given = _by_id(_plain(name, [row for group in listed.values() for row in group]), key)
    have = _by_id(sink.reference(name).select([c.name for c in TABLES[name].columns]).to_pylist(), key)
    new = [i for i in given if given[i] != _instants(have.get(i))]
    return [row for i in new for row in listed[i]], len(new), len(given) - len(new)


def _plain(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    extra = {"import_id": 0, "ordinal": 0, "recorded_at": 0}
    table = REFERENCE[name].rows([row | extra for row in rows])
    found = _instants(table.select([c.name for c in TABLES[name].columns]).to_pylist())
    assert found is not None
    return found


def _instants(rows: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    def plain(value: Any) -> Any:
        return value.astimezone(UTC) if isinstance(value, datetime) else value

    return None if rows is None else [{k: plain(v) for k, v in row.items()} for row in rows]


def _by_id(rows: Iterable[dict[str, Any]], key: Sequence[str]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[c] for c in key), []).append(row)
    return found


def _after(before: Roster, changed: Mapping[str, list[dict[str, Any]]]) -> Roster:
    """The roster with the changed ids in place of what they were."""

    def merged(name: str, key: str, have: Sequence[Any]) -> list[Any]:
        rows = changed.get(name, [])
        ids = {r[key] for r in rows}
        extra = {"import_id": 0, "ordinal": 0, "recorded_at": 0}
        new = structs(name, REFERENCE[name].rows([r | extra for r in rows]))
        return [*(row for row in have if getattr(row, key) not in ids), *new]

    return Roster(
        merged("organisations", "org_id", before.organisations), merged("members", "member_id", before.members)
    )


def _write(sink: Sink, kind: str, tables: Mapping[str, list[dict[str, Any]]], after: Roster, now: datetime) -> int:
    number = 1 + max(sink.latest_import(k) for k in (*KINDS, PENDING))
    count = sum(len(rows) for rows in tables.values())
    row = {"import_id": number, "kind": PENDING, "recorded_at": now, "rows": count, "published": 0}
    sink.insert(IMPORTS, IMPORTS.rows([row]))
    for name, rows in tables.items():
        extra = {"import_id": number, "recorded_at": now}
        stored = [r | extra | {"ordinal": ordinal} for ordinal, r in enumerate(rows)]
        sink.insert(REFERENCE[name], REFERENCE[name].rows(stored))
    if "organisations" in tables:
        sink.insert(ORG_CLOSURE, ORG_CLOSURE.rows(closure_rows(after, number)))
    if "members" in tables:
        sink.insert(MEMBERSHIPS, MEMBERSHIPS.rows(list(membership_rows(after, number))))
    sink.insert(IMPORTS, IMPORTS.rows([row | {"kind": kind}]))
    return number


def _forget_old_memberships(store: Store) -> None:
    """Drop what neither new queries nor those that are running read: all but the two latest complete sets."""
    rows = store.rows(
        "SELECT DISTINCT import_id FROM memberships WHERE import_id < (SELECT max(import_id) FROM memberships "
        "WHERE import_id IN (SELECT import_id FROM v_imports)) ORDER BY import_id"
    )
    for (number,) in rows[:-1]:
        store.command(f"ALTER TABLE memberships DROP PARTITION {int(number)}")


def touched_branch_days(store: Store, generation: int, found: Iterable[Move]) -> list[tuple[str, date]]:
    """The (organisation, local day) pairs whose ``branch_day`` rows the moves concern, sorted.

    Days within a move on which the organisation has rows already, or on which a member who belongs to it now has
    ``member_day`` rows. Call it after the import.
    """
    listed = sorted(found, key=lambda m: (m[0], m[1] or date.min))
    touched: set[tuple[str, date]] = set()
    for part in chunks(listed, lambda m: max(cost(m[0]), 16)) if listed else ():
        parameters = {
            "generation": generation,
            "orgs": [m[0] for m in part],
            "first": [m[1] or date(1970, 1, 1) for m in part],
            "last": [m[2] or date(2149, 1, 1) for m in part],
        }
        touched.update((org_id, day) for org_id, day in store.rows(_TOUCHED, parameters))
    return sorted(touched)


_TOUCHED = """
WITH moved AS (
    SELECT org_id, toDate32(period.1) AS first, toDate32(period.2) AS last
    FROM (SELECT arrayJoin(arrayZip({orgs:Array(String)}, {first:Array(Date32)}, {last:Array(Date32)})) AS z,
                 z.1 AS org_id, (z.2, z.3) AS period)
),
here AS (
    SELECT m.member_id AS member_id, m.org_id AS org_id, greatest(moved.first, m.since) AS first,
           least(moved.last, subtractDays(m.until, 1)) AS last
    FROM (SELECT * FROM v_memberships WHERE org_id IN {orgs:Array(String)}) AS m
    INNER JOIN moved ON moved.org_id = m.org_id
)
SELECT DISTINCT org_id, day FROM (
    SELECT b.org_id AS org_id, b.day AS day
    FROM branch_day AS b
    INNER JOIN moved ON moved.org_id = b.org_id
    WHERE b.generation = {generation:UInt16} AND b.org_id IN {orgs:Array(String)}
      AND b.day BETWEEN moved.first AND moved.last
    UNION ALL
    SELECT here.org_id AS org_id, d.day AS day
    FROM member_day AS d
    INNER JOIN here ON here.member_id = d.member_id
    WHERE d.generation = {generation:UInt16} AND d.member_id IN (SELECT member_id FROM here)
      AND d.day BETWEEN here.first AND here.last
)
ORDER BY org_id, day
"""
