"""For child processes: to end with the parent, however it ends."""

from __future__ import annotations

import os
import signal


def watch_stdin(*, at_once: bool = False) -> None:
    """Read standard input until it closes, then ask this process to stop. For a thread of its own.

    ``at_once``: end as a crash would, for a process that is safe from crashes anyway: the parent is gone without having
    asked, its successor waits for what this one holds, and the broker went with the parent.
    """
    # Not sys.stdin: a thread inside its buffer would hinder the interpreter's end.
    while os.read(0, 1 << 16):
        pass
    if at_once:
        os._exit(1)
    os.kill(os.getpid(), signal.SIGTERM)
