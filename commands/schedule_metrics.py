"""What schedules tell Prometheus: in a file for node_exporter's textfile collector, or at the daemon's ``/metrics``."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from reports.delivery.folder import write_whole
from reports.schedule.config import Job, Schedule
from reports.schedule.due import next_times
from reports.schedule.manifest import OPEN, Manifest

from .schedule_state import StateFolder


def collect(schedule: Schedule, state: StateFolder, now: datetime) -> bytes:
    """The text. Names of jobs and destinations are labels; nothing else of the reports is told.

    The label is ``schedule``: ``job`` is Prometheus' own.
    """
    registry = CollectorRegistry()
    round_at = Gauge("xuejing_schedule_last_round_timestamp_seconds", "When schedules were last looked at",
                     registry=registry)  # fmt: skip
    round_at.set(time.time())
    success = Gauge("xuejing_schedule_last_success_timestamp_seconds",
                    "When a run of the job was last delivered everywhere", ["schedule"], registry=registry)  # fmt: skip
    due = Gauge(
        "xuejing_schedule_next_due_timestamp_seconds", "When the job is due next", ["schedule"], registry=registry
    )
    unfinished = Gauge("xuejing_schedule_open_runs", "Runs that are not finished", ["schedule"], registry=registry)
    deliveries = Gauge("xuejing_schedule_deliveries", "Deliveries of the job's newest run by state",
                       ["schedule", "destination", "state"], registry=registry)  # fmt: skip
    for job in schedule.jobs:
        found = state.manifests(job.name)
        _of_job(job, found, success, unfinished, deliveries)
        for moment in next_times(job, now, 1):
            due.labels(job.name).set(moment.timestamp())
    return generate_latest(registry)


def _of_job(job: Job, found: Iterable[Manifest], success: Gauge, unfinished: Gauge, deliveries: Gauge) -> None:
    runs = list(found)
    unfinished.labels(job.name).set(sum(m.open for m in runs))
    whole = [m for m in runs if m.done_at and m.parcels and not m.failed]
    success.labels(job.name).set(max((m.done_at.timestamp() for m in whole if m.done_at), default=0))
    for name in job.destinations:
        for state in ("delivered", "open", "given_up"):
            deliveries.labels(job.name, name, state).set(0)
    for delivery in runs[-1].deliveries if runs else ():
        state = "open" if delivery.state in OPEN else delivery.state
        deliveries.labels(job.name, delivery.destination, state).inc()


def write(path: Path, schedule: Schedule, state: StateFolder, now: datetime) -> None:
    """Write the file whole: the collector may read at any moment. Raises OSError, InputError."""
    write_whole(path, collect(schedule, state, now), 0o644)
