"""What the answers and errors of one member to one question count for: a pure function of their set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.tables import MICRO

from .facts import ANSWER, ERROR, Fact


class Outcome(NamedTuple):
    """One answer, or one error that found no answer, with what it counts for."""

    fact: Fact
    counted: bool
    correct: int
    """1, 0, or -1 while not graded."""
    score: int
    best: int


def _order(fact: Fact) -> tuple[int, int]:
    return fact.at, fact.event_id


def fold_question(live: Sequence[Fact]) -> list[Outcome]:
    """Outcomes of the facts of one (member, course, question), whatever their days.

    An error marks the answer that it names as wrong; one that names none it can find belongs to the latest
    wrong answer not after it with the same exam and attempt (ties by event id), and changes nothing; one
    that finds no answer at all is itself a wrong answer. In an exam attempt the last answer by
    ``(at, event_id)`` counts; in practice every answer does.
    """
    if len(live) == 1 and live[0].kind == ANSWER:
        return [_outcome(live[0], True, live[0].correct)]
    answers = {f.event_id: f for f in live if f.kind == ANSWER}
    errors = [f for f in live if f.kind == ERROR]
    last: dict[tuple[str, int], Fact] = {}
    for f in answers.values():
        if f.exam:
            key = f.exam, f.attempt
            if key not in last or _order(f) > _order(last[key]):
                last[key] = f
    # 0 is none named, and the nil UUID: an answer of that id is not every error's.
    named = {e.answer_id for e in errors if e.answer_id}
    outcomes = []
    for f in answers.values():
        correct = 0 if f.event_id in named else f.correct
        counted = not f.exam or last[f.exam, f.attempt] is f
        outcomes.append(_outcome(f, counted, correct))
    wrong = [o.fact for o in outcomes if o.correct == 0]
    for e in errors:
        if e.answer_id in named and e.answer_id in answers:
            found = True
        else:
            found = any(w.exam == e.exam and w.attempt == e.attempt and w.at <= e.at for w in wrong)
        outcomes.append(Outcome(e, not found, 0, 0, 0 if found else MICRO))
    outcomes.sort(key=lambda o: _order(o.fact))
    return outcomes


def _outcome(f: Fact, counted: bool, correct: int) -> Outcome:
    if f.score is not None:
        return Outcome(f, counted, correct, f.score, f.best)
    if correct < 0:
        return Outcome(f, counted, correct, 0, 0)
    return Outcome(f, counted, correct, f.best if correct else 0, f.best)


def cohort(fact: Fact, group: Sequence[Fact]) -> Sequence[Fact]:
    """The facts of a question's group whose outcomes depend on one another, ``fact``'s own included.

    An error may belong to any answer of the group, so that one error couples them all; else answers of one
    exam attempt depend on each other, and a practice answer on nothing. Takes all bodies, withdrawn ones
    too: a set that only grows keeps versions growing.
    """
    if any(f.kind == ERROR for f in group):
        return group
    if fact.exam:
        return [f for f in group if f.exam == fact.exam and f.attempt == fact.attempt]
    return [f for f in group if f.event_id == fact.event_id]
