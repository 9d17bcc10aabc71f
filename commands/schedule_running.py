"""Works on what is due: plans, makes, delivers, and writes down each step before the next begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

from reports.delivery.carry import carry
from reports.schedule.config import Job, Schedule
from reports.schedule.due import due_times
from reports.schedule.manifest import (
    MOST_ATTEMPTS_KEPT,
    OPEN,
    Attempt,
    Delivery,
    Manifest,
    Parcel,
    Plan,
    plan,
    waiting_time,
)
from schemas.errors import XuejingError

from .schedule_sending import agree, sender
from .schedule_state import StateFolder

Made = tuple[tuple[Parcel, ...], Sequence[XuejingError]]
"""Parcels, and why formats are missing."""
Make = Callable[[Plan, datetime, Path], Made]
Tell = Callable[[str, str], None]


class Status(IntEnum):
    """Exit status of ``run``; 1 and 2 mean what they mean for every command."""

    DONE = 0
    PARTLY = 3
    FAILED = 4
    NOTHING = 5
    BUSY = 6


@dataclass
class Result:
    """What a round has done. ``open``: runs of the round that are not finished, with what is wrong."""

    made: int = 0
    files: int = 0
    delivered: int = 0
    failed: int = 0
    withheld: int = 0
    runs: int = 0
    troubles: list[tuple[str, XuejingError]] = field(default_factory=list)
    wake: datetime | None = None
    """The earliest time at which something that failed is tried again."""

    @property
    def status(self) -> Status:
        """For monitoring."""
        if not self.failed:
            return Status.DONE
        return Status.PARTLY if self.delivered or self.made else Status.FAILED


class Runner:
    """One round over a schedule; the caller holds the lock of ``state``.

    ``pause`` waits and says whether to go on; ``stopping`` asks the same between steps.
    """

    def __init__(
        self,
        schedule: Schedule,
        state: StateFolder,
        make: Make,
        *,
        tell: Tell,
        pause: Callable[[float], bool],
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.schedule, self.state, self.make = schedule, state, make
        self.tell, self.pause, self.stopping, self.clock = tell, pause, stopping, clock
        self.result = Result()

    def due(self, jobs: Iterable[Job], *, at_once: bool = False) -> Result:
        """Everything that is due, oldest first. A job that fails does not stop the others."""
        for job in jobs:
            try:
                known = self.state.manifests(job.name)
                self._tidy(known)
                wanted = due_times(job, self.clock(), known)
            except XuejingError as error:
                self._trouble(job.name, error)
                continue
            for due in wanted:
                if self.stopping():
                    return self.result
                self.one(job, due, at_once=at_once)
        return self.result

    def one(self, job: Job, due: datetime, *, at_once: bool = False) -> None:
        """One due time, from wherever it stands. ``at_once``: what failed is tried again without waiting."""
        try:
            manifest = self.state.load(job.name, due)
            if manifest is None:
                manifest = plan(job, due, self.clock(), self.schedule.terms)
                self.state.save(manifest)
        except XuejingError as error:
            self._trouble(job.name, error)
            return
        if not manifest.open:
            return
        self.result.runs += 1
        if manifest.state == "made" and not self.state.intact(manifest):
            self.tell(f"{job.name}：文件已损坏，重新制作", f"{job.name}: files were damaged and are made again")
            manifest.state, manifest.parcels = "planned", ()
        if manifest.state == "planned":
            self._make(job, manifest, at_once)
        if manifest.state == "made":
            self._deliver(job, manifest, at_once)
        manifest.give_up(self.clock(), self.schedule.retry_days)
        manifest.settle(self.clock())
        self.state.save(manifest)
        self._count(job, manifest)

    def _make(self, job: Job, manifest: Manifest, at_once: bool) -> None:
        if self._waits(manifest.not_before, at_once):
            return
        cut_off = self.clock().replace(microsecond=0)
        try:
            with self.state.making(manifest) as folder:
                parcels, missing = self.make(manifest.plan, cut_off, folder)
        except (XuejingError, OSError) as error:
            manifest.making = [*manifest.making, Attempt.of(self.clock(), error)][-MOST_ATTEMPTS_KEPT:]
            manifest.not_before = self.clock() + waiting_time(3 * len(manifest.making))
            self.state.save(manifest)
            return
        manifest.making = [*manifest.making, Attempt(self.clock())][-MOST_ATTEMPTS_KEPT:]
        manifest.parcels, manifest.state, manifest.made_at = parcels, "made", self.clock()
        manifest.missing = tuple(Attempt.of(self.clock(), error) for error in missing)
        manifest.cut_off, manifest.not_before = cut_off, None
        self.state.save(manifest)
        self.result.made += 1
        self.result.files += manifest.files
        reports = sum(p.reports for p in parcels)
        self.tell(
            f"{job.name} {manifest.plan.label}：已制作报告 {reports} 份，文件 {manifest.files} 个",
            f"{job.name} {manifest.plan.label}: made {reports} reports, {manifest.files} files",
        )

    def _deliver(self, job: Job, manifest: Manifest, at_once: bool) -> None:
        agree(manifest, job, self.schedule.destinations)
        self.state.save(manifest)
        for delivery in manifest.deliveries:
            if delivery.state not in OPEN or self._waits(delivery.not_before, at_once):
                continue
            if self.stopping():
                return
            self._carry(job, manifest, delivery)

    def _carry(self, job: Job, manifest: Manifest, delivery: Delivery) -> None:
        run = f"{job.name}/{manifest.plan.label}.{manifest.due.astimezone(job.zone):%Y%m%dT%H%M}"
        send, attempts = sender(delivery, manifest, self.schedule.destinations, self.state.files(manifest), run)

        def tried(reference: str, error: XuejingError | None) -> None:
            delivery.tried(self.clock(), error)
            delivery.reference = reference
            self.state.save(manifest)

        if carry(send, attempts, tried, self.pause):
            self.result.delivered += 1
        else:
            delivery.rest(self.clock())
            self.state.save(manifest)

    def _waits(self, not_before: datetime | None, at_once: bool) -> bool:
        return not at_once and not_before is not None and self.clock() < not_before

    def _count(self, job: Job, manifest: Manifest) -> None:
        """Add what is wrong with a run to the result."""
        where = f"{job.name} {manifest.plan.label}"
        if manifest.broken:
            self._trouble(where, manifest.making[-1].trouble)
        self.result.withheld += sum(d.state == "withheld" for d in manifest.deliveries)
        for missing in manifest.missing:
            self._trouble(where, missing.trouble)
        for delivery in manifest.failed:
            place = " → ".join(part for part in (delivery.organisation, delivery.destination) if part)
            last = next((a for a in reversed(delivery.attempts) if a.error), Attempt(manifest.due))
            self._trouble(f"{where}, {place}", last.trouble)
        for moment in (manifest.not_before, *(d.not_before for d in manifest.deliveries if d.state == "failed")):
            if manifest.open and moment and (self.result.wake is None or moment < self.result.wake):
                self.result.wake = moment

    def _trouble(self, name: str, error: XuejingError) -> None:
        self.result.failed += 1
        self.result.troubles.append((name, error))

    def _tidy(self, known: Iterable[Manifest]) -> None:
        for manifest in known:
            self.state.forget(manifest, self.clock(), self.schedule.keep_days)
