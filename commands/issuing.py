"""Reports as of a moment: issued ones from their snapshot, others from the archive; and issuing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo

import polars as pl

from reports.data import Content, ReportData
from reports.issued.register import Issued, Register, Series
from reports.issued.source import Recorded, Snapshot, Source
from reports.load import period_of, recorded, signed
from reports.provenance import Edition, Reason
from schemas.credit import CreditPolicy
from schemas.errors import InputError, XuejingError
from schemas.metrics import METRICS_VERSION
from schemas.settings import Settings
from sinks.client import Store
from sinks.corrections import contested
from sinks.read import Reader, Scope

from .alone import alone
from .as_of import parse_moment, reader_at

QUIET = timedelta(seconds=30)
"""So long after the last event was archived, the rows that follow from it have been written."""


CONTESTED = "contested"
"""Frame of a snapshot with the members whose requests for correction waited for a decision."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which report. ``kind``: member, group, exam, all; days that are None are those of the data; ``purpose``: what it
    is for, as it says."""

    kind: str
    subject: str
    content: Content
    first: date | None = None
    last: date | None = None
    purpose: str = ""

    @property
    def member(self) -> str | None:
        """The member whose records alone are read."""
        return self.subject if self.kind == "member" else None


@dataclass(frozen=True)
class Made:
    """What a report is made from. ``issued``: the version that it stands for, or the entry that is still to be
    written (``new``)."""

    data: ReportData
    snapshot: Snapshot
    issued: Issued | None = None
    new: bool = False

    def option(self, name: str, otherwise: str) -> str:
        """How the report was asked for when it was issued."""
        return self.snapshot.options.get(name, otherwise)


def made_now(settings: Settings, store: Store, wanted: Wanted, now: datetime) -> Made:
    """From the store as it is."""
    return _made(settings, Reader(store), wanted, now, contested(store, now))


def made_at(settings: Settings, store: Store, wanted: Wanted, text: str) -> Made:
    """As of the moment that a person wrote (see ``parse_moment``): what was issued then, else from the archive.

    Raises InputError for a moment that has not come, or can't be computed any more.
    """
    reader = Reader(store)
    between = parse_moment(text, ZoneInfo(reader.generation().timezone))
    found = Register(store).find(wanted.kind, wanted.subject, wanted.content, wanted.first, wanted.last, between)
    if found is not None:
        return reproduced(Register(store), found)
    if between[0] > datetime.now(UTC):
        raise InputError(f"{text} has not come yet", where="--as-of")
    return computed_at(settings, store, wanted, between[0])


def reproduced(register: Register, issued: Issued) -> Made:
    """A version from what it was made from. Raises ReportError when that was erased or is damaged."""
    snapshot = register.snapshot(issued)
    edition = issued.edition(ZoneInfo(snapshot.generation.timezone))
    return Made(data_of(issued, snapshot, edition, issued.data_hash), snapshot, issued)


def data_of(issued: Issued, snapshot: Snapshot, edition: Edition | None = None, data_hash: str = "") -> ReportData:
    """What a snapshot gives for the subject, period and cut-off of an issued report; see ``recorded``."""
    credit = snapshot.options.get("credit")
    data = recorded(
        Recorded(snapshot),
        Scope.everything(),
        issued.series.period,
        member=issued.series.subject if issued.series.kind == "member" else None,
        as_of=issued.cut_off,
        before=snapshot.options["before"] == "yes",
        edition=edition,
        data_hash=data_hash,
        credit=CreditPolicy.from_json(credit) if credit else None,
    )[0]
    kept = snapshot.frames.get(CONTESTED)
    waiting = frozenset() if kept is None else frozenset(kept["member_id"])
    found = signed(data, snapshot.options.get("made_by", ""), snapshot.options.get("purpose", ""))
    return replace(found, contested=waiting)


def computed_at(settings: Settings, store: Store, wanted: Wanted, moment: datetime) -> Made:
    """From the archive as of a moment (aware)."""
    # Without days the period is that of everybody's data.
    only = {wanted.subject} if wanted.kind == "member" and wanted.first and wanted.last else None
    with reader_at(settings, store, moment, only) as reader:
        return _made(settings, reader, wanted, moment, contested(store, moment))


def _made(
    settings: Settings, reader: Source, wanted: Wanted, moment: datetime, waiting: frozenset[str] = frozenset()
) -> Made:
    everything, before = Scope.everything(), wanted.first is not None
    period = period_of(reader, everything, first=wanted.first, last=wanted.last, member=wanted.member, as_of=moment)
    credit = CreditPolicy.of(settings.credit_rules, settings.shown_families)
    data, snapshot = recorded(
        reader, everything, period, member=wanted.member, as_of=moment, before=before, credit=credit
    )
    options = {
        "before": "yes" if before else "no", "credit": credit.to_json(), "made_by": settings.made_by,
        "purpose": wanted.purpose,
    }  # fmt: skip
    # Kept with the rest, so that the report can be made again, and behind its hash: no figure depends on it.
    waiting &= snapshot.members()
    frames = {**snapshot.frames, CONTESTED: pl.DataFrame({"member_id": sorted(waiting)}, {"member_id": pl.String})}
    found = replace(signed(data, settings.made_by, wanted.purpose), contested=waiting)
    return Made(found, replace(snapshot, frames=frames, options=options))


class IssuingBusy(XuejingError):
    """Another process issues reports."""


def one_issues(settings: Settings, wait: float = 600.0) -> AbstractContextManager[None]:
    """From ``to_issue`` to ``register_version`` no other process with this data folder issues, so that versions are
    given once; waits for it. Raises IssuingBusy. Processes on other machines are told by ``Register.add``."""
    busy = IssuingBusy(
        "another process is issuing reports", where=str(settings.folder), hint="let it finish, then issue again"
    )
    return alone(settings.folder / "issue.lock", wait, busy)


def to_issue(
    settings: Settings, store: Store, wanted: Wanted, reason: Reason | None, options: Mapping[str, str], at: str | None
) -> Made:
    """What a new version is made from, with its entry (not written yet). ``at``: its cut-off, by default now."""
    if at is not None:
        made = made_at(settings, store, wanted, at)
        made = replace(made, snapshot=_with(made.snapshot, options))
    else:
        made = settled(settings, store, wanted, options, datetime.now(UTC))
    series = Series(wanted.kind, wanted.subject, wanted.content, made.data.period)
    return versioned(Register(store), series, made, reason)


def settled(settings: Settings, store: Store, wanted: Wanted, options: Mapping[str, str], cut_off: datetime) -> Made:
    """What was archived by a cut-off that has just been, for versions of one report or of several."""
    quick = made_now(settings, store, wanted, cut_off) if _quiet(store, cut_off - QUIET) else None
    # Otherwise rows may lag behind the archive, or some were read before and some after a change.
    found = quick if quick is not None and _quiet(store, cut_off) else None
    made = found or computed_at(settings, store, wanted, cut_off)
    return replace(made, snapshot=_with(made.snapshot, options))


def _with(snapshot: Snapshot, options: Mapping[str, str]) -> Snapshot:
    return replace(snapshot, options={**snapshot.options, **options})


def versioned(register: Register, series: Series, made: Made, reason: Reason | None) -> Made:
    """The same as the next version of a report, which it will say about itself."""
    earlier = register.versions(series)
    data, provenance = made.data, made.data.provenance
    assert provenance is not None
    issued = Issued(
        series=series,
        version=max((i.version for i in earlier), default=0) + 1,
        cut_off=data.as_of.astimezone(UTC),
        issued_at=datetime.now(UTC),
        reason=reason or ("update" if earlier else "first"),
        rules=rules_of(data),
        program=program_version(),
        data_hash=provenance.data_hash,
    )
    named = replace(provenance, edition=issued.edition(data.zone))
    return Made(replace(data, provenance=named), made.snapshot, issued, new=True)


def _quiet(store: Store, since: datetime) -> bool:
    """Whether nothing was archived after a moment."""
    ((count,),) = store.rows(
        "SELECT count() FROM events WHERE archived_at > fromUnixTimestamp64Micro({t:Int64}, 'UTC')",
        {"t": round(since.timestamp() * 1_000_000)},
    )
    return not count


def register_version(store: Store, made: Made, files: Mapping[str, str]) -> Issued:
    """Write the entry of a new version, behind its files (path → SHA-256)."""
    assert made.issued is not None
    assert made.new
    entry = replace(made.issued, files=dict(files))
    return Register(store).add(entry, made.snapshot, contained(entry.series, made.data, made.snapshot))


def contained(series: Series, data: ReportData, snapshot: Snapshot) -> frozenset[str]:
    """Who is counted in a report: the member; or all who ever belonged to the organisation or below, or have a record
    there; or everybody."""
    if series.kind == "member":
        return frozenset({series.subject})
    if series.kind != "group":
        return snapshot.members()
    below, waiting = set(), [series.subject]
    while waiting:
        org = waiting.pop()
        if org not in below:
            below.add(org)
            waiting += [o.org_id for o in data.roster.organisations if o.parent_id == org]
    found = {m.member_id for m in data.roster.members if m.org_id in below}
    for frame in snapshot.frames.values():
        if {"member_id", "org_id"} <= set(frame.columns):
            there = frame.filter(pl.col("org_id").is_in(sorted(below)))["member_id"]
            found.update(there.unique())
    return frozenset(found)


def rules_of(data: ReportData) -> str:
    """Which rules the figures follow, as the report prints it."""
    return f"{data.generation}-{METRICS_VERSION}"


def program_version() -> str:
    """Version of this program."""
    try:
        return version("xuejing")
    except PackageNotFoundError:
        return "source"


def different(issued: Issued, files: Mapping[str, str]) -> list[str]:
    """Paths of files that are not, byte by byte, what was issued; those that were not issued don't count."""
    return sorted(path for path, digest in files.items() if issued.files.get(path, digest) != digest)
