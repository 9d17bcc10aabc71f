"""The folder in which schedules remember: one folder for each due time, a lock that no crash leaves behind.

``runs/JOB/TIME/manifest.json`` is the record, ``files/`` beside it what was made. Whoever can read the folder can read
the reports: it is made for its owner alone.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from reports.delivery.folder import sync_folder, write_whole
from reports.schedule.manifest import FORMAT, Manifest, Parcel, decode, encode
from schemas.errors import InputError, XuejingError

from .alone import alone

MANIFEST, FILES, PARTIAL = "manifest.json", "files", "files.partial"


class ScheduleBusy(XuejingError):
    """Another process works on the same schedules."""


class StateFolder:
    """Reads and writes manifests; every write is whole and durable. Raises OSError when the disk does not play."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self, wait: float = 0.0) -> Iterator[None]:
        """Alone for the time of the block. The operating system drops the lock with the process, however it ends.

        Raises ScheduleBusy when another process has it for longer than ``wait`` seconds.
        """
        busy = ScheduleBusy(
            "another process works on these schedules",
            where=str(self.folder),
            hint="let it finish, or wait for it with --wait SECONDS",
        )
        with alone(self.folder / "lock", wait, busy):
            yield

    def run(self, job: str, due: datetime) -> Path:
        """The folder of one due time."""
        return self.folder / "runs" / job / due.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")

    def files(self, manifest: Manifest) -> Path:
        """The folder of what was made."""
        return self.run(manifest.job, manifest.due) / FILES

    def save(self, manifest: Manifest) -> None:
        """Write the manifest down."""
        write_whole(self.run(manifest.job, manifest.due) / MANIFEST, encode(manifest), 0o600)

    def load(self, job: str, due: datetime) -> Manifest | None:
        """The manifest of one due time, None when there is none. Raises InputError when it can't be read."""
        path = self.run(job, due) / MANIFEST
        return self._read(path) if path.is_file() else None

    def manifests(self, job: str) -> list[Manifest]:
        """All of a job, oldest first. Raises InputError when one can't be read."""
        return [self._read(p) for p in sorted((self.folder / "runs" / job).glob(f"*/{MANIFEST}"))]

    def _read(self, path: Path) -> Manifest:
        try:
            found = decode(path.read_bytes())
        except (msgspec.DecodeError, OSError) as error:
            raise InputError(
                f"the record of a run can't be read: {error}",
                where=str(path),
                hint="restore it from a backup, or move its folder away: the run is then made and delivered again",
            ) from None
        if found.format != FORMAT:
            raise InputError("the record of a run is of another program version", where=str(path), hint="update first")
        return found

    @contextmanager
    def making(self, manifest: Manifest) -> Iterator[Path]:
        """An empty folder to make files in; it becomes that of the run when the block ends without an error."""
        run = self.run(manifest.job, manifest.due)
        partial, final = run / PARTIAL, run / FILES
        for leftover in (partial, final):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        yield partial
        for folder in [partial, *(p for p in partial.rglob("*") if p.is_dir())]:
            sync_folder(folder)
        partial.rename(final)
        sync_folder(run)

    def intact(self, manifest: Manifest) -> bool:
        """Whether every file of the manifest is there, byte for byte."""
        return all(_whole(self.files(manifest) / parcel.folder, parcel) for parcel in manifest.parcels)

    def forget(self, manifest: Manifest, now: datetime, days: int) -> bool:
        """Delete the files of a run that was done ``days`` ago; its record stays. Whether there were any."""
        files = self.files(manifest)
        if manifest.done_at is None or now - manifest.done_at < timedelta(days=days) or not files.is_dir():
            return False
        shutil.rmtree(files)
        return True


def _whole(folder: Path, parcel: Parcel) -> bool:
    for file in parcel.files:
        path = folder / file.path
        if not path.is_file() or path.stat().st_size != file.size:
            return False
        with path.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                return False
    return True
