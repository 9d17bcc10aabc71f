"""Organised sessions of a college and who attends them: the three meetings and one lesson, theme days, training.

Drawn apart from study: the flushes of study are the same with and without them. Card readers send as people come and
go, codes when they are scanned, sign-in sheets are entered by hand a day later; all have equal standing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from producers.simulate.clock import DAY_MS, HOUR_MS, MINUTE_MS, Stamper, instant, midnight_ms
from producers.simulate.delivery import event_id
from producers.simulate.draw import seeded
from producers.simulate.model import Flush, Organisation, OrganisedSession, Person, Scenario

_encode = msgspec.json.Encoder().encode
_OFFICES = ("branch_secretary", "organisation_officer", "committee_member")
_SOURCES = {"card": "xuejing-door/1.2.0", "code": "xuejing-mini/1.8.0", "hand": "xuejing-office/1.0.3"}


@dataclass(frozen=True, slots=True)
class _Kind:
    meeting: str
    first: int
    """first day of the term on which it may take place"""
    every: int
    hour: float
    minutes: int
    method: str
    committee: bool = False
    """for those who hold an office only"""


_RHYTHM = (
    _Kind("theme_day", 10, 28, 14.0, 90, "card"),
    _Kind("committee_meeting", 3, 28, 16.0, 60, "hand", committee=True),
    _Kind("group_meeting", 17, 28, 12.5, 45, "hand"),
    _Kind("branch_meeting", 22, 63, 14.5, 75, "hand"),
    _Kind("party_lecture", 31, 63, 15.0, 90, "code"),
)
_TRAINING = (40, 95)
_HARDLY_ACTIVE = 0.5
"""A branch whose members study less than this holds every other session only."""


def college_sessions(
    seed: int, start: date, days: int, organisations: Sequence[Organisation], members: Sequence[Person]
) -> tuple[OrganisedSession, ...]:
    """What each branch holds in a term, and two trainings of the whole college."""
    found = []
    for org in (o for o in organisations if o.kind == "branch"):
        people = [p for p in members if p.memberships[0].org_id == org.org_id]
        hardly = sum(p.activity < _HARDLY_ACTIVE for p in people) * 2 > len(people)
        for kind in _RHYTHM:
            rng = seeded(seed, "sessions", org.org_id, kind.meeting)
            shift = rng.randrange(0, 6)
            for number, day in enumerate(range(kind.first + shift, days, kind.every)):
                if hardly and number % 2:
                    continue
                ident = f"{org.org_id[2:]}-{kind.meeting}-{number + 1}"
                on = _weekday(start + timedelta(days=day))
                found.append(
                    OrganisedSession(ident, org.org_id, kind.meeting, on, kind.hour, kind.minutes, kind.method,
                                     kind.committee)
                )  # fmt: skip
    root = next(o.org_id for o in organisations if not o.parent_id)
    for number, day in enumerate(d for d in _TRAINING if d < days):
        on = _weekday(start + timedelta(days=day))
        found.append(OrganisedSession(f"training-{number + 1}", root, "training", on, 8.5, 240, "card", False))
    return tuple(sorted((s for s in found if s.day < start + timedelta(days=days)), key=lambda s: (s.day, s.hour)))


def _weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def attendance_flushes(scenario: Scenario) -> list[Flush]:
    """What readers, phones and the office send, in order of receipt. Nothing is made up after the term."""
    zone, stamp = ZoneInfo(scenario.timezone), Stamper(scenario.timezone)
    until = midnight_ms(scenario.end, zone)
    found: list[Flush] = []
    for session in scenario.sessions:
        begin = midnight_ms(session.day, zone) + round(session.hour * HOUR_MS)
        for person in scenario.members:
            if _invited(session, person):
                rng = seeded(scenario.seed, "attendance", session.session_id, person.index)
                found += _attendance(session, person, (begin, until), stamp, rng)
    return sorted(found, key=lambda f: (f.received_at, f.member_id))


def _invited(session: OrganisedSession, person: Person) -> bool:
    day = session.day
    rows = (m for m in person.memberships if m.valid_from <= day and (m.valid_to is None or day < m.valid_to))
    row = next(rows, None)
    if row is None or (session.committee and row.role not in _OFFICES):
        return False
    return session.meeting == "training" or row.org_id == session.org_id


def _attendance(
    session: OrganisedSession, person: Person, span: tuple[int, int], stamp: Stamper, rng: Random
) -> Iterator[Flush]:
    begin = span[0]
    status = person.memberships[-1].status
    willing = 0.35 if status in ("mobile", "retired") else 0.55 if not person.activity else 0.93
    if rng.random() >= willing:
        if status == "full" and rng.random() < 0.5:
            yield from _make_up(session, person, span, stamp, rng)
        return
    came = begin + round(rng.gauss(-3.0, 4.0) * MINUTE_MS)
    base = _event(session, person, session.method)
    if session.method == "card":
        left = begin + session.minutes * MINUTE_MS + round(abs(rng.gauss(1.0, 3.0)) * MINUTE_MS)
        for at in (came, left):
            yield _flush(person, base, at, at + 2_000, stamp, rng)
        return
    length = {"duration_ms": session.minutes * MINUTE_MS}
    entered = came + 1_500 if session.method == "code" else begin + DAY_MS + rng.randrange(3) * HOUR_MS
    first = _flush(person, base | length, came if session.method == "code" else begin, entered, stamp, rng)
    yield first
    if rng.random() < 0.02:
        # Entered for the wrong person: taken back the next day.
        target = msgspec.json.decode(first.lines[0])["event_id"]
        at = entered + DAY_MS
        body = {"event_type": "withdraw", "target_event_id": target, "reason": "登记有误"}
        yield _flush(person, {"member_id": person.member_id, "source": _SOURCES["hand"]} | body, at, at, stamp, rng)


def _make_up(
    session: OrganisedSession, person: Person, span: tuple[int, int], stamp: Stamper, rng: Random
) -> Iterator[Flush]:
    """Made up some days later, entered by hand."""
    at = span[0] + rng.randrange(3, 10) * DAY_MS
    if at >= span[1]:
        return
    body = _event(session, person, "hand") | {"duration_ms": session.minutes * MINUTE_MS, "make_up": True}
    yield _flush(person, body, at, at + DAY_MS, stamp, rng)


def _event(session: OrganisedSession, person: Person, method: str) -> dict[str, Any]:
    return {
        "event_type": "attendance",
        "member_id": person.member_id,
        "session_id": session.session_id,
        "meeting": session.meeting,
        "method": method,
        "source": _SOURCES[method],
    }


def _flush(person: Person, body: dict[str, Any], at: int, received: int, stamp: Stamper, rng: Random) -> Flush:
    event = {"event_id": event_id(at, rng), **body, "occurred_at": stamp(at)}
    return Flush(person.member_id, instant(received), [_encode(event)])
