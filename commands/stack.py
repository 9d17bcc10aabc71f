"""The embedded stack: engine, broker and worker as child processes, started together and stopped together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from producers.embedded_broker import EmbeddedBroker
from producers.kafka_admin import BrokerUnavailable, end_offsets, lag, wait_until_committed
from schemas.errors import XuejingError
from schemas.settings import LOOPBACK, Settings
from sinks.client import Endpoint, Store
from sinks.migrate import Migration, migrate
from sinks.read.generations import ensure_generation
from streams.rules import Rules

from .connect import engine, environment, settings_for, store_folder
from .producing import topics

BROKER_FILE = "broker.json"


class WorkerStopped(XuejingError):
    """The worker process ended although it was not asked to."""


@dataclass
class Running:
    """A worker that runs, the settings by which it is reached, its store and its log."""

    settings: Settings
    store: Store
    worker: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise WorkerStopped, with the end of its log, when the worker is gone."""
        code = self.worker.poll()
        if code is not None:
            tail = self.log.read_text("utf-8", "replace").strip().splitlines()[-3:]
            raise WorkerStopped(
                f"the worker ended with status {code}: {' / '.join(tail) or 'no message'}", where=str(self.log)
            )

    def wait_until_processed(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Wait until every event sent so far is in the metrics, branches included. ``progress`` gets the
        number of messages that are still to be read."""
        topics_in_order = self.settings.events_topic, self.settings.contributions_topic
        while True:
            for topic in topics_in_order:
                self._catch_up(topic, progress)
            # A line forwarded to another partition is on the topic of events again.
            if not any(self._lag(topic) for topic in topics_in_order):
                return

    def _catch_up(self, topic: str, progress: Callable[[int], None]) -> None:
        s = self.settings
        security = s.kafka_security()
        ends = end_offsets(s.kafka_bootstrap, topic, security=security, timeout=30)
        while not wait_until_committed(
            s.kafka_bootstrap, s.consumer_group, topic, until=ends, security=security, timeout=2, poll=0.2
        ):
            self.check()
            progress(self._lag(topic))

    def _lag(self, topic: str) -> int:
        s = self.settings
        found = lag(s.kafka_bootstrap, s.consumer_group, topic, security=s.kafka_security(), timeout=30)
        return sum(found.values())


class Stack(Running):
    """The embedded stack on a store: broker and worker run between ``begin`` and ``end``."""

    def __init__(self, configured: Settings, endpoint: Endpoint, store: Store) -> None:
        self._configured, self._endpoint, self.store = configured, endpoint, store
        self._life = ExitStack()
        self.log = configured.folder / "worker.log"

    def begin(self) -> None:
        """Start a broker and a worker. The embedded broker forgets its log on exit: each start is another life of
        the cluster, under another name."""
        self.broker = self._life.enter_context(EmbeddedBroker())
        name = f"embedded-{uuid.uuid4().hex[:12]}"
        self.settings = settings_for(self._configured, self._endpoint, self.broker.bootstrap, name)
        topics(self.settings)
        announced = self._configured.folder / BROKER_FILE
        announced.write_text(json.dumps({"bootstrap": self.broker.bootstrap, "cluster": name}))
        self._life.callback(lambda: announced.unlink(missing_ok=True))
        self.worker = self._life.enter_context(worker_process(self.settings, self.log))

    def end(self) -> None:
        """Stop the worker, which finishes what it has in hand, and the broker."""
        self._life.close()

    def renew(self) -> None:
        """Process what is left, then start with an empty broker: the embedded one keeps all it ever got in memory."""
        self.wait_until_processed()
        self.end()
        self.begin()


def spawn(settings: Settings, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``xuejing COMMAND`` as a child process with these settings; secrets go by environment only."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "cli", *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env={**os.environ, **environment(settings), "PYTHONPATH": path},
        start_new_session=True,
    )


@contextmanager
def worker_process(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker for the time of the block; stopped so that what it has in hand is finished."""
    with _child(settings, ["worker", "--embedded", "--die-with-parent"], log, 40) as process:
        yield process


@contextmanager
def dashboard_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The dashboard for the time of the block, beside the worker; without it everything else works."""
    with _child(settings, ["dashboard", "--no-open", "--die-with-parent"], settings.folder / "dashboard.log", 10) as p:
        yield p


@contextmanager
def collector_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The collector for the time of the block, with its journal always on: the embedded broker forgets."""
    command = ["collector", "--journal", "always", "--any-port", "--die-with-parent"]
    if settings.collector_host in LOOPBACK:
        command.append("--course-page")
    with _child(settings, command, settings.folder / "collector.log", 60) as process:
        yield process


@contextmanager
def schedule_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The schedules for the time of the block; the step in hand is finished, the rest is for the next start."""
    command = ["schedule", "daemon", "--die-with-parent"]
    with _child(settings, command, settings.folder / "schedule.log", 60) as process:
        yield process


@contextmanager
def _child(settings: Settings, command: list[str], log: Path, patience: float) -> Iterator[subprocess.Popen[bytes]]:
    """A child process for the time of the block; killed when it has not stopped after ``patience`` seconds."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = spawn(settings, command, out)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()


def prepare(settings: Settings, store: Store) -> list[Migration]:
    """Bring the store up to date and make sure that there is a generation to write; what was applied."""
    done = migrate(store)
    ensure_generation(store, settings.timezone, Rules().to_json())
    return done


@contextmanager
def stack(settings: Settings, *, durable: bool = True) -> Iterator[Stack]:
    """Engine, broker and worker on ``settings.folder``, for the time of the block."""
    folder = store_folder(settings)
    with ExitStack() as exits:
        process = exits.enter_context(engine(folder, durable=durable))
        endpoint = Endpoint(process.url, process.user, process.password)
        store = Store(endpoint)
        exits.callback(store.close)
        prepare(settings, store)
        running = Stack(settings, endpoint, store)
        exits.callback(running.end)
        running.begin()
        yield running


def with_broker(settings: Settings) -> Settings:
    """The settings with the address of the broker: the configured one, or that of a running ``xuejing up``."""
    if settings.kafka_bootstrap:
        return settings
    try:
        found = json.loads((settings.folder / BROKER_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        raise BrokerUnavailable(
            "no broker is configured and none is running",
            where=str(settings.folder),
            hint="run `xuejing up`, or set XUEJING_KAFKA_BOOTSTRAP",
        ) from None
    return replace(settings, kafka_bootstrap=found["bootstrap"], kafka_cluster=found["cluster"])
