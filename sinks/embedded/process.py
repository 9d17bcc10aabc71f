"""The engine as a process of its own: start it, wait until it answers, stop it."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import msgspec

from sinks.embedded.config import EngineOptions
from sinks.embedded.errors import EngineFailed, EngineInUse

PASSWORD_VARIABLE = "XUEJING_ENGINE_PASSWORD"  # noqa: S105
IN_USE = 75  # exit status: the directory is taken (EX_TEMPFAIL)


class EngineProcess:
    """An engine over ``data_dir`` in a child process; ``with EngineProcess(path) as engine: engine.url``.

    ``password`` is made up when none is given. ``die_with_parent`` ends the engine, gracefully, when this process
    is gone. The engine's log goes to ``engine.log`` in the directory, its password never into arguments.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        password: str | None = None,
        user: str = "default",
        port: int = 0,
        options: EngineOptions | None = None,
        die_with_parent: bool = True,
    ) -> None:
        self.data_dir, self.user, self.password = Path(data_dir), user, password or secrets.token_urlsafe(24)
        self.host, self.port = "127.0.0.1", port
        self._options, self._die_with_parent = options or EngineOptions(), die_with_parent
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the engine answers, without credentials."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, timeout: float = 60.0) -> EngineProcess:
        """Start and wait until requests are answered, at most ``timeout`` seconds.

        Raises EngineInUse when another process has the directory, EngineFailed for anything else.
        """
        if self.pid is not None:
            return self
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # people's learning records
        arguments = [sys.executable, "-m", "sinks.embedded", "--data-dir", str(self.data_dir)]
        arguments += ["--port", str(self.port), "--user", self.user]
        for name, value in self._options.settings.items():
            arguments += ["--setting", f"{name}={value}"]
        if self._options.backup_dir is not None:
            arguments += ["--backup-dir", str(self._options.backup_dir)]
        if self._options.users_config is not None:
            arguments += ["--users-config", str(self._options.users_config)]
        if not self._options.fsync:
            arguments.append("--no-fsync")
        if self._options.query_log:
            arguments.append("--query-log")
        arguments += ["--memory-share", str(self._options.memory_share)]
        if self._die_with_parent:
            arguments.append("--die-with-parent")
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        with (self.data_dir / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, PASSWORD_VARIABLE: self.password, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C in a terminal is its parent's to handle
            )
        try:
            self._await_ready(self._process, timeout)
        except BaseException:
            self.stop(timeout=0)
            raise
        return self

    def _await_ready(self, process: subprocess.Popen[bytes], timeout: float) -> None:
        assert process.stdout is not None
        deadline = time.monotonic() + timeout
        while True:
            readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise EngineFailed(
                    f"the engine did not answer within {timeout:.0f} s",
                    where=str(self.data_dir),
                    hint="see engine.log there",
                )
            line = process.stdout.readline()
            if not line:
                break
            with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
                self.port = int(msgspec.json.decode(line)["port"])
                return
        status = process.wait()
        if status == IN_USE:
            raise EngineInUse(
                "another engine process has this data directory open",
                where=str(self.data_dir),
                hint="stop that process, connect to it instead, or choose another directory",
            )
        raise EngineFailed(
            f"the engine ended with status {status} while starting",
            where=str(self.data_dir),
            hint="see engine.log there",
        )

    def stop(self, timeout: float = 15.0) -> None:
        """End it: SIGTERM, and SIGKILL when it has not ended within ``timeout`` seconds. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.stop(0)

    def __enter__(self) -> EngineProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
