"""The record of one due time of one job: what was planned, what was made, what was delivered where.

planned → made → done. A delivery is waiting until it is delivered; withheld and dropped are final too; what failed
is tried again later, until it is given up. Everything here is a value: writing it down is ``commands.schedule_state``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from reports.data import Period
from reports.schedule.config import NAMED, Job, Selection
from reports.schedule.periods import Term, resolve
from schemas.errors import XuejingError

FORMAT = 1
MOST_ATTEMPTS_KEPT = 50
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)

RunState = Literal["planned", "made", "done"]
DeliveryState = Literal["waiting", "failed", "delivered", "withheld", "dropped", "given_up"]
OPEN = ("waiting", "failed")


class MadeFile(msgspec.Struct, frozen=True):
    """A file of a parcel: its path below the parcel's folder, bytes and SHA-256 (hex)."""

    path: str
    size: int
    sha256: str


class Parcel(msgspec.Struct, frozen=True):
    """The files about one organisation. ``folder`` is below that of the run; ``above``: organisations over it.

    ``reports``: how many evaluation reports; ``named``: whether names or personal records are in the files.
    """

    organisation: str
    title: str
    folder: str
    above: tuple[str, ...]
    named: bool
    reports: int
    files: tuple[MadeFile, ...]


class Attempt(msgspec.Struct, frozen=True):
    """One try. ``error`` is empty when it worked; else it, ``where`` and ``hint`` are the error's. No secrets."""

    at: datetime
    error: str = ""
    where: str = ""
    hint: str = ""

    @classmethod
    def of(cls, at: datetime, error: XuejingError | OSError | None = None) -> Attempt:
        """A try that worked, or the error with which it ended."""
        if isinstance(error, XuejingError):
            return cls(at, error.what, error.where, error.hint)
        return cls(at, f"{error.strerror or error}", str(error.filename or "")) if error else cls(at)

    @property
    def trouble(self) -> XuejingError:
        """The error again."""
        return XuejingError(self.error, where=self.where, hint=self.hint)


class Delivery(msgspec.Struct):
    """One thing to bring to one destination: a parcel (by ``organisation``), or a notice about the whole run.

    ``recipient``: digest of the address where a destination has several. ``reference`` identifies it for the
    receiver (Message-ID of a mail, place in a folder or bucket).
    """

    destination: str
    organisation: str = ""
    recipient: str = ""
    state: DeliveryState = "waiting"
    attempts: list[Attempt] = []
    tries: int = 0
    not_before: datetime | None = None
    reference: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the others of its run."""
        return self.destination, self.organisation, self.recipient

    def tried(self, at: datetime, error: XuejingError | None = None) -> None:
        """Record a try."""
        self.tries += 1
        self.attempts = [*self.attempts, Attempt.of(at, error)][-MOST_ATTEMPTS_KEPT:]
        self.state = "failed" if error else "delivered"
        self.not_before = None

    def rest(self, now: datetime) -> None:
        """After a run's tries all failed: the next one waits, twice as long each time."""
        self.not_before = now + waiting_time(self.tries)


def waiting_time(tries: int) -> timedelta:
    """How long to leave alone what failed so many times: minutes at first, hours at last."""
    return min(FIRST_WAIT * (1 << min(tries // 3, 12)), LONGEST_WAIT)


class Plan(msgspec.Struct, frozen=True):
    """What to make, fixed when it was planned: a crash between resumes the same, whatever the file says then."""

    report: str
    first: date
    last: date
    label: str
    organisations: tuple[str, ...]
    include: str
    members: tuple[str, ...]
    exam: str
    course: str
    formats: tuple[str, ...]
    languages: tuple[str, ...]
    title: str
    issue: bool = False
    """whether what is made is entered in the register of issued reports"""

    @property
    def period(self) -> Period:
        """Local days."""
        return Period(self.first, self.last)

    @property
    def named(self) -> bool:
        """Whether names or personal records may be in its files."""
        return self.report in NAMED


class Manifest(msgspec.Struct):
    """See the module. Instants are UTC; ``cut_off`` is that of the data: when making began.

    ``missing``: formats that the machine could not make, and why; the others were made.
    """

    job: str
    due: datetime
    planned_at: datetime
    plan: Plan
    state: RunState = "planned"
    parcels: tuple[Parcel, ...] = ()
    missing: tuple[Attempt, ...] = ()
    deliveries: list[Delivery] = []
    making: list[Attempt] = []
    not_before: datetime | None = None
    cut_off: datetime | None = None
    made_at: datetime | None = None
    done_at: datetime | None = None
    format: int = FORMAT

    @property
    def open(self) -> bool:
        """Whether there is anything left to do."""
        return self.state != "done"

    @property
    def failed(self) -> list[Delivery]:
        """Deliveries that did not work, so far or for good."""
        return [d for d in self.deliveries if d.state in ("failed", "given_up")]

    @property
    def broken(self) -> bool:
        """Whether there are no files, because the last try to make them failed; also when it was given up."""
        return not self.parcels and bool(self.making and self.making[-1].error)

    @property
    def files(self) -> int:
        """Number of files made."""
        return sum(len(p.files) for p in self.parcels)

    def settle(self, now: datetime) -> None:
        """Close the run when no delivery is open."""
        if self.state == "made" and not any(d.state in OPEN for d in self.deliveries):
            self.state, self.done_at = "done", now

    def give_up(self, now: datetime, days: int) -> None:
        """What has not worked ``days`` after the run was planned is left alone."""
        if now - self.planned_at < timedelta(days=days):
            return
        for delivery in self.deliveries:
            if delivery.state in OPEN:
                delivery.state = "given_up"
        if self.state == "planned":
            self.state, self.done_at = "done", now
        self.settle(now)


def plan(job: Job, due: datetime, now: datetime, terms: tuple[Term, ...]) -> Manifest:
    """The manifest of a run that begins now. Raises ReportError when the period can't be told."""
    named = resolve(job.period, due.astimezone(job.zone).date(), terms)
    scope: Selection = job.scope
    return Manifest(
        job=job.name,
        due=due.astimezone(UTC),
        planned_at=now.astimezone(UTC),
        plan=Plan(
            report=job.report,
            first=named.period.first,
            last=named.period.last,
            label=named.label,
            organisations=scope.organisations,
            include=scope.include,
            members=scope.members,
            exam=job.exam,
            course=job.course,
            formats=job.formats,
            languages=job.languages,
            title=job.title,
            issue=job.issue,
        ),
    )


def encode(manifest: Manifest) -> bytes:
    """JSON for a person and for ``decode``."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode(content: bytes) -> Manifest:
    """The manifest. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return msgspec.json.decode(content, type=Manifest)
