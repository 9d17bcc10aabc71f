"""Values that describe a simulated organisation: who is in it, what they learn, and what is true of them.

Everything here is plain data. The generator draws it once from the seed (``scenario.py``); the events follow
from it (``engine.py``); tests compare estimates with it (``truth.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from producers.simulate.catalogue import Catalogue, ItemParameters, PointParameters


@dataclass(frozen=True, slots=True)
class Organisation:
    """A node of the tree. ``kind``: committee, general_branch or branch; dates are local."""

    org_id: str
    parent_id: str
    name: str
    kind: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Membership:
    """One dated row of the roster. ``valid_from`` inclusive, ``valid_to`` exclusive, both local dates."""

    org_id: str
    role: str
    status: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of one person and never on the wire.

    ``ability`` is on the logit scale of the 2PL model, ``speed`` is in log time (positive = faster),
    shares and propensities are probabilities, hours are local wall-clock hours.
    """

    ability: float
    speed: float
    rapid_rate: float
    sessions_per_week: float
    session_minutes: float
    cramming: float
    usual_hour: float
    regular: float
    weekend: float
    owl: float
    review: float
    start_delay: float
    offline: float
    heartbeat: bool
    second_device: bool
    skew_ms: int
    fixed_latency: bool


@dataclass(frozen=True, slots=True)
class Person:
    """A member: an opaque id, a name that goes to the roster only, dated memberships and traits.

    ``activity`` scales how often the person studies; 0 = never began.
    """

    index: int
    member_id: str
    name: str
    category: str
    memberships: tuple[Membership, ...]
    traits: Traits
    activity: float = 1.0


@dataclass(frozen=True, slots=True)
class Messiness:
    """Shares of what goes wrong between people and the archive; all 0 gives a clean stream.

    ``duplicate`` of flushes are delivered twice, ``late`` is added to every person's own share of sessions
    whose flushes come days later, the others are shares of lines (malformed, unknown member, from the
    future, conflicting body under one id) or of study events (withdrawn, replaced, left open above 4 h).
    ``paper_error`` is the share of sittings after which an error is marked that no answer was sent for.
    ``heartbeat``, ``second_device`` and ``large_skew`` are shares of people.
    """

    duplicate: float = 0.02
    late: float = 0.02
    malformed: float = 0.0008
    unknown_member: float = 0.0005
    future: float = 0.0001
    conflict: float = 0.0001
    withdrawn: float = 0.0015
    replaced: float = 0.001
    left_open: float = 0.0008
    paper_error: float = 0.004
    heartbeat: float = 0.06
    second_device: float = 0.35
    large_skew: float = 0.0
    sent_at: bool = True

    @classmethod
    def clean(cls) -> Messiness:
        """Nothing goes wrong: no duplicates, late, rejected or withdrawn events, one device each."""
        nothing: dict[str, Any] = {name: 0.0 for name in cls.__slots__ if name != "sent_at"}
        return cls(**nothing)


@dataclass(frozen=True, slots=True)
class OrganisedSession:
    """A meeting of an organisation and what is below it. ``day`` and ``hour`` are local; ``committee``: for those who
    hold an office only. ``method``: how attendance is recorded."""

    session_id: str
    org_id: str
    meeting: str
    day: date
    hour: float
    minutes: int
    method: str
    committee: bool


@dataclass(frozen=True, slots=True)
class Exemption:
    """A member owes no credit hours from a local day on, until another (not included)."""

    member_id: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Competence:
    """A row of the competence map; ``expected``: share, None without a reference."""

    competence_id: str
    wing: str
    title: str
    title_en: str
    knowledge_points: tuple[str, ...] = ()
    course_ids: tuple[str, ...] = ()
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an organisation is, in decimal degrees, as text: the same bytes on every machine."""

    org_id: str
    latitude: str
    longitude: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything the generator needs; equal scenarios give byte-identical streams.

    ``timezone`` is an IANA name, ``start`` the first local day, ``days`` the number of local days.
    """

    seed: int
    timezone: str
    start: date
    days: int
    organisations: tuple[Organisation, ...]
    members: Sequence[Person]
    catalogue: Catalogue
    items: Mapping[str, ItemParameters]
    points: Mapping[str, PointParameters]
    messiness: Messiness = field(default_factory=Messiness)
    sessions: tuple[OrganisedSession, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    families: tuple[str, ...] = ()
    """further families of which something happens, besides attendance at ``sessions``"""
    competences: tuple[Competence, ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def end(self) -> date:
        """The first local day after the scenario."""
        return self.start + timedelta(days=self.days)

    def reference(self) -> ReferenceTables:
        """The tables that people would import: roster and catalogue, as rows of strings and integers."""
        from producers.simulate.tables import reference_tables

        return reference_tables(self)


Row = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class ReferenceTables:
    """Rows by table. Dates are ISO local dates, an absent value is the empty string."""

    organisations: list[Row]
    members: list[Row]
    courses: list[Row]
    units: list[Row]
    exams: list[Row]
    questions: list[Row]
    knowledge_points: list[Row]
    exemptions: list[Row] = field(default_factory=list)
    competences: list[Row] = field(default_factory=list)
    places: list[Row] = field(default_factory=list)

    def tables(self) -> dict[str, list[Row]]:
        """Name of each table to its rows, in the order in which they should be imported."""
        found: dict[str, list[Row]] = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: rows for name, rows in found.items() if rows or name not in ("exemptions", "competences", "places")
        }


@dataclass(frozen=True, slots=True)
class Flush:
    """What one client sends at once: lines of one member, without line ends.

    ``received_at`` is aware (UTC, milliseconds). ``spoiled`` names the lines made to be rejected, as
    (index, cause); it is known to the generator only and is not part of what is sent.
    """

    member_id: str
    received_at: datetime
    lines: list[bytes]
    spoiled: tuple[tuple[int, str], ...] = ()
