"""The head of every report: about whom, what and when, and what the figures rest on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from reports.data import Content, ReportData
from reports.figures import Figure
from reports.provenance import Provenance
from schemas.metrics import METRICS_VERSION
from schemas.reference import MEMBER_CATEGORIES, MEMBER_ROLES, ORGANISATION_KINDS, Choice, Roster, Text

NOBODY = Text("", "")


@dataclass(frozen=True, slots=True)
class Head:
    """``as_of`` is local. ``path``: names of the organisations from the top to the subject's own."""

    kind: str
    id: str
    name: str
    path: tuple[str, ...]
    first: date
    last: date
    content: str
    content_id: str
    content_title: Text
    as_of: datetime
    timezone: str
    rules: str
    events: Figure
    provenance: Provenance | None = None


def content_title(data: ReportData, content: Content) -> Text:
    """The course or exam that a report is about; all of them by default."""
    if content.kind == "course":
        return data.catalogue.course(content.id)
    if content.kind == "exam":
        return data.catalogue.exam(content.id)
    return Text("全部课程与考试", "All courses and exams")


def make_head(
    data: ReportData,
    content: Content,
    kind: str,
    id_: str,
    name: str,
    path: tuple[str, ...],
    events: int,
    members: Iterable[str] = (),
) -> Head:
    """The head; ``rules`` names the generation of the rows and the version of the definitions. ``members``: whom the
    report is about. Whether one of them waits for a correction is told, neither who nor how many."""
    provenance = data.provenance
    if provenance is not None and data.contested.intersection(members):
        provenance = replace(provenance, contested=True)
    return Head(
        kind=kind,
        id=id_,
        name=name or id_,
        path=path,
        first=data.period.first,
        last=data.period.last,
        content=content.kind,
        content_id=content.id,
        content_title=content_title(data, content),
        as_of=data.as_of.astimezone(data.zone),
        timezone=data.timezone,
        rules=f"{data.generation}-{METRICS_VERSION}",
        events=Figure("events", events),
        provenance=provenance,
    )


def _names(choices: tuple[Choice, ...]) -> dict[str, Text]:
    return {choice.code: choice.title for choice in choices}


CATEGORIES = _names(MEMBER_CATEGORIES)
ROLES = _names(MEMBER_ROLES)
KINDS = _names(ORGANISATION_KINDS)


def named(names: dict[str, Text], code: str) -> Text:
    """The name of a code, or the code itself."""
    return names.get(code, Text(code, code))


def organisation_name(data: ReportData, org_id: str, day: date | None = None) -> str:
    """Name of an organisation on a day (default: the last of the period), or its id."""
    return name_of(data.roster, org_id, day or data.period.last)


def name_of(roster: Roster, org_id: str, day: date) -> str:
    """Name of an organisation on a day, else the one in its last row, or its id."""
    row = roster.organisation(org_id, day)
    if row is None:
        rows = [o for o in roster.organisations if o.org_id == org_id]
        row = rows[-1] if rows else None
    return row.name or org_id if row else org_id


def organisation_path(data: ReportData, org_id: str) -> tuple[str, ...]:
    """Names from the top of the tree down to the organisation."""
    if not org_id:
        return ()
    above = data.roster.ancestors(org_id, data.period.last)
    return tuple(organisation_name(data, o) for o in (*reversed(above), org_id))
