"""One process at a time has a data directory: a lock that the operating system drops with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from sinks.embedded.errors import EngineInUse

LOCK_NAME = "engine.lock"


class DataDirLock:
    """Advisory lock on ``data_dir``; use as a context manager.

    Raises EngineInUse, with the other process's id, when it is taken.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / LOCK_NAME
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, creating the directory."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip()
            os.close(fd)
            raise EngineInUse(
                "another engine process has this data directory open" + (f" (process {holder})" if holder else ""),
                where=str(self.path.parent),
                hint="stop that process, connect to it instead, or choose another directory",
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd

    def release(self) -> None:
        """Drop the lock; the file stays, for removing it would race with a process that waits for it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> DataDirLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
