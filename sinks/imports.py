"""Roster imports whose consequences for branches have not been published yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from schemas.reference import TABLES as DECLARED
from schemas.reference import Roster
from schemas.reference.moves import Move, moves
from schemas.tables import IMPORTS, REFERENCE

from .client import Store
from .read.generations import written_generations
from .reference import ROSTER_TABLES, identity, touched_branch_days
from .rosters import structs


def unpublished(store: Store) -> list[int]:
    """Numbers of the roster imports that are complete and whose branches have not been asked to compute again."""
    rows = store.rows("SELECT import_id FROM imports FINAL WHERE kind = 'roster' AND published = 0 ORDER BY import_id")
    return [int(r[0]) for r in rows]


def roster_at(store: Store, import_id: int) -> Roster:
    """The roster as it was when ``import_id`` was the last import."""
    found = []
    for name in ROSTER_TABLES:
        table, key = REFERENCE[name].name, ", ".join(identity(name))
        columns = ", ".join(f"`{c.name}`" for c in DECLARED[name].columns)
        sql = f"""
            SELECT {columns} FROM {table} FINAL
            WHERE import_id <= {{n:UInt64}} AND ({key}, import_id) IN (
                SELECT {key}, max(import_id) FROM {table}
                WHERE import_id <= {{n:UInt64}} AND import_id IN
                    (SELECT import_id FROM imports WHERE kind IN ('roster', 'catalogue'))
                GROUP BY {key})
            ORDER BY import_id, ordinal"""
        found.append(structs(name, store.arrow(sql, {"n": import_id})))
    return Roster(*found)


def waiting_branch_days(store: Store, imports: Sequence[int]) -> list[tuple[int, str, date]]:
    """(generation, organisation, local day) that the imports concern, in every generation that is written.

    Import by import: a member who moved on in a later one has left days in every branch on the way.
    """
    found: set[Move] = set()
    for number in imports:
        found |= set(moves(roster_at(store, number - 1), roster_at(store, number)))
    return [
        (g.number, org_id, day)
        for g in written_generations(store)
        for org_id, day in touched_branch_days(store, g.number, found)
    ]


def mark_published(store: Store, imports: Sequence[int]) -> None:
    """Record that the branches were asked. Call it behind the acknowledgements."""
    if imports:
        rows = store.rows(
            "SELECT import_id, kind, recorded_at, rows FROM imports FINAL WHERE import_id IN {ids:Array(UInt64)}",
            {"ids": list(imports)},
        )
        names = ("import_id", "kind", "recorded_at", "rows")
        kept = [dict(zip(names, r, strict=True)) for r in rows]
        for row in kept:
            row |= {"published": 1, "recorded_at": _utc(row["recorded_at"])}
        store.insert(IMPORTS.name, IMPORTS.rows(kept))


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
