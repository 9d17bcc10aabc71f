"""Draws what is true of people, questions and knowledge points. Every draw has a seed of its own."""

from __future__ import annotations

import math
from random import Random

from producers.simulate.catalogue import Catalogue, ItemParameters, PointParameters, Question
from producers.simulate.model import Messiness, Traits

_DEFECTIVE_DISCRIMINATION = -0.35


def seeded(*parts: object) -> Random:
    """A generator that depends on its parts only, on every platform (string seeding uses SHA-512)."""
    return Random("/".join(str(part) for part in parts))  # noqa: S311 - reproducible draws, not secrets


def draw_traits(seed: int, index: int, messiness: Messiness) -> Traits:
    """One person: most answer in earnest, a quarter guess rapidly now and then, a few often."""
    rng = seeded(seed, "traits", index)
    rapid = rng.betavariate(1.2, 60.0) if rng.random() < 0.75 else rng.betavariate(1.6, 8.0)
    heartbeat = rng.random() < messiness.heartbeat
    second = rng.random() < messiness.second_device
    large = rng.random() < messiness.large_skew
    # Under 2 s of skew no clock is corrected, whatever the delay of a flush (at most 0.45 s when online).
    wrong, slight = rng.choice((-1, 1)) * rng.randrange(20_000, 120_000), round(rng.gauss(0.0, 350.0))
    return Traits(
        ability=rng.gauss(0.0, 1.0),
        speed=rng.gauss(0.0, 0.22),
        rapid_rate=rapid,
        sessions_per_week=min(9.0, rng.lognormvariate(math.log(2.6), 0.45)),
        session_minutes=min(70.0, rng.lognormvariate(math.log(23.0), 0.3)),
        cramming=rng.betavariate(1.3, 1.6),
        usual_hour=rng.choice((20.0, 20.3, 20.8, 21.2, 19.5, 12.4, 7.5)) + rng.gauss(0.0, 0.3),
        regular=rng.betavariate(2.0, 2.0),
        weekend=rng.lognormvariate(0.1, 0.5),
        owl=rng.betavariate(1.0, 9.0),
        review=rng.betavariate(2.5, 2.0),
        start_delay=rng.betavariate(1.0, 6.0),
        offline=rng.betavariate(1.0, 30.0) if rng.random() < 0.85 else rng.betavariate(2.0, 8.0),
        heartbeat=heartbeat,
        second_device=second,
        skew_ms=wrong if large else max(-1400, min(1400, slight)),
        fixed_latency=large,
    )


def draw_items(seed: int, catalogue: Catalogue, *, defects: int) -> dict[str, ItemParameters]:
    """2PL parameters for every question; ``defects`` exam questions get a negative discrimination."""
    items = {q.question_id: _draw_item(seed, q) for q in catalogue.questions}
    in_exams = [q.question_id for q in catalogue.questions if q.exam_ids and q.kind == "single"]
    for question_id in seeded(seed, "defects").sample(in_exams, min(defects, len(in_exams))):
        old = items[question_id]
        items[question_id] = ItemParameters(_DEFECTIVE_DISCRIMINATION, 0.2, old.log_time, old.distractors)
    return items


def _draw_item(seed: int, question: Question) -> ItemParameters:
    rng = seeded(seed, "item", question.question_id)
    harder = 0.5 if question.kind == "multiple" else -0.3 if question.kind == "truefalse" else 0.0
    reading = 14.0 + 0.28 * (len(question.text) + sum(len(o) for o in question.options))
    wrong = [letter for letter in "ABCDEF"[: len(question.options)] if letter not in question.answer_key]
    weights = [rng.gammavariate(0.9, 1.0) + 0.02 for _ in wrong]
    total = sum(weights)
    return ItemParameters(
        discrimination=max(0.5, min(2.3, rng.lognormvariate(math.log(1.15), 0.3))),
        difficulty=max(-2.6, min(2.0, rng.gauss(-0.75 + harder, 0.8))),
        # A tenth of the mean time is the rapid-guess threshold: the mean stays above 24 s to keep it clear.
        log_time=math.log(max(24.0, reading)) + abs(rng.gauss(0.0, 0.15)),
        distractors={letter: w / total for letter, w in zip(wrong, weights, strict=True)},
    )


def draw_points(seed: int, catalogue: Catalogue) -> dict[str, PointParameters]:
    """Knowledge-tracing parameters; slip and guess stay below one half so that the model is identified."""
    points: dict[str, PointParameters] = {}
    for point in catalogue.knowledge_points:
        rng = seeded(seed, "point", point.knowledge_point_id)
        points[point.knowledge_point_id] = PointParameters(
            prior=rng.uniform(0.25, 0.6),
            transit=rng.uniform(0.1, 0.3),
            slip=rng.uniform(0.04, 0.12),
            guess=rng.uniform(0.15, 0.28),
        )
    return points
