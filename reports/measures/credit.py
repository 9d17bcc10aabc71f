"""The ledger of credit hours (台账): every recorded time as a line that says what it counted for, and why.

Pure: recorded time, dated rules and dated memberships in, lines out. Lengths in ms, hours in millionths. A member's
hours are the sum of their lines and nothing else (see ``credit_balance``), so that each hour names its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import Literal, NamedTuple

from schemas.credit import MINUTE_MS, Conversion, CreditRules, Kind, Rule
from schemas.reference import Roster

Reason = Literal["", "overlap", "capped", "rounded", "too_short", "length_unknown", "kind", "no_rule", "no_membership"]
"""Why a line counts less than was recorded; '' when all of it counts. overlap: studied in another course at the same
time; capped: above the cap of the day; kind: the rules don't count sessions of this kind."""


class Studied(NamedTuple):
    """Study of one course on one local day: ``ms`` is the union of its intervals."""

    member_id: str
    day: date
    course_id: str
    ms: int


class Attended(NamedTuple):
    """Attendance at one organised session on one local day; ``ms`` None: no record gives its length."""

    member_id: str
    day: date
    session_id: str
    kind: str
    ms: int | None
    at_ms: int = 0
    make_up: bool = False
    event_ids: tuple[str, ...] = ()


class Line(NamedTuple):
    """One line of the ledger. ``source``: the course or the session that the time was spent on."""

    member_id: str
    day: date
    kind: Kind
    source: str
    org_id: str
    """organisation that the member belonged to on the day, '' for none"""
    rule: str
    """version of the rules, '' where none is valid"""
    recorded_ms: int
    credited_ms: int
    micro: int
    """credited hours in millionths"""
    reason: Reason = ""
    session_kind: str = ""
    make_up: bool = False
    event_ids: tuple[str, ...] = ()


def ledger(
    studied: Iterable[Studied],
    attended: Iterable[Attended],
    rules: CreditRules,
    roster: Roster,
    union: Mapping[tuple[str, date], int] | None = None,
) -> list[Line]:
    """Every line, by member, day, kind and source.

    ``union``: time studied by (member, day) over all courses; where courses were studied at the same time, no more
    than this counts. Within a day, courses count in order of their id and sessions in order of time, until the cap.
    """
    lines: list[Line] = []
    terms = _Terms(rules)
    by_day = sorted(studied, key=lambda s: (s.member_id, s.day, s.course_id))
    for (member, day), courses in groupby(by_day, key=lambda s: (s.member_id, s.day)):
        listed = list(courses)
        total = (union or {}).get((member, day), sum(s.ms for s in listed))
        items = [_Item(s.course_id, s.ms) for s in listed]
        lines += _day(member, day, "self_study", items, total, terms, roster)
    sessions = sorted(attended, key=lambda a: (a.member_id, a.day, a.at_ms, a.session_id))
    for (member, day), attendances in groupby(sessions, key=lambda a: (a.member_id, a.day)):
        items = [_Item(a.session_id, a.ms, a.kind, a.make_up, a.event_ids) for a in attendances]
        lines += _day(member, day, "organised", items, None, terms, roster)
    return sorted(lines, key=lambda line: (line.member_id, line.day, line.kind, line.source))


class _Item(NamedTuple):
    source: str
    ms: int | None
    kind: str = ""
    make_up: bool = False
    event_ids: tuple[str, ...] = ()


class _Terms:
    """The rule of each day, and what counts by it: looked up once a day and kind, not once a member."""

    def __init__(self, rules: CreditRules) -> None:
        self._rules = rules
        self._found: dict[tuple[date, Kind], tuple[Rule | None, Conversion]] = {}

    def of(self, day: date, kind: Kind) -> tuple[Rule | None, Conversion]:
        """The rule that is valid on a day, and its conversion of a kind."""
        if (found := self._found.get((day, kind))) is None:
            rule = self._rules.on(day)
            found = self._found[day, kind] = rule, rule.conversion(kind) if rule else Conversion()
        return found


def _day(
    member: str, day: date, kind: Kind, items: list[_Item], union: int | None, terms: _Terms, roster: Roster
) -> Iterator[Line]:
    org_id = roster.org_of(member, day) or ""
    rule, conversion = terms.of(day, kind)
    room = None if conversion.cap_minutes_day is None else conversion.cap_minutes_day * MINUTE_MS
    for item in items:
        recorded = item.ms or 0
        credited, reason = _counted(item, kind, conversion)
        if rule is None:
            credited, reason = 0, "no_rule"
        elif not org_id:
            credited, reason = 0, "no_membership"
        if union is not None and credited > union:
            credited, reason = union - union % (conversion.step_minutes * MINUTE_MS or 1), "overlap"
        if room is not None and credited > room:
            credited, reason = room, reason if item.ms is None else "capped"
        # Time that another course took up stays taken up, whether that one counted or not.
        union = None if union is None else max(union - recorded, 0)
        room = None if room is None else room - credited
        yield Line(
            member_id=member,
            day=day,
            kind=kind,
            source=item.source,
            org_id=org_id,
            rule=rule.version if rule else "",
            recorded_ms=recorded,
            credited_ms=credited,
            micro=conversion.micro(credited),
            reason=reason,
            session_kind=item.kind,
            make_up=item.make_up,
            event_ids=item.event_ids,
        )


def _counted(item: _Item, kind: Kind, conversion: Conversion) -> tuple[int, Reason]:
    """What counts of an item by itself."""
    if kind == "organised" and conversion.kinds and item.kind not in conversion.kinds:
        return 0, "kind"
    if item.ms is None:
        assumed = conversion.assumed_minutes * MINUTE_MS
        return assumed, "length_unknown"
    if item.ms < conversion.least_minutes * MINUTE_MS:
        return 0, "too_short"
    step = conversion.step_minutes * MINUTE_MS
    if step and item.ms % step:
        return item.ms - item.ms % step, "rounded"
    return item.ms, ""
