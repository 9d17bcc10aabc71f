"""An exam attempt: 2PL responses, log-normal times, rapid guesses, changed and missing answers."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

from producers.simulate.clock import DAY_MS, HOUR_MS
from producers.simulate.compiled import Item, Paper
from producers.simulate.delivery import Event, event_id
from producers.simulate.model import Traits
from producers.simulate.practice import Timed, rapid_ms, solution_ms
from producers.simulate.state import MemberState

if TYPE_CHECKING:
    from producers.simulate.engine import Simulation

RETAKE_GAIN = 0.6  # logits that a second attempt adds: people have seen the explanations
_PASS = 0.6


def attempt(sim: Simulation, member: MemberState, paper: Paper, start: int, number: int) -> None:
    """One attempt from ``start`` (epoch ms). First attempts follow the 2PL with the person's ability."""
    rng = sim.rng
    now = max(start, member.busy_until + 120_000)
    device = f"d-{member.member_id[2:]}-1"
    order = paper.items[:]
    rng.shuffle(order)
    if rng.random() < 0.008:
        order = order[: rng.randrange(1, len(order) + 1)]
    events: Timed = []
    points = 0.0
    theta = member.traits.ability + paper.exam.shift + RETAKE_GAIN * (number - 1)
    day = sim.day_of(now)
    for index in order:
        item = sim.compiled.items[index]
        now += rng.randrange(600, 2_500)
        if rng.random() < 0.01:
            continue
        if rng.random() < 0.012:
            # Changed one's mind: only the last answer of an attempt counts.
            now += solution_ms(item, member.traits.speed, rng)
            events.append((now, _answer(sim, member, paper, item, item.mistake(rng), number, now, 9_000, rng)))
        response, spent, rapid = respond(member.traits, item, theta, rng)
        now += spent
        event = _answer(sim, member, paper, item, response, number, now, spent, rng)
        events.append((now, event))
        points += float(event["score"])
        member.note_answer(item, response, rapid=rapid, day=day)
        final = event
        if paper.exam.graded_later and rng.random() < paper.exam.graded_later:
            final = sim.corrections.grade_later(member, event, now, rng)
        if response != item.key and rng.random() < 0.16:
            sim.corrections.mark_error(member, final, item, now, rng)
    if events:
        sim.outbox.send(member, events, rng, device=device, lag=sim.lag(member, rng) if rng.random() < 0.2 else 0)
        member.busy_until = now
    if paper.exam.retake and number == 1 and points < _PASS * paper.exam.max_score and rng.random() < 0.8:
        sim.retake(member, paper, now + rng.randrange(2, 6) * DAY_MS + rng.randrange(0, HOUR_MS))


def respond(traits: Traits, item: Item, theta: float, rng: Random) -> tuple[str, int, bool]:
    """(response, ms spent, rapid): P(right) = 1/(1+exp(−a(θ−b))) unless guessed rapidly."""
    if rng.random() < traits.rapid_rate:
        return item.guess(rng), rapid_ms(rng), True
    right = rng.random() < 1.0 / (1.0 + math.exp(-item.a * (theta - item.b)))
    spent = solution_ms(item, traits.speed, rng)
    return (item.key if right else item.mistake(rng)), spent, False


def marked(item: Item, response: str, spent: int) -> Event:
    """What an answer says of a response: time, choice and points."""
    return {
        "duration_ms": spent,
        "response": list(response) if item.kind == "multiple" else response,
        "correct": response == item.key,
        "score": item.score(response),
        "max_score": item.max_score,
    }


def _answer(
    sim: Simulation,
    member: MemberState,
    paper: Paper,
    item: Item,
    response: str,
    number: int,
    now: int,
    spent: int,
    rng: Random,
) -> Event:
    return {
        "event_id": event_id(now, rng),
        "event_type": "answer",
        "member_id": member.member_id,
        "course_id": paper.course_id,
        "occurred_at": sim.stamp(now + member.traits.skew_ms),
        "source": member.sources[0],
        "device_id": f"d-{member.member_id[2:]}-1",
        "question_id": item.question_id,
        "exam_id": paper.exam.exam_id,
        "attempt": number,
        **marked(item, response, spent),
    }
