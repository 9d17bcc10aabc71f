"""All statements, as they came: what is not mapped is kept, and an id keeps its content."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from .validate import moment

_canonical = msgspec.json.Encoder(order="deterministic").encode


class Conflict(Exception):
    """An id is there with other content."""


def content_hash(statement: dict[str, Any]) -> bytes:
    """Of what makes two statements the same: without what a store may set, moments as instants."""
    kept = {k: v for k, v in statement.items() if k not in ("id", "stored", "authority", "version")}
    if "timestamp" in kept:
        kept["timestamp"] = moment(kept["timestamp"], "timestamp").timestamp()
    return hashlib.sha256(_canonical(kept)).digest()


class StatementStore:
    """A file of SQLite, written through to the disk at each commit."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS statements (id TEXT PRIMARY KEY, app TEXT NOT NULL, member TEXT NOT NULL, "
            "stored TEXT NOT NULL, mapped INTEGER NOT NULL, hash BLOB NOT NULL, statement BLOB NOT NULL) STRICT"
        )
        path.chmod(0o600)

    def add(self, app: str, stored: datetime, batch: Sequence[tuple[dict[str, Any], str, bool]]) -> list[str]:
        """Keep (statement, member, whether it is mapped) of a batch, all or none; when each was first stored. Raises
        Conflict."""
        text = stored.isoformat()
        moments = []
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for statement, member, is_mapped in batch:
                    digest = content_hash(statement)
                    row = self._db.execute(
                        "SELECT hash, app, stored FROM statements WHERE id = ?", (statement["id"],)
                    ).fetchone()
                    if row is not None and (row[0] != digest or row[1] != app):
                        raise Conflict(statement["id"])
                    moments.append(row[2] if row is not None else text)
                    if row is None:
                        values = (statement["id"], app, member, text, is_mapped, digest, _canonical(statement))
                        self._db.execute("INSERT INTO statements VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        return moments

    def get(self, app: str, id: str) -> tuple[str, bytes] | None:
        """Member and statement by id, of an application."""
        with self._lock:
            row = self._db.execute(
                "SELECT member, statement FROM statements WHERE id = ? AND app = ?", (id, app)
            ).fetchone()
        return (row[0], row[1]) if row is not None else None

    def close(self) -> None:
        self._db.close()
