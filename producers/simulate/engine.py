"""The simulation: sittings, exams and corrections in order of time, flushes in order of receipt.

Memory holds one local day of plans, the flushes under way and one small state per person, whatever the
number of days.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import timedelta
from heapq import heappop, heappush, merge
from random import Random
from zoneinfo import ZoneInfo

from producers.simulate import exams, session
from producers.simulate.clock import DAY_MS, HOUR_MS, Stamper, midnight_ms
from producers.simulate.compiled import Paper, compile_catalogue
from producers.simulate.corrections import Corrections
from producers.simulate.delivery import Event, Outbox
from producers.simulate.draw import seeded
from producers.simulate.life import life_flushes
from producers.simulate.meetings import attendance_flushes
from producers.simulate.model import Flush, Person, Scenario
from producers.simulate.rhythm import exam_day, first_days, pressures, session_count, start_hour
from producers.simulate.state import MemberState

_STUDY, _EXAM, _RETAKE, _SEND = range(4)
_Payload = tuple[int, Event | None]


class Simulation:
    """One run over a scenario; ``flushes()`` may be consumed once, ``members`` then hold the final states."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.compiled = compile_catalogue(scenario)
        self.stamp = Stamper(scenario.timezone)
        self.rng = Random()  # noqa: S311 - reseeded before every use
        self.outbox = Outbox(scenario.messiness, self.stamp, scenario.seed)
        self.corrections = Corrections(self)
        zone = ZoneInfo(scenario.timezone)
        self._midnights = [midnight_ms(scenario.start + timedelta(days=d), zone) for d in range(scenario.days + 1)]
        self._mix = seeded(scenario.seed, "actions").getrandbits(63) << 64
        self._actions: list[tuple[int, int, int, int, _Payload]] = []
        self._sequence = 0
        self.members = [self._begin(person) for person in scenario.members]

    def flushes(self) -> Iterator[Flush]:
        """All flushes in order of receipt."""
        apart = attendance_flushes(self.scenario), life_flushes(self.scenario)
        return merge(self._study_flushes(), *apart, key=lambda flush: flush.received_at)

    def _study_flushes(self) -> Iterator[Flush]:
        pressure = pressures(self.compiled, self.scenario.days)
        actions = self._actions
        for day in range(self.scenario.days):
            self._plan(day, pressure)
            until = self._midnights[day + 1]
            while actions and actions[0][0] < until:
                at, _, index, kind, payload = heappop(actions)
                yield from self.outbox.due(at)
                self._act(at, self.members[index], kind, payload)
        while actions:
            at, _, index, kind, payload = heappop(actions)
            yield from self.outbox.due(at)
            if kind == _SEND:  # grades and corrections still come in after the term; nobody studies any more
                self._act(at, self.members[index], kind, payload)
        yield from self.outbox.due(None)

    def day_of(self, ms: int) -> int:
        """Number of the local day, never below that of the first day."""
        return max(0, bisect_right(self._midnights, ms) - 1)

    def lag(self, member: MemberState, rng: Random) -> int:
        """How long the client stays offline after a sitting: 0, or hours to days."""
        late = self.scenario.messiness.late
        if not late or rng.random() >= late + member.traits.offline:
            return 0
        return min(12 * DAY_MS, int(2 * HOUR_MS + rng.expovariate(1.0 / (1.2 * DAY_MS))))

    def sit_exam(self, member: MemberState, paper: int, start: int, number: int) -> None:
        """Take an exam or quiz now."""
        exams.attempt(self, member, self.compiled.papers[paper], start, number)

    def retake(self, member: MemberState, paper: Paper, at: int) -> None:
        """Come back for a second attempt."""
        self._push(at, member.index, _RETAKE, (paper.index, None))

    def schedule(self, at: int, member: MemberState, event: Event) -> None:
        """Send one event of a server at ``at`` (epoch ms)."""
        self._push(at, member.index, _SEND, (0, event))

    def _begin(self, person: Person) -> MemberState:
        rng = seeded(self.scenario.seed, "begin", person.index)
        joined = max(0, (person.memberships[0].valid_from - self.scenario.start).days)
        starts = first_days(person, joined, self.compiled, rng)
        state = MemberState(person, joined, starts, rng.randrange(4))
        if person.activity > 0:
            for paper in self.compiled.papers:
                if paper.exam.quiz or paper.exam.audience not in ("all", person.category):
                    continue
                day = exam_day(state, paper, person.activity, self.scenario.days, rng)
                if day is not None:
                    at = self._midnights[day] + int(start_hour(state, self._weekend(day), rng) * HOUR_MS)
                    self._push(min(at, self._midnights[day] + 22 * HOUR_MS), person.index, _EXAM, (paper.index, None))
        return state

    def _plan(self, day: int, pressure: dict[str, list[float]]) -> None:
        rng, midnight, weekend = self.rng, self._midnights[day], self._weekend(day)
        domain = self._mix | 1 << 63 | day << 32
        for member in self.members:
            if member.joined > day or not member.rate:
                continue
            rng.seed(domain | member.index)
            for _ in range(session_count(member, weekend, pressure[member.category][day], rng)):
                at = midnight + int(start_hour(member, weekend, rng) * HOUR_MS) + rng.randrange(0, 60_000)
                self._push(at, member.index, _STUDY, (day, None))

    def _act(self, at: int, member: MemberState, kind: int, payload: _Payload) -> None:
        member.counter += 1
        self.rng.seed(self._mix | member.counter << 32 | member.index)
        number, event = payload
        if kind == _STUDY:
            session.study(self, member, at, number)
            if self.rng.random() < self.scenario.messiness.paper_error:
                window = session.choose_course(self, member, number, self.rng)
                if window is not None:
                    item = self.compiled.items[self.rng.choice(window.items)]
                    self.corrections.paper_error(member, window.course_id, item, at, self.rng)
        elif kind == _SEND and event is not None:
            self.outbox.send(member, [(at, event)], self.rng)
        else:
            self.sit_exam(member, number, at, 2 if kind == _RETAKE else 1)

    def _weekend(self, day: int) -> bool:
        return (self.scenario.start + timedelta(days=day)).weekday() >= 5

    def _push(self, at: int, index: int, kind: int, payload: _Payload) -> None:
        self._sequence += 1
        heappush(self._actions, (at, self._sequence, index, kind, payload))


def simulate(scenario: Scenario) -> Iterator[Flush]:
    """Flushes of all clients in order of receipt, as a pure function of the scenario (and so of its seed)."""
    return Simulation(scenario).flushes()
