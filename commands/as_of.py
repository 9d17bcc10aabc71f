"""The store as it was at a moment, made anew on an engine of its own for the time of a block."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.errors import ConfigError, InputError
from schemas.settings import Settings
from sinks.as_of import closed_at, copy_as_of, copy_closed_days, generation_at, write_generation
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.embedded import EngineOptions, EngineProcess
from sinks.migrate import migrate
from sinks.read import Reader

from .rebuild import MEMBERS_A_STEP, fill
from .worker import generation as as_generation

FOLDER = "as-of"


def parse_moment(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """A moment that a person wrote, and the end (excluded) of what it may mean: the day, minute or second.

    ``2026-03-31`` means its end, the first instant of the next local day. Times without an offset are local. Raises
    InputError.
    """
    try:
        found = datetime.fromisoformat(text)
        day = date.fromisoformat(text) if len(text) <= 10 else None
    except ValueError:
        raise InputError(
            f"{text!r} is no moment", where="--as-of", hint="write 2026-03-31, 2026-03-31T18:00 or with +08:00"
        ) from None
    if day is not None:
        end = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
        return end, end + timedelta(microseconds=1)
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    clock, _, fraction = re.split(r"[+Z-]", text[11:])[0].partition(".")
    if fraction:
        width = timedelta(microseconds=10 ** (6 - min(len(fraction), 6)))
    else:
        width = timedelta(seconds=1) if clock.count(":") == 2 else timedelta(minutes=1)
    return found, found + width


@contextmanager
def reader_at(
    settings: Settings, store: Store, moment: datetime, members: Collection[str] | None = None
) -> Iterator[Reader]:
    """A reader of the store as it was at a moment (aware). ``members``: read the records of these only.

    What is copied is removed when the block ends. Raises InputError where the moment can't be computed, ConfigError
    where there is no embedded engine to compute it on.
    """
    if find_spec("chdb") is None:
        raise ConfigError(
            "a moment that was not issued is computed on the embedded engine, which is not installed",
            hint="pip install 'xuejing[embedded]'",
        )
    folder = settings.folder / FOLDER
    _sweep(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=folder))
    try:
        with EngineProcess(place, options=EngineOptions(fsync=False)) as engine:
            past = Store(Endpoint(engine.url, engine.user, engine.password))
            try:
                migrate(past)
                rebuild_at(store, past, moment, members)
                yield Reader(past)
            finally:
                past.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def rebuild_at(store: Store, past: Store, moment: datetime, members: Collection[str] | None = None) -> None:
    """Fill an empty, migrated store with what another one held at a moment (aware)."""
    info = replace(generation_at(store, moment), closed_to=closed_at(store, moment))
    copy_as_of(store, past, moment, members)
    write_generation(past, info, moment)
    people = [str(r[0]) for r in past.rows("SELECT DISTINCT member_id FROM events ORDER BY member_id")]
    sink = ClickHouseSink(past)
    for i in range(0, len(people), MEMBERS_A_STEP):
        fill(sink, info, people[i : i + MEMBERS_A_STEP], lambda _: None)
    if info.closed_to:
        copy_closed_days(store, past, info, as_generation(info).first_open, members)


def _sweep(folder: Path) -> None:
    """Remove what a command left that was killed: copies of records must not lie about."""
    for left in folder.glob("*-*") if folder.is_dir() else ():
        number = left.name.partition("-")[0]
        if number.isdigit() and not _alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
