"""What people answer in a contest: ten questions one after the other, right or wrong by ability, as in an exam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Any

from producers.simulate.catalogue import Question
from producers.simulate.compiled import Item, compile_catalogue
from producers.simulate.draw import seeded
from producers.simulate.exams import marked, respond
from producers.simulate.model import Person, Scenario

QUESTIONS = 10
_PAUSE = (600, 2_500)
"""Before each question, in ms."""
Step = tuple[int, dict[str, Any]]


class Contests:
    """The contests of a scenario. Each has the questions that everybody is asked: of one course for all, and of no
    examination, whose questions nobody should have seen before."""

    def __init__(self, scenario: Scenario) -> None:
        known = scenario.catalogue
        open_to_all = {c.course_id for c in known.courses if c.audience == "all"}
        self._seed = scenario.seed
        pools: dict[str, list[tuple[Item, Question]]] = {}
        for item, question in zip(compile_catalogue(scenario).items, known.questions, strict=True):
            if question.course_id in open_to_all and not question.exam_ids:
                pools.setdefault(question.course_id, []).append((item, question))
        self._pools = [pool for pool in pools.values() if len(pool) >= QUESTIONS]

    def answers(self, person: Person, steps: Sequence[Step], rng: Random) -> Iterator[Step]:
        """The answers of a person to the contests of these ``steps`` (moment in ms, fields), in the time that each
        took: to all questions of who finished, to some of them of who did not."""
        for entered, about in steps:
            if about["step"] != "entered":
                continue
            contest = about["contest_id"]
            ended = [at for at, fields in steps if fields["contest_id"] == contest and fields["step"] == "finished"]
            asked = self._questions(contest)
            rng.shuffle(asked)
            if not ended:
                del asked[rng.randrange(1, QUESTIONS) :]
            span = min([about["limit_ms"], *(at - entered for at in ended)])
            for after, fields in _given(person, asked, span, rng):
                yield entered + after, {"event_type": "answer", "exam_id": contest, "attempt": 1} | fields

    def _questions(self, contest: str) -> list[tuple[Item, Question]]:
        rng = seeded(self._seed, "contest", contest)
        return rng.sample(rng.choice(self._pools), QUESTIONS)


def _given(person: Person, asked: Sequence[tuple[Item, Question]], span: int, rng: Random) -> Iterator[Step]:
    """One answer each, at a time in ms after the beginning. Who would need longer than ``span`` hurries."""
    given = [respond(person.traits, item, person.traits.ability, rng) for item, _ in asked]
    took = [rng.randrange(*_PAUSE) + spent for _, spent, _ in given]
    pace = min(1.0, span / (sum(took) + 1_000))
    for (item, question), (response, spent, _), end in zip(asked, given, accumulate(took), strict=True):
        yield (
            int(end * pace),
            {
                "course_id": question.course_id,
                "question_id": item.question_id,
                **marked(item, response, int(spent * pace)),
            },
        )
