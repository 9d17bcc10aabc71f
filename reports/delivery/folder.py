"""To a folder: each file appears whole or not at all, with checksums beside them as the last one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from reports.delivery.content import SUMS, Bundle, NotDelivered
from reports.schedule.config import FolderPlace


def write_whole(path: Path, content: bytes, mode: int = 0o640) -> None:
    """Write a file so that at any moment, also after a power failure, it is the old or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def to_folder(place: FolderPlace, bundle: Bundle) -> str:
    """Deliver; returns where to. A file that is there already, byte for byte, is not written again.

    The folder itself must exist: one that is not mounted must not be made on the wrong disk. Raises NotDelivered.
    """
    if not place.path.is_dir():
        raise NotDelivered(
            "the folder of the destination does not exist", again=False, where=place.name, hint="make or mount it"
        )
    target = place.path / bundle.place
    try:
        for leftover in target.rglob(".partial-*") if target.is_dir() else ():
            leftover.unlink(missing_ok=True)
        for file in bundle.parcel.files:
            path = target / file.path
            if not (path.is_file() and path.stat().st_size == file.size and _sha256(path) == file.sha256):
                write_whole(path, (bundle.root / file.path).read_bytes())
        write_whole(target / SUMS, bundle.sums)
    except OSError as error:
        raise NotDelivered(
            f"can't be written: {error.strerror}", again=True, where=place.name, hint="check rights and free space"
        ) from error
    return bundle.place


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
