"""One process at a time: a lock that the operating system drops with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import XuejingError


@contextmanager
def alone(path: Path, wait: float, busy: XuejingError) -> Iterator[None]:
    """Alone for the time of the block; the file and its folder are made. Raises ``busy`` when another process has the
    lock for longer than ``wait`` seconds."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise busy from None
                time.sleep(0.1)
        yield
    finally:
        os.close(fd)
