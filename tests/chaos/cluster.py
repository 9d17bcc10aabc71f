"""Engine, proxy, broker and several workers as processes, each of which can be hurt."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from commands.connect import settings_for
from commands.stack import prepare, spawn
from commands.worker import topics
from producers.embedded_broker import EmbeddedBroker
from producers.kafka_admin import BrokerUnavailable, end_offsets, lag
from producers.simulate import Scenario, write_reference
from producers.tables import read_reference
from schemas.settings import Settings
from sinks.client import Endpoint, Store
from sinks.embedded.process import EngineProcess
from sinks.reference import write_reference as import_reference
from tests.chaos.proxy import StoreProxy
from tests.kafka_server import ApacheKafka

ROSTER = frozenset({"organisations", "members"})


class Broker(Protocol):
    """What both brokers have."""

    @property
    def bootstrap(self) -> str: ...


@dataclass(slots=True)
class Worker:
    """One worker process and its log."""

    log: Path
    process: subprocess.Popen[bytes]
    started: int = 1

    @property
    def running(self) -> bool:
        return self.process.poll() is None


@dataclass(slots=True)
class Cluster:
    """What runs. ``store`` reaches the engine directly, the workers reach it through ``proxy``."""

    settings: Settings
    engine: EngineProcess
    proxy: StoreProxy
    broker: Any
    store: Store
    folder: Path
    workers: list[Worker] = field(default_factory=list)
    exits: list[int] = field(default_factory=list)
    """statuses with which workers ended by themselves"""

    def add_worker(self) -> Worker:
        """Start one more worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = Worker(log, self._spawn(log))
        self.workers.append(worker)
        return worker

    def _spawn(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return spawn(self.settings, ["worker", "--embedded", "--die-with-parent"], out)

    def restart(self, worker: Worker) -> None:
        """Start a worker that has ended."""
        worker.process.wait(60)
        _close(worker.process)
        worker.process = self._spawn(worker.log)
        worker.started += 1

    def supervise(self, spare: Worker | None = None) -> None:
        """Start every worker again that ended by itself, as systemd or Kubernetes would; but not ``spare``."""
        for worker in self.workers:
            if worker is not spare and not worker.running:
                self.exits.append(worker.process.returncode)
                self.restart(worker)

    def signal(self, worker: Worker, number: signal.Signals) -> None:
        """Send a signal to a worker."""
        with suppress(ProcessLookupError):
            worker.process.send_signal(number)

    def restart_engine(self, seconds: float) -> None:
        """End the engine as a crash would; after some seconds, start it on the same files and port."""
        self.engine.kill()
        time.sleep(seconds)
        self.engine.start()

    def behind(self) -> int:
        """Messages that no worker has committed yet, on both topics."""
        s = self.settings
        return sum(
            sum(lag(s.kafka_bootstrap, s.consumer_group, topic, timeout=30).values())
            for topic in (s.events_topic, s.contributions_topic)
        )

    def messages(self) -> int:
        """Messages on the topic of events."""
        return sum(end_offsets(self.settings.kafka_bootstrap, self.settings.events_topic, timeout=30).values())

    def settle(self, timeout: float = 150.0) -> float:
        """Wait until everything is processed, and return how long it took. Raises TimeoutError."""
        begin, quiet = time.monotonic(), 0
        while quiet < 2:
            self.supervise()
            try:
                quiet = quiet + 1 if self.behind() == 0 else 0
            except BrokerUnavailable:
                quiet = 0
            if time.monotonic() - begin > timeout:
                raise TimeoutError(f"{self.behind()} messages wait still after {timeout:g} s\n{self.tails()}")
            time.sleep(0.2)
        return time.monotonic() - begin

    def tails(self) -> str:
        """The ends of the workers' logs."""
        return "\n".join(f"{w.log.name}:\n{w.log.read_text('utf-8', 'replace')[-3000:]}" for w in self.workers)

    def close_workers(self) -> None:
        """End the workers at once."""
        for worker in self.workers:
            if worker.running:
                worker.process.kill()
            worker.process.wait(30)
            _close(worker.process)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.close()


@contextmanager
def cluster(
    scenario: Scenario,
    *,
    workers: int = 2,
    apache: bool = False,
    bootstrap: str = "",
    folder: Path | None = None,
    **changes: Any,
) -> Iterator[Cluster]:
    """Everything started, migrated, and the scenario's roster imported. ``bootstrap``: a broker that runs already;
    ``changes`` are settings of the workers."""
    with ExitStack() as exits:
        root = folder or Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="xuejing-chaos-")))
        engine = EngineProcess(root / "store").start()
        exits.callback(engine.stop)
        proxy = exits.enter_context(StoreProxy(engine.url))
        broker: Any = None
        if not bootstrap:
            broker = exits.enter_context(ApacheKafka() if apache else EmbeddedBroker())
            bootstrap = broker.bootstrap
        name = uuid.uuid4().hex[:8]
        base = Settings(
            data_dir=str(root),
            log_level="INFO",
            events_topic=f"events-{name}",
            contributions_topic=f"days-{name}",
            consumer_group=f"chaos-{name}",
            **changes,
        )
        behind_proxy = Endpoint(proxy.url, engine.user, engine.password)
        settings = settings_for(base, behind_proxy, bootstrap, f"chaos-{name}")
        store = Store(Endpoint(engine.url, engine.user, engine.password))
        exits.callback(store.close)
        prepare(settings, store)
        topics(settings)
        write_reference(scenario, root)
        for table in ("courses", "units", "exams", "questions", "knowledge_points"):
            (root / f"{table}.csv").unlink(missing_ok=True)
        import_reference(store, read_reference(root, scenario.timezone), datetime.now(UTC))
        found = Cluster(settings, engine, proxy, broker, store, root)
        exits.callback(found.close_workers)
        for _ in range(workers):
            found.add_worker()
        yield found
