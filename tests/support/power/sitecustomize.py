"""First on PYTHONPATH of a process: each fsync is noted with the length that is safe by it, once it is.

``SYNCED_LOG`` names the file of notes. What a file has beyond its last note is gone when the power fails.
"""

import os
import time

_notes = os.environ.get("SYNCED_LOG")
if _notes:
    _handle = os.open(_notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    _fsync = os.fsync

    def _noted(fd: int) -> None:
        length = os.fstat(fd).st_size  # what is written meanwhile need not be in it
        time.sleep(0.005)  # a slow disk: more is written and not yet safe
        _fsync(fd)
        path = os.readlink(f"/proc/self/fd/{fd}")
        os.write(_handle, f"{length}\t{path}\n".encode())

    os.fsync = _noted
