"""Reports that are made while the client does something else: bounded, one at a time, each its owner's alone."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Literal

from reports.formats.archive import EPOCH
from schemas.errors import XuejingError

log = logging.getLogger(__name__)
State = Literal["waiting", "running", "done", "failed"]
Make = Callable[[Path], Mapping[str, str]]
"""Writes a report into a folder; returns path → SHA-256 of each file."""
Now = Callable[[], datetime]
UNFINISHED: frozenset[State] = frozenset({"waiting", "running"})


class Full(Exception):
    """No further job is taken for the moment."""


@dataclass
class Job:
    """One report. ``archive``: the finished ZIP; ``files``: what is in it; ``error``: why it failed, None where that is
    not for the client to know."""

    id: str
    owner: str
    kind: str
    subject: str
    created_at: datetime
    state: State = "waiting"
    finished_at: datetime | None = None
    archive: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    error: XuejingError | None = None


class Jobs:
    """The jobs of one process. ``most``: unfinished ones in all; ``most_each``: jobs of one owner, finished ones that
    were not deleted yet included; ``keep``: how long a finished one stays. Safe to use from several threads."""

    def __init__(self, *, most: int = 16, most_each: int = 4, keep: timedelta, now: Now = lambda: datetime.now(UTC)):
        self.most, self.most_each, self.keep, self.now = most, most_each, keep, now
        self.folder = Path(tempfile.mkdtemp(prefix="xuejing-api-"))
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()
        # Reports take all of a processor and much memory: one at a time leaves room for questions.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="report")

    def start(self, owner: str, kind: str, subject: str, make: Make) -> Job:
        """Queue a report. Raises Full."""
        self.sweep()
        job = Job(secrets.token_urlsafe(16), owner, kind, subject, self.now())
        with self._lock:
            waiting = sum(j.state in UNFINISHED for j in self._jobs.values())
            if waiting >= self.most or sum(j.owner == owner for j in self._jobs.values()) >= self.most_each:
                raise Full
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, make)
        return job

    def get(self, owner: str, job_id: str) -> Job | None:
        """The owner's job of that id; None also where it is somebody else's."""
        self.sweep()
        with self._lock:
            job = self._jobs.get(job_id)
        return job if job is not None and job.owner == owner else None

    def of(self, owner: str) -> list[Job]:
        """The owner's jobs, the oldest first."""
        self.sweep()
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def delete(self, job: Job) -> bool:
        """Forget a finished job and its files; False for one that is not finished."""
        if job.state in UNFINISHED:
            return False
        with self._lock:
            self._jobs.pop(job.id, None)
        if job.archive is not None:
            job.archive.unlink(missing_ok=True)
        return True

    def expires(self, job: Job) -> datetime | None:
        """When a finished job is forgotten."""
        return job.finished_at + self.keep if job.finished_at else None

    def sweep(self) -> None:
        """Forget what has been kept long enough."""
        now = self.now()
        with self._lock:
            old = [j for j in self._jobs.values() if j.finished_at and now >= j.finished_at + self.keep]
        for job in old:
            self.delete(job)

    def close(self) -> None:
        """Finish what is being made, drop what waits, delete every file."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, job: Job, make: Make) -> None:
        job.state = "running"
        work = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            files = make(work)
            job.archive, job.files = pack(work, files, self.folder / f"{job.id}.zip"), files
            state: State = "done"
        except XuejingError as error:
            job.error, state = error, "failed"
        except Exception:
            log.exception("job %s failed", job.id)
            state = "failed"
        finally:
            shutil.rmtree(work, ignore_errors=True)
        job.finished_at = self.now()
        job.state = state  # last: who sees "done" sees the archive too


def pack(folder: Path, files: Mapping[str, str], archive: Path) -> Path:
    """The files of a folder as a ZIP archive without times, so that the same report gives the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            with (folder / name).open("rb") as source, out.open(info, "w") as target:
                shutil.copyfileobj(source, target)
    return archive
