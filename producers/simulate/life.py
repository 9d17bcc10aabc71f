"""What else happens in a college: events of further families, a generator each. Drawn apart from study, so that the
flushes of study are the same with and without them. Servers send them: their clocks are right and nothing is late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from producers.simulate.clock import DAY_MS, HOUR_MS, MINUTE_MS, Stamper, instant, midnight_ms
from producers.simulate.contests import QUESTIONS, Contests, Step
from producers.simulate.delivery import event_id
from producers.simulate.draw import seeded
from producers.simulate.improving import steps
from producers.simulate.model import Flush, Person, Scenario
from schemas.envelope import ORGANISATION
from schemas.families import FAMILIES

_encode = msgspec.json.Encoder().encode
Happening = Callable[["Term", Person, Random], Iterator[Step]]
"""What happens to one person in a term, in any order: when (epoch ms), and the fields of its family."""


@dataclass(frozen=True, slots=True)
class Term:
    """A scenario as its days: ``midnights`` are their first instants, the end of the term included."""

    scenario: Scenario
    midnights: tuple[int, ...]

    def at(self, day: int, hour: float) -> int:
        """An instant of a day of the term."""
        return self.midnights[day] + round(hour * HOUR_MS)

    def every(self, first: int, step: int) -> range:
        """Days of the term from ``first`` on."""
        return range(min(first, self.scenario.days), self.scenario.days, step)


def life_flushes(scenario: Scenario) -> list[Flush]:
    """What the servers send, in order of receipt. Nothing after the term, nothing of people before they join."""
    zone, stamp = ZoneInfo(scenario.timezone), Stamper(scenario.timezone)
    days = (scenario.start + timedelta(days=d) for d in range(scenario.days + 1))
    term = Term(scenario, tuple(midnight_ms(day, zone) for day in days))
    contests = Contests(scenario) if "contest" in scenario.families else None
    found: list[Flush] = []
    for family in scenario.families:
        for person in scenario.members:
            rng = seeded(scenario.seed, "life", family, person.index)
            joined = midnight_ms(person.memberships[0].valid_from, zone)
            happened = _in_order(HAPPENINGS[family](term, person, rng), joined, term.midnights[-1])
            found += [_flush(person, family, at, fields, stamp, rng) for at, fields in happened]
            if contests and family == "contest":
                # Drawn apart, so that everything else is the same with and without the answers.
                rng = seeded(scenario.seed, "contest answers", person.index)
                answers = _in_order(contests.answers(person, happened, rng), joined, term.midnights[-1])
                found += [_flush(person, family, at, fields, stamp, rng) for at, fields in answers]
    return sorted(found, key=lambda f: (f.received_at, f.member_id))


def _in_order(steps: Iterator[Step], joined: int, end: int) -> list[Step]:
    return [step for step in sorted(steps, key=lambda step: step[0]) if joined <= step[0] < end]


def _flush(person: Person, family: str, at: int, fields: dict[str, Any], stamp: Stamper, rng: Random) -> Flush:
    name, delay = person.member_id, rng.randrange(200, 3_000)
    if FAMILIES[family].anonymous:
        # In the name of the organisation, and sent in no order of a day.
        name, delay = ORGANISATION + person.memberships[0].org_id, rng.randrange(DAY_MS)
    head = {"event_id": event_id(at, rng), "event_type": family, "member_id": name}
    event = head | fields | {"source": "xuejing-portal/2.1.0", "occurred_at": stamp(at)}
    return Flush(name, instant(at + delay), [_encode(event)])


def _course(term: Term, rng: Random) -> str:
    return rng.choice(term.scenario.catalogue.courses).course_id


def _reflection(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """Now and then, in the evening; most are replied to within a week; some are handed in once more."""
    for number, day in enumerate(term.every(6, 24), 1):
        if rng.random() >= 0.5 * person.activity:
            continue
        about = {"reflection_id": f"{person.member_id}-{number}", "course_id": _course(term, rng)}
        at = term.at(day, 19.0 + 3 * rng.random())
        yield at, about | {"step": "submitted"}
        if rng.random() < 0.1:
            yield at + DAY_MS, about | {"step": "submitted"}
        if rng.random() < 0.75:
            yield at + rng.randrange(2, 160) * HOUR_MS, about | {"step": "replied"}


def _discussion(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """A thread a course and month; the active write more, and reply more than they post."""
    for number, day in enumerate(term.every(4, 28), 1):
        for course in term.scenario.catalogue.courses:
            if rng.random() >= 0.18 * person.activity:
                continue
            about = {"thread_id": f"{course.course_id}-{number}", "course_id": course.course_id}
            at = term.at(day, 12.0 + rng.expovariate(1 / 30.0))
            for _ in range(1 + (rng.random() < 0.4)):
                yield at, about | {"step": "posted" if rng.random() < 0.35 else "replied"}
                at += rng.randrange(10, 2_000) * MINUTE_MS


def _contest(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """Two in a term, ten questions in ten minutes. What is answered, see ``contests.py``."""
    for number, share in enumerate((0.4, 0.8), 1):
        if rng.random() >= 0.55 * min(1.0, person.activity):
            continue
        about = {"contest_id": f"contest-{number}", "questions": QUESTIONS, "limit_ms": 10 * MINUTE_MS}
        if rng.random() < 0.3:
            about["board"] = True
        at = term.at(int(share * term.scenario.days), 12.0 + 9 * rng.random())
        yield at, about | {"step": "entered"}
        if rng.random() < 0.9:
            yield at + rng.randrange(3 * MINUTE_MS, 11 * MINUTE_MS), about | {"step": "finished"}


def _push(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """A piece of content every other week; who is active opens more of them."""
    for number, day in enumerate(term.every(1, 14), 1):
        about = {"content_id": f"push-{number}"}
        at = term.at(day, 8.0) + rng.randrange(20_000)
        if rng.random() < 0.97:
            yield at, about | {"step": "delivered"}
            if rng.random() < 0.2 + 0.4 * min(1.0, person.activity):
                yield at + round(rng.expovariate(1 / (5.0 * HOUR_MS))), about | {"step": "opened"}


def _service(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """Now and then a request; most are answered within two days."""
    for number, day in enumerate(term.every(2, 20), 1):
        if rng.random() >= 0.15:
            continue
        about = {"request_id": f"{person.member_id}-r{number}"}
        at = term.at(day, 9.0 + 8 * rng.random())
        yield at, about | {"step": "opened"}
        if rng.random() < 0.9:
            at += round(rng.expovariate(1 / (16.0 * HOUR_MS)))
            yield at, about | {"step": "answered"}
            if rng.random() < 0.85:
                yield at + rng.randrange(1, 60) * HOUR_MS, about | {"step": "closed"}


def _dues(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """Every thirty days; few are late, the retired are exempt."""
    exempt = person.memberships[-1].status == "retired"
    for number, day in enumerate(term.every(3, 30), 1):
        about, at = {"due_id": f"term-{number}"}, term.at(day, 9.0)
        if exempt:
            yield at, about | {"status": "exempt"}
            continue
        yield at, about | {"status": "unpaid"}
        if rng.random() < 0.95:
            yield at + rng.randrange(1, 24 * 12) * HOUR_MS, about | {"status": "paid"}


def _appraisal(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """One in the term, stage by stage; a few miss one."""
    if person.memberships[-1].status not in ("full", "probationary"):
        return
    for number, stage in enumerate(("study", "self", "peers", "vote", "committee")):
        if rng.random() < 0.95:
            at = term.at(int((0.5 + 0.08 * number) * term.scenario.days), 14.0 + 3 * rng.random())
            yield at, {"appraisal_id": f"{term.scenario.start.year}", "stage": stage}


def _survey(term: Term, person: Person, rng: Random) -> Iterator[Step]:
    """Three questions in the middle of the term, for who ever studies."""
    if person.activity and rng.random() < 0.6:
        at = term.at(int(0.6 * term.scenario.days), float(rng.randrange(10, 20)))
        for number in range(1, 4):
            choice = rng.choices("ABCD", (4, 3, 2, 1))[0]
            yield at, {"survey_id": "survey-1", "item_id": f"survey-1-{number}", "choice": choice}


def _improvement(term: Term, person: Person, _: Random) -> Iterator[Step]:
    """What the person does of the improvements of the branch."""
    for taken in steps(term.scenario, person):
        if taken.day < term.scenario.days:
            yield term.at(taken.day, taken.hour), taken.fields


HAPPENINGS: dict[str, Happening] = {
    "reflection": _reflection,
    "discussion": _discussion,
    "contest": _contest,
    "push": _push,
    "service": _service,
    "dues": _dues,
    "appraisal": _appraisal,
    "survey": _survey,
    "improvement": _improvement,
}
"""By event type."""
