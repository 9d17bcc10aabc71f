"""Practice: knowledge tracing, repeated errors, the wrong-question book; response times of all answers."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

from producers.simulate.compiled import Item, Window
from producers.simulate.delivery import Event, event_id
from producers.simulate.state import MemberState

if TYPE_CHECKING:
    from producers.simulate.engine import Simulation

Timed = list[tuple[int, Event]]


def practise(
    sim: Simulation, member: MemberState, window: Window, events: Timed, base: Event, start: int, day: int
) -> int:
    """Practice: the wrong-question book first for those who review, then new questions. Returns the end."""
    rng, stamp, traits = sim.rng, sim.stamp, member.traits
    reached = min(member.progress[window.index][0], len(window.units) - 1)
    pool = [i for i in window.items if sim.compiled.items[i].unit <= reached]
    book = [i for i in window.items if i in member.wrong and member.wrong[i][2] != day]
    rng.shuffle(book)
    now = start
    asked: set[int] = set()
    for _ in range(rng.randrange(3, 10)):
        if book and rng.random() < traits.review:
            index = book.pop()
        elif pool:
            index = pool[int(rng.random() * len(pool))]
        else:
            break
        if index in asked:
            continue
        asked.add(index)
        item = sim.compiled.items[index]
        response, spent, rapid = respond(sim, member, item, rng)
        now += spent
        event: Event = {
            "event_id": event_id(now, rng),
            "event_type": "answer",
            "member_id": member.member_id,
            "course_id": window.course_id,
            "occurred_at": stamp(now + traits.skew_ms),
            "source": base["source"],
            "device_id": base["device_id"],
            "question_id": item.question_id,
            "duration_ms": spent,
            "response": list(response) if item.kind == "multiple" else response,
            "correct": response == item.key,
        }
        if "mini" in base["source"]:
            # The small client knows the question's points itself and joins several letters in one string.
            event |= {"knowledge_points": item.point_ids, "response": response}
        events.append((now, event))
        member.note_answer(item, response, rapid=rapid, day=day)
        now += rng.randrange(2_000, 15_000)
    return now


def respond(sim: Simulation, member: MemberState, item: Item, rng: Random) -> tuple[str, int, bool]:
    """(response, ms spent, rapid) of one answer by knowledge tracing on the question's first point."""
    traits = member.traits
    if rng.random() < traits.rapid_rate:
        return item.guess(rng), rapid_ms(rng), True
    point = sim.compiled.points[item.points[0]]
    knows = member.knows(item.points[0], sim.compiled, rng)
    right = rng.random() < (1.0 - point.parameters.slip if knows else point.parameters.guess)
    if not knows and rng.random() < point.parameters.transit:
        member.known |= 1 << item.points[0]
    spent = solution_ms(item, traits.speed, rng)
    if right:
        return item.key, spent, False
    before = member.wrong.get(item.index)
    if before is not None and rng.random() < 0.5:
        return str(before[0]), spent, False
    return item.mistake(rng), spent, False


def rapid_ms(rng: Random) -> int:
    """Response time of a rapid guess, below a tenth of any question's mean time."""
    return int(rng.uniform(450.0, 1_900.0))


def solution_ms(item: Item, speed: float, rng: Random) -> int:
    """Response time of someone who reads the question: log-normal, at least 5 s."""
    return max(5_000, int(1_000.0 * math.exp(rng.gauss(item.log_time - speed, 0.38))))
