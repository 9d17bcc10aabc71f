"""What commands know of the collector: its file of keys, its address, and the collector itself, composed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from producers.kafka_admin import committed_offsets
from producers.kafka_client import EventProducer
from schemas.errors import ConfigError, XuejingError
from schemas.settings import Settings

from .alone import alone
from .producing import event_producer, topics

if TYPE_CHECKING:
    from producers.collector.app import Collector
    from producers.collector.keys import App

NOTE = "collector.json"
LOCAL = "local"
LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")
COURSE_PAGE = Path(__file__).resolve().parents[1] / "examples" / "course-page"
"""The demo course page; there in a checkout only."""


def need_web(error: ModuleNotFoundError) -> ConfigError:
    """What is said where the packages of the web side are not installed."""
    return ConfigError(f"the collector needs the package {error.name}", hint="pip install 'xuejing[web]'")


def can_collect() -> bool:
    """Whether the packages of the web side are installed."""
    return all(find_spec(name) is not None for name in ("jwt", "uvicorn"))


def keys_file(settings: Settings) -> Path:
    """The file of app keys."""
    return settings.folder / Path(settings.collector_keys).expanduser()


def first_key(settings: Settings) -> str | None:
    """Make a key for pages of this machine where there is no file of keys; the key, which is not shown again."""
    from producers.collector.keys import add_app, new_app

    path = keys_file(settings)
    if path.exists():
        return None
    app, key = new_app(LOCAL, origins=LOCAL_ORIGINS, server=True)
    add_app(path, app, f"key: {key} (for pages on this machine; kept here because it guards nothing else)")
    return key


def app_of(settings: Settings, id: str) -> App:
    """An application by its id. Raises ConfigError."""
    from producers.collector.keys import load_apps

    path = keys_file(settings)
    found = load_apps(path).by_id.get(id)
    if found is None:
        raise ConfigError(f"there is no app {id}", where=str(path), hint="xuejing app-key NAME makes one")
    return found


def collector_of(settings: Settings, pid: int) -> str | None:
    """Address of the collector that runs as this process, once it answers."""
    return _note_of(settings, pid).get("url")


def course_page_of(settings: Settings, pid: int) -> str | None:
    """Link to the demo course page of the collector that runs as this process."""
    return _note_of(settings, pid).get("course_page")


def _note_of(settings: Settings, pid: int) -> Mapping[str, str | None]:
    """What the collector that runs as this process has left; nothing before it answers."""
    try:
        found = json.loads((settings.folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if found["pid"] == pid else {}


def course_page_link(collector: Collector, url: str) -> str | None:
    """Link that opens the demo course page, if it is served. What opens it stays in the browser: it is behind the #."""
    demo = collector.pages.demo if collector.pages else None
    return f"{url}/demo/#{demo.code}" if demo else None


@contextmanager
def announced(settings: Settings, url: str, course_page: str | None = None) -> Iterator[None]:
    """The address is in the data folder for the time of the block, for its owner only: the link lets in."""
    note = settings.folder / NOTE
    part = note.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": url, "pid": os.getpid(), "course_page": course_page}, file)
    part.replace(note)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            note.unlink()


@contextmanager
def composed(settings: Settings, *, always: bool, course_page: bool = False) -> Iterator[Collector]:
    """The collector of the settings; alone with its journal. Its threads run between startup and shutdown.
    ``course_page``: with the demo course page, if the checkout has it."""
    try:
        from producers.collector.app import Collector
        from producers.collector.keys import Apps, load_apps
        from producers.collector.outlet import Outlet
        from producers.collector.pages import Demo, Pages
        from producers.collector.xapi.endpoint import Statements
        from producers.collector.xapi.store import StatementStore
    except ModuleNotFoundError as error:
        raise need_web(error) from error
    from producers.journal import Folder, Journal

    apps = load_apps(keys_file(settings))
    demo = Demo(COURSE_PAGE, LOCAL_ORIGINS) if course_page and COURSE_PAGE.is_dir() else None
    if demo:
        apps = Apps({**apps.by_id, demo.app.id: demo.app})
    folder = settings.folder / "journal"
    busy = XuejingError("another collector uses this journal", where=str(folder), hint="choose another --data")

    def connect() -> EventProducer:
        topics(settings)
        return event_producer(settings, linger_ms=5)

    def committed() -> Mapping[int, int]:
        return committed_offsets(
            settings.kafka_bootstrap,
            settings.consumer_group,
            settings.events_topic,
            security=settings.kafka_security(),
        )

    with alone(settings.folder / "journal.lock", 10, busy):
        journal = Journal(Folder(folder), max_bytes=settings.journal_mb << 20)
        statements = StatementStore(settings.folder / "statements.sqlite")
        try:
            outlet = Outlet(journal, connect, always=always, committed=committed)
            yield Collector(apps, outlet, Statements(statements), Pages(demo))
        finally:
            statements.close()
