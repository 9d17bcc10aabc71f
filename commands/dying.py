"""For child processes: to end with the parent, however it ends."""

from __future__ import annotations

import os
import signal


def watch_stdin() -> None:
    """Read standard input until it closes, then ask this process to stop. For a thread of its own."""
    # Not sys.stdin: a thread inside its buffer would hinder the interpreter's end.
    while os.read(0, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
