"""Which runs are to be worked on now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from reports.schedule.config import Job
from reports.schedule.cron import times_after, times_between
from reports.schedule.manifest import Manifest


def begin(job: Job) -> datetime:
    """The instant before the first due time can be: the local midnight that begins ``start``, less a moment."""
    return datetime.combine(job.start, time(), job.zone) - timedelta(microseconds=1)


def due_times(job: Job, now: datetime, known: Iterable[Manifest]) -> list[datetime]:
    """Due times of runs that are new or not finished, oldest first, in UTC.

    New: those of the newest ``catch_up`` due times up to ``now`` that have no manifest; older ones that were missed
    are left out for good. A run that was begun is finished, however old.
    """
    mine = {m.due: m for m in known if m.job == job.name}
    wanted = set(times_between(job.cron, job.zone, begin(job), now, job.catch_up)) - mine.keys()
    return sorted(wanted | {due for due, manifest in mine.items() if manifest.open})


def next_times(job: Job, now: datetime, count: int) -> list[datetime]:
    """The next ``count`` due times after ``now``, in UTC."""
    found: list[datetime] = []
    for moment in times_after(job.cron, job.zone, max(now, begin(job))):
        if len(found) == count:
            break
        found.append(moment)
    return found
