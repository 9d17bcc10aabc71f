"""``--compare``: what changed in a report since another moment, as files beside it and as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reports.changes.compare import Changes
from reports.changes.made import changes_of, data, lines, page
from reports.context.group import Groups
from reports.errors import ReportError
from reports.issued.register import Series
from reports.paths import page_name
from reports.site import Site
from schemas.days import LocalDays
from schemas.settings import Settings
from sinks.as_of import archived_between
from sinks.client import Store
from sinks.read import Scope

from .issuing import Made, Wanted, contained, made_at


@dataclass(frozen=True)
class Earlier:
    """The report as of another moment."""

    made: Made
    site: Site


def earlier(settings: Settings, store: Store, wanted: Wanted, text: str, made: Made, site: Site) -> Earlier:
    """The report that ``site`` is about to write (from ``made``), as of the moment ``text``. Writes nothing.

    Raises ReportError for reports that are many in one run, InputError for a moment without figures.
    """
    if wanted.kind not in ("member", "group"):
        raise ReportError(
            "one report is compared at a time", where="--compare", hint="name a member or an organisation"
        )
    period = made.data.period
    then = made_at(
        settings, store, Wanted(wanted.kind, wanted.subject, wanted.content, period.first, period.last), text
    )
    scope = Scope.own(wanted.subject) if wanted.kind == "member" else Scope.everything()
    before = Site(
        then.data, scope, site.folder, wanted.content, site.languages, site.formats, site.policy.k, alone=True
    )
    known, now = (s.stems if wanted.kind == "group" else s.member_stems for s in (before, site))
    # Who is in neither is told by the command itself.
    if wanted.subject in now and wanted.subject not in known:
        raise ReportError(f"{wanted.subject!r} was not in the roster at that moment", where="--compare")
    return Earlier(then, before)


def compared(store: Store, wanted: Wanted, earlier: Earlier, made: Made, site: Site) -> Changes:
    """The report that ``site`` has written (from ``made``) against an earlier one."""
    then, before = earlier.made, earlier.site
    period = made.data.period
    series = Series(wanted.kind, wanted.subject, wanted.content, period)
    people = contained(series, then.data, then.snapshot) | contained(series, made.data, made.snapshot)
    first, last = sorted((then.data.as_of, made.data.as_of))
    _, end = LocalDays(made.data.timezone).span(period.first, period.last)
    archived = archived_between(store, first, last, _instant(end), people)
    return changes_of(
        then.data,
        made.data,
        (_context(before, wanted), _context(site, wanted)),
        org=wanted.subject if wanted.kind == "group" else "",
        k=site.policy.k,
        archived=archived,
    )


def _instant(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _context(site: Site, wanted: Wanted) -> Any:
    if wanted.kind == "member":
        ((_, report),) = site.member_reports([wanted.subject])
        return report
    groups = Groups(site.data, site.populations, site.deliveries, site.content, site.policy)
    return groups.report(wanted.subject)


def write(changes: Changes, site: Site, wanted: Wanted) -> list[Path]:
    """Write the comparison beside the report, in its languages; returns the files."""
    stem = (site.stems if wanted.kind == "group" else site.member_stems)[wanted.subject] + ".changes"
    written = []
    for language, renderer in site.renderers.items():
        other = next((page_name(stem, o).rpartition("/")[2] for o in site.languages if o != language), "")
        for path, content in (
            (page_name(stem, language), page(changes, renderer, other)),
            (page_name(stem, language, "json"), data(changes, renderer.words)),
            (page_name(stem, language, "txt"), "\n".join([*lines(changes, renderer.words), ""]).encode()),
        ):
            target = site.folder / path
            target.write_bytes(content)
            written.append(target)
    return written
