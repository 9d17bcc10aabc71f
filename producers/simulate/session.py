"""What one sitting looks like on the wire: study intervals or heartbeats, then practice."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from producers.simulate.clock import HOUR_MS, MINUTE_MS
from producers.simulate.compiled import Window
from producers.simulate.delivery import Event, event_id
from producers.simulate.practice import Timed, practise
from producers.simulate.state import MemberState

if TYPE_CHECKING:
    from producers.simulate.engine import Simulation

_BEAT_MS = 30_000


def choose_course(sim: Simulation, member: MemberState, day: int, rng: Random) -> Window | None:
    """An open course, rather one that is due soon or unfinished."""
    weights: list[float] = []
    chosen: list[Window] = []
    for window in sim.compiled.windows:
        first = member.starts[window.index]
        if first < 0 or day < first:
            continue
        weight = 1.0 if day < window.due else 0.15
        if window.due - 0.2 * (window.due - window.assigned) <= day < window.due:
            weight += 1.0 + 4.0 * member.traits.cramming
        progress = member.progress.get(window.index)
        if progress is None or progress[0] < len(window.units):
            weight *= 3.0
        chosen.append(window)
        weights.append(weight)
    return rng.choices(chosen, weights)[0] if chosen else None


def study(sim: Simulation, member: MemberState, start: int, day: int) -> None:
    """One sitting from ``start`` (epoch ms): study, maybe a second device, a unit quiz, practice."""
    rng = sim.rng
    window = choose_course(sim, member, day, rng)
    if window is None:
        return
    start = max(start, member.busy_until + 5 * MINUTE_MS)
    traits = member.traits
    length = int(traits.session_minutes * MINUTE_MS * rng.lognormvariate(0.0, 0.4))
    length = min(length, 3 * HOUR_MS)
    session_id = f"s-{rng.getrandbits(48):012x}"
    device = f"d-{member.member_id[2:]}-1"
    base: Event = {
        "member_id": member.member_id,
        "course_id": window.course_id,
        "source": member.sources[0],
        "device_id": device,
        "session_id": session_id,
    }
    member.progress.setdefault(window.index, [0, 0])
    if traits.heartbeat:
        events, end = _beats(sim, member, window, base, start, length)
    else:
        events, end = _intervals(sim, member, window, base, start, length)
    quiz = _advance(member, window, end - start)
    lag = sim.lag(member, rng)
    if rng.random() < 0.62:
        end = practise(sim, member, window, events, base, end + rng.randrange(5_000, 90_000), day)
    sim.outbox.send(member, events, rng, device=device, lag=lag)
    if traits.second_device and not traits.heartbeat and rng.random() < 0.12:
        _second_device(sim, member, window, start, end)
    member.busy_until = end
    if quiz >= 0:
        sim.sit_exam(member, quiz, end + 2 * MINUTE_MS, 1)


def _advance(member: MemberState, window: Window, spent: int) -> int:
    """Move through the units by the time spent; the quiz of a finished unit, or -1."""
    place = member.progress[window.index]
    if place[0] >= len(window.units):
        return -1
    place[1] += spent
    if place[1] < window.units[place[0]][1]:
        return -1
    quiz = window.units[place[0]][2]
    place[0], place[1] = place[0] + 1, 0
    return quiz


def _unit(member: MemberState, window: Window, rng: Random) -> str:
    """The unit at hand; whoever has finished the course looks at any of them again."""
    place = member.progress[window.index][0]
    if place >= len(window.units):
        place = int(rng.random() * len(window.units))
    return window.units[place][0]


def _intervals(
    sim: Simulation, member: MemberState, window: Window, base: Event, start: int, length: int
) -> tuple[Timed, int]:
    rng, stamp, skew = sim.rng, sim.stamp, member.traits.skew_ms
    events: Timed = []
    unit, now, stop = _unit(member, window, rng), start, start + length
    mess = sim.scenario.messiness
    if rng.random() < 0.01:
        events.append((now, _study_event(base, event_id(now, rng), stamp(now + skew), 0, 0, unit)))
    while now < stop:
        span = min(int(rng.triangular(1.5, 13.0, 6.0) * MINUTE_MS), stop - now + 40_000)
        if mess.left_open and rng.random() < mess.left_open:
            span = int(rng.uniform(4.2, 8.5) * HOUR_MS)
        end = now + span
        active = span if rng.random() < 0.35 else int(span * rng.betavariate(9.0, 1.2))
        made = _study_event(base, event_id(end, rng), stamp(end + skew), span, active, unit)
        events.append((end, made))
        sim.corrections.after_study(member, made, end, rng)
        pause = rng.random()
        now = end + (
            int(rng.random() * 20_000)
            if pause < 0.8
            else int(rng.uniform(1.5, 9.0) * MINUTE_MS)
            if pause < 0.98
            else int(rng.uniform(31.0, 55.0) * MINUTE_MS)
        )
    return events, events[-1][0]


def _study_event(base: Event, ident: str, at: str, span: int, active: int, unit: str) -> Event:
    return {
        "event_id": ident, "event_type": "study", **base,
        "occurred_at": at, "duration_ms": span, "active_ms": active, "unit_id": unit,
    }  # fmt: skip


def _beats(
    sim: Simulation, member: MemberState, window: Window, base: Event, start: int, length: int
) -> tuple[Timed, int]:
    rng, stamp, skew = sim.rng, sim.stamp, member.traits.skew_ms
    events: Timed = []
    unit, now = _unit(member, window, rng), start
    while now < start + length:
        events.append(
            (
                now,
                {
                    "event_id": event_id(now, rng), "event_type": "study", **base,
                    "occurred_at": stamp(now + skew), "beat_ms": _BEAT_MS, "unit_id": unit,
                },
            )
        )  # fmt: skip
        pause = rng.random()
        now += (
            _BEAT_MS + int(rng.gauss(0.0, 250.0))
            if pause < 0.95
            else int(rng.uniform(35_000, 119_000) if pause < 0.98 else rng.uniform(121_000, 900_000))
        )
    return events, events[-1][0] + _BEAT_MS


def _second_device(sim: Simulation, member: MemberState, window: Window, start: int, end: int) -> None:
    """The phone beside the laptop: intervals that overlap the first device's."""
    rng = sim.rng
    device = f"d-{member.member_id[2:]}-2"
    base: Event = {
        "member_id": member.member_id,
        "course_id": window.course_id,
        "source": member.sources[1],
        "device_id": device,
        "session_id": f"s-{rng.getrandbits(48):012x}",
    }
    events: Timed = []
    now = start + int(rng.random() * max(1, end - start) * 0.6)
    for _ in range(rng.randrange(1, 4)):
        span = int(rng.uniform(2.0, 9.0) * MINUTE_MS)
        made = _study_event(
            *(
                base,
                event_id(now + span, rng),
                sim.stamp(now + span + member.traits.skew_ms),
                span,
                int(span * 0.8),
            ),
            unit=_unit(member, window, rng),
        )
        events.append((now + span, made))
        now += span + 15_000
    sim.outbox.send(member, events, rng, device=device)
