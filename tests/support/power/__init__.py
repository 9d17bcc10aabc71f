"""A power cut for the files of a folder: what was not synced is lost, in part or as zeros."""

from __future__ import annotations

import random
from pathlib import Path

SHIM = Path(__file__).parent
"""To be put first on PYTHONPATH, with ``SYNCED_LOG`` in the environment."""


def cut(folder: Path, notes: Path, chance: random.Random) -> int:
    """Take from each file of the folder what was not synced: all of it, the end of it, or its content but not its
    length. The number of bytes that were at stake."""
    safe: dict[Path, int] = {}
    for line in notes.read_text().splitlines():
        length, _, path = line.partition("\t")
        safe[Path(path)] = int(length)
    lost = 0
    for path in folder.iterdir():
        keep, there = safe.get(path.resolve(), 0), path.stat().st_size
        if there <= keep:
            continue
        lost += there - keep
        content = path.read_bytes()
        middle = chance.randrange(keep, there)
        left = chance.choice([content[:keep], content[:middle], content[:keep] + bytes(there - keep)])
        path.write_bytes(left)
    return lost
