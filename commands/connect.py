"""Opens the store that the settings name: a ClickHouse server, or the embedded engine in a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from schemas.errors import StoreError, XuejingError
from schemas.settings import Settings
from sinks.client import Endpoint, Store
from sinks.embedded import EngineOptions, EngineProcess

ENGINE_FILE = "engine.json"
STORE_FOLDER = "store"


def store_folder(settings: Settings) -> Path:
    """Folder of the embedded engine's files."""
    return settings.folder / STORE_FOLDER


def endpoint(settings: Settings) -> Endpoint:
    """Where the configured ClickHouse server answers."""
    return Endpoint(
        settings.clickhouse_url,
        settings.clickhouse_user,
        settings.clickhouse_password,
        settings.clickhouse_database,
        settings.clickhouse_cluster,
    )


def announce(folder: Path, engine: EngineProcess) -> None:
    """Leave the engine's address and password for other commands of the same user (mode 0600)."""
    path = folder / ENGINE_FILE
    text = json.dumps({"url": engine.url, "user": engine.user, "password": engine.password, "pid": engine.pid})
    with suppress(FileNotFoundError):
        path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def retract(folder: Path) -> None:
    """Remove what ``announce`` left."""
    with suppress(FileNotFoundError):
        (folder / ENGINE_FILE).unlink()


def running(folder: Path) -> Endpoint | None:
    """The engine that another process runs on this folder, if it answers."""
    try:
        found = json.loads((folder / ENGINE_FILE).read_text())
        candidate = Endpoint(found["url"], found["user"], found["password"])
        store = Store(candidate)
        store.version()
        store.close()
    except (OSError, ValueError, KeyError, StoreError):
        return None
    return candidate


@contextmanager
def engine(folder: Path, *, durable: bool = True) -> Iterator[EngineProcess]:
    """An embedded engine on ``folder`` for the time of the block, announced to other commands.

    ``durable``: what is acknowledged survives a power failure too; a store that is thrown away need not.
    """
    process = EngineProcess(folder, options=EngineOptions(fsync=durable))
    process.start()
    try:
        announce(folder, process)
        yield process
    finally:
        retract(folder)
        process.stop()


@contextmanager
def connected(settings: Settings) -> Iterator[Store]:
    """The store of the settings. An embedded engine that runs already is used; else one is started for the
    time of the block. Raises StoreError when there is no store yet."""
    if not settings.embedded_store:
        store = Store(endpoint(settings))
        try:
            yield store
        finally:
            store.close()
        return
    folder = store_folder(settings)
    if found := running(folder):
        store = Store(found)
        try:
            yield store
        finally:
            store.close()
        return
    if not folder.is_dir():
        raise StoreError(
            "there is no store yet",
            where=str(folder),
            hint="run `xuejing up` or `xuejing demo`, or name another folder with --data",
        )
    with engine(folder) as process:
        store = Store(Endpoint(process.url, process.user, process.password))
        try:
            yield store
        finally:
            store.close()


def settings_for(settings: Settings, store: Endpoint, bootstrap: str, cluster: str) -> Settings:
    """The settings with which a worker process reaches a store and a broker that this process runs."""
    return replace(
        settings,
        clickhouse_url=store.url,
        clickhouse_user=store.user,
        clickhouse_password=store.password,
        kafka_bootstrap=bootstrap,
        kafka_cluster=cluster,
    )


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment of a child process."""
    from dataclasses import fields

    from schemas.settings import PREFIX

    return {PREFIX + f.name.upper(): str(getattr(settings, f.name)) for f in fields(Settings)}


__all__ = ["XuejingError", "announce", "connected", "endpoint", "engine", "environment", "running", "settings_for"]
