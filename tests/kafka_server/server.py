"""Apache Kafka as a child process: one KRaft node that is broker and controller, on free loopback ports.

The jars come from Maven Central through the pom beside this file and are kept in ``.cache/kafka`` of the
checkout. Needs Java 17 or newer and Maven; ``ApacheKafka.available()`` says whether they are there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from producers.embedded_broker import answers, free_port

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XUEJING_KAFKA_CACHE", HERE.parent.parent / ".cache" / "kafka"))
CLUSTER_ID = "eHVlamluZy10ZXN0LWtmaw"  # any 16 bytes in base64url; fixed, so that data can be kept


class KafkaServerError(RuntimeError):
    """The broker or its jars could not be had."""


def jars() -> Path:
    """Folder with the broker's jars; resolves them through Maven on first use."""
    pom = HERE / "pom.xml"
    libs = CACHE / "libs"
    mark = libs / ".pom"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start at once
        if mark.is_file() and mark.read_bytes() == pom.read_bytes():
            return libs
        shutil.rmtree(libs, ignore_errors=True)
        command = [
            "mvn",
            "-q",
            "-B",
            "-f",
            str(pom),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={libs}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode != 0 or not any(libs.glob("kafka_*.jar")):
            raise KafkaServerError(f"Maven could not resolve the broker:\n{(done.stdout + done.stderr)[-2000:]}")
        mark.write_bytes(pom.read_bytes())
    return libs


class ApacheKafka:
    """Runs the broker between ``start`` and ``stop`` or in a ``with`` block.

    ``kill9`` and ``restart`` keep data and ports, so that clients find it again.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        data: str | os.PathLike[str] | None = None,
        heap_mb: int = 384,
        start_timeout: float = 90.0,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self._controller_port = 0
        self._own_data = data is None
        self._data = Path(data) if data is not None else None
        self._heap_mb = heap_mb
        self._start_timeout = start_timeout
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def available() -> bool:
        return bool(shutil.which("java") and (shutil.which("mvn") or (CACHE / "libs" / ".pom").is_file()))

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> ApacheKafka:
        """Formats the storage on first use, starts the broker and waits until it answers."""
        if self.running:
            return self
        libs = jars()
        if self._data is None:
            self._data = Path(tempfile.mkdtemp(prefix="xuejing-kafka-"))
        self._data.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        self._controller_port = self._controller_port or free_port()
        config = self._write_config()
        if not (self._data / "log" / "meta.properties").is_file():
            self._run_tool(libs, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config))
        with self._log_file.open("ab") as out:
            self._process = subprocess.Popen(
                self._java(libs, "kafka.Kafka", str(config)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_ready()
        return self

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not answers(self.host, self.port, 1.0):
            if not self.running:
                raise KafkaServerError(f"the broker ended while starting:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise KafkaServerError(f"no answer within {self._start_timeout:g} s:\n{self.log_tail()}")
            time.sleep(0.1)

    @property
    def _log_file(self) -> Path:
        assert self._data is not None
        return self._data / "server.log"

    def _java(self, libs: Path, main: str, *arguments: str) -> list[str]:
        options = [
            f"-Xmx{self._heap_mb}m",
            "-Xms64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
        ]
        options += [f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"]
        return ["java", *options, "-cp", f"{libs}/*", main, *arguments]

    def _run_tool(self, libs: Path, main: str, *arguments: str) -> None:
        done = subprocess.run(
            self._java(libs, main, *arguments), capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise KafkaServerError(f"{main} failed:\n{(done.stdout + done.stderr)[-2000:]}")

    def _write_config(self) -> Path:
        assert self._data is not None
        controller = f"{self.host}:{self._controller_port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._data / "log"),
            "num.partitions": "4",
            "default.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "2",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "background.threads": "2",
            "log.cleaner.dedupe.buffer.size": "2097152",
            **self._settings,
        }
        path = self._data / "server.properties"
        path.write_text("".join(f"{k}={v}\n" for k, v in settings.items()), encoding="utf-8")
        return path

    def log_tail(self, chars: int = 3000) -> str:
        """The end of the broker's log."""
        try:
            return self._log_file.read_text(encoding="utf-8", errors="replace")[-chars:]
        except OSError:
            return ""

    def kill9(self) -> None:
        """Ends the broker as a crash would."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)

    def restart(self) -> None:
        """Starts it again with the same data and ports, after ``kill9`` or while it runs."""
        self._end()
        self.start()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)

    def stop(self) -> None:
        """Ends the broker and removes its data, unless a folder was given."""
        self._end()
        if self._own_data and self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data = None

    def __enter__(self) -> ApacheKafka:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
