"""A gate between batches: while it is closed, no worker of the embedded store is in the middle of one.

A backup is taken behind it, so that archive, figures and ledger are those of whole batches. Two files, locked by the
operating system, so that a process that dies leaves nothing locked: who wants in passes the gate first, and cannot
overtake a backup that waits.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Gate:
    """The gate of a store's folder, which must exist."""

    def __init__(self, folder: Path) -> None:
        self._gate, self._room = folder / "gate.lock", folder / "batch.lock"

    @contextmanager
    def batch(self) -> Iterator[None]:
        """For the time of a batch; waits while the gate is closed."""
        with _locked(self._gate, fcntl.LOCK_SH) as gate:
            room = _lock(self._room, fcntl.LOCK_SH)
            fcntl.flock(gate, fcntl.LOCK_UN)
            try:
                yield
            finally:
                os.close(room)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Waits for the batches in hand; none begins during the block."""
        with _locked(self._gate, fcntl.LOCK_EX), _locked(self._room, fcntl.LOCK_EX):
            yield


def _lock(path: Path, kind: int) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, kind)
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    fd = _lock(path, kind)
    try:
        yield fd
    finally:
        os.close(fd)
