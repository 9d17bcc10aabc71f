"""Numbered migrations: plain SQL files, applied once each, in order, recorded in ``migrations``.

Files hold statements ended by ``;`` at the end of a line. On a cluster, ``ON CLUSTER`` and replicated
engines are put in on the way, so that one set of files serves a laptop and a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from schemas.errors import StoreError

from .client import Store

FOLDER = Path(__file__).with_name("migrations")


class Migration(NamedTuple):
    """One file: ``NNNN_name.sql``."""

    number: int
    name: str
    statements: list[str]


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """All migrations in order; no two may have one number."""
    found = []
    for path in sorted(folder.glob("[0-9]*.sql")):
        number, _, name = path.stem.partition("_")
        statements = [s.strip() for s in re.split(r";\s*(?:\n|$)", path.read_text("utf-8")) if s.strip()]
        found.append(Migration(int(number), name, statements))
    if len({m.number for m in found}) != len(found):
        raise StoreError("two migrations have one number", where=str(folder))
    return found


def on_cluster(statement: str, cluster: str) -> str:
    """The statement for a cluster of replicated tables; unchanged when ``cluster`` is empty."""
    if not cluster:
        return statement
    changed = re.sub(
        r"((?:CREATE TABLE IF NOT EXISTS|ALTER TABLE|CREATE OR REPLACE VIEW|DROP TABLE IF EXISTS)\s+\w+)",
        rf"\1 ON CLUSTER '{cluster}'",
        statement,
    )
    return re.sub(r"ENGINE = (\w*MergeTree)", r"ENGINE = Replicated\1", changed)


def applied(store: Store) -> set[int]:
    """Numbers of the migrations that the store has."""
    store.command(
        on_cluster(
            "CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied_at DateTime DEFAULT now()) "
            "ENGINE = ReplacingMergeTree ORDER BY number",
            store.cluster,
        )
    )
    return {row[0] for row in store.rows("SELECT DISTINCT number FROM migrations")}


def pending(store: Store) -> list[Migration]:
    """Migrations that this program has and the store has not."""
    done = applied(store)
    return [m for m in migrations() if m.number not in done]


def migrate(store: Store, say: Callable[[str], None] = lambda _: None) -> list[Migration]:
    """Apply what is pending; applying twice is a no-op. A store newer than the program is an error."""
    known = {m.number for m in migrations()}
    if newer := applied(store) - known:
        raise StoreError(
            f"the store has migration {max(newer)}, this program knows {max(known)}",
            hint="update the program before you use this store",
        )
    todo = pending(store)
    for migration in todo:
        say(f"migration {migration.number:04d} {migration.name}")
        for statement in migration.statements:
            store.command(on_cluster(statement, store.cluster))
        store.command(
            "INSERT INTO migrations (number, name) VALUES ({number:UInt32}, {name:String})",
            {"number": migration.number, "name": migration.name},
        )
    return todo
