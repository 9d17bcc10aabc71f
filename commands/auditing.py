"""The audit of what is done on the command line: who is the user of the operating system."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Annotated

import polars as pl
import typer

from schemas.settings import Settings
from sinks.audit import Auditor, Entry
from sinks.client import Store
from sinks.member_key import member_key

PurposeOption = Annotated[
    str, typer.Option("--purpose", help="用途，记入审计 · what it is for; recorded in the audit", show_default=False)
]


def operator() -> str:
    """Who sits at the terminal, as the audit names them."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a user that has no name
        return "os:unknown"


def auditor(settings: Settings, store: Store) -> Auditor:
    """A chain for this call."""
    return Auditor(store, member_key(settings))


def looked(settings: Settings, store: Store, name: str, members: Collection[str], rows: int) -> None:
    """Record that somebody at the terminal is shown rows about members, if there are any."""
    if members:
        auditor(settings, store).record(Entry(operator(), "query", name, members=members, rows=rows))


class Seen:
    """Members and rows of what is handed out, while it is."""

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.rows = 0

    def passing(
        self, frames: Iterator[pl.DataFrame], members: Callable[[pl.DataFrame], Collection[str]]
    ) -> Iterator[pl.DataFrame]:
        """The same frames. ``members``: whom rows are about."""
        for frame in frames:
            self.rows += frame.height
            self.members.update(members(frame))
            yield frame


@contextmanager
def recorded(found: Auditor, entry: Entry, seen: Seen) -> Iterator[None]:
    """Record what was handed out in the block about members, also when it ends early: by then it was seen."""
    outcome = "interrupted"
    try:
        yield
        outcome = "ok"
    finally:
        if members := seen.members | set(entry.members):
            found.record(
                Entry(
                    entry.principal_id,
                    entry.action,
                    entry.what,
                    entry.purpose,
                    entry.org_id,
                    members,
                    seen.rows,
                    outcome,
                )
            )
