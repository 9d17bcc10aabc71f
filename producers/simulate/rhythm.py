"""When people sit down: which days, at what hours, and how due dates pull study towards them."""

from __future__ import annotations

import math
from random import Random

from producers.simulate.compiled import Compiled, Paper
from producers.simulate.model import Person
from producers.simulate.state import MemberState

_WEEKDAY = ((0.64, 19.0, 22.4), (0.84, 12.1, 13.4), (1.0, 8.2, 17.2))
_WEEKEND = ((0.34, 9.0, 11.4), (0.66, 14.2, 17.2), (1.0, 19.2, 22.4))
_LAST_PART = 0.2  # the last fifth of a window, as the cramming indicator defines it
_MOST_SESSIONS = 3


def pressures(compiled: Compiled, days: int) -> dict[str, list[float]]:
    """By category and day, 1 in the last fifth before an exam is due, 0.7 before a course is, else 0."""
    out = {category: [0.0] * days for category in ("staff", "student")}
    spans = [(p.exam.audience, p.assigned, p.due, 1.0) for p in compiled.papers if not p.exam.quiz]
    spans += [(w.audience, w.assigned, w.due, 0.7) for w in compiled.windows]
    for audience, assigned, due, weight in spans:
        first = due - max(1, round(_LAST_PART * (due - assigned)))
        for category, line in out.items():
            if audience in ("all", category):
                for day in range(max(0, first), min(days, due)):
                    line[day] = max(line[day], weight)
    return out


def session_count(member: MemberState, weekend: bool, pressure: float, rng: Random) -> int:
    """Sessions of one day, Poisson, at most three; crammers wait for the due date."""
    c = member.traits.cramming
    season = (1.0 - c) + c * (0.35 + 2.4 * pressure)
    mean = member.rate * season * (member.traits.weekend if weekend else 1.0)
    left, floor, count = rng.random(), math.exp(-mean), 0
    while left > floor and count < _MOST_SESSIONS:
        count += 1
        left *= rng.random()
    return count


def start_hour(member: MemberState, weekend: bool, rng: Random) -> float:
    """Local hour at which a session starts: the person's usual one, late at night, or like everybody's."""
    traits = member.traits
    if rng.random() < traits.regular:
        hour = traits.usual_hour + rng.gauss(0.0, 0.35)
    elif rng.random() < traits.owl:
        hour = rng.uniform(22.4, 23.9)
    else:
        part = rng.random()
        low, high = next((a, b) for share, a, b in (_WEEKEND if weekend else _WEEKDAY) if part <= share)
        hour = rng.uniform(low, high)
    return min(23.9, max(6.0, hour))


def first_days(person: Person, joined: int, compiled: Compiled, rng: Random) -> list[int]:
    """Per course the first day on which the person opens it, -1 if never or not meant for them."""
    out: list[int] = []
    for window in compiled.windows:
        meant = window.audience in ("all", person.category)
        lag = person.traits.start_delay * rng.uniform(0.2, 1.8) * (window.due - window.assigned)
        skipped = rng.random() < 0.02
        out.append(max(joined, window.assigned + int(lag)) if meant and not skipped else -1)
    return out


def exam_day(member: MemberState, paper: Paper, activity: float, days: int, rng: Random) -> int | None:
    """Day on which the person sits the exam: late for crammers, seldom overdue, None if never."""
    if rng.random() < (0.3 if activity < 0.5 else 0.03):
        return None
    first = max(paper.assigned, member.joined)
    if first >= paper.due:
        return None
    place = rng.random() ** (1.0 / (1.0 + 4.0 * member.traits.cramming))
    day = first + min(paper.due - first - 1, int(place * (paper.due - first)))
    if rng.random() < 0.02:
        day = paper.due + rng.randrange(0, 3)
    return day if day < days else None
