"""``fold_answers`` for many members at once, over packed facts. ``fold_question`` is the definition.

Where no error is about a question, its answers count each for itself, or the last one of an exam attempt: that is
summed here. Questions with errors are handed to ``fold_question``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .facts import ERROR, Fact
from .fold_answers import fold_question
from .packed import Details, Flags, Ints, Records, instants


@dataclass(slots=True)
class Questions:
    """All facts about some members' questions, and which of them depend on one another."""

    at: Ints
    """numbers of the facts among all of the batch"""
    cohort: Ints
    """number of the cohort (see ``fold_answers.cohort``) of each"""
    size: Ints
    """facts in each cohort"""
    coupled: Flags
    """whether an error is about the same question of the member"""

    def with_cohorts_of(self, facts: Flags) -> Ints:
        """Numbers of the facts whose outcome depends on one of ``facts``, a flag for each fact of the batch."""
        concerned = np.zeros(len(self.size), np.bool_)
        concerned[self.cohort[facts[self.at]]] = True
        return self.at[concerned[self.cohort]]


@dataclass(slots=True)
class Outcomes:
    """``fold_answers.Outcome`` as columns, an entry for each of ``Questions.at``."""

    counted: Flags
    correct: Ints
    score: Ints
    best: Ints


def questions(group: Ints, kind: Ints, sitting: Ints, wanted: Ints) -> Questions:
    """The facts about the groups of the facts ``wanted``. ``group``: a number for member, course and question, -1 for
    a fact about none; ``sitting``: for exam and attempt, 0 in practice."""
    at = np.flatnonzero(_any_of(group, np.unique(group[wanted])))
    of = group[at]
    coupled = _any_of(of, np.unique(of[kind[at] == ERROR]))
    alone = ~coupled & (sitting[at] == 0)
    # An error couples the whole question, an exam attempt its answers; a practice answer depends on nothing.
    label = np.where(coupled, 0, sitting[at])
    label[alone] = -1 - np.flatnonzero(alone)
    order = np.lexsort((label, of))
    begins = np.ones(len(at), np.bool_)
    begins[1:] = (np.diff(of[order]) != 0) | (np.diff(label[order]) != 0)
    cohort = np.empty(len(at), np.int64)
    cohort[order] = np.cumsum(begins) - 1
    return Questions(at, cohort, np.bincount(cohort), coupled)


def _any_of(values: Ints, wanted: Ints) -> Flags:
    """Which values are among sorted distinct ones."""
    if not len(wanted):
        return np.zeros(len(values), np.bool_)
    where = np.minimum(np.searchsorted(wanted, values), len(wanted) - 1)
    found: Flags = wanted[where] == values
    return found


def outcomes(asked: Questions, records: Records, group: Ints, taken: Flags, details: Details) -> Outcomes:
    """What each fact of ``asked`` counts for; nothing if it was ``taken`` back."""
    mine, gone = records[asked.at], taken[asked.at]
    detail = details.rows[mine["detail"]]
    counted = np.ones(len(mine), np.bool_)
    exam = np.flatnonzero((detail["sitting"] > 0) & ~asked.coupled & ~gone)
    if len(exam):
        of = asked.cohort[exam]
        order = np.lexsort((mine["id_low"][exam], mine["id_high"][exam], instants(mine)[exam], of))
        last = np.ones(len(exam), np.bool_)
        last[:-1] = np.diff(of[order]) != 0
        counted[exam[order]] = last
    found = Outcomes(
        counted,
        detail["correct"].astype(np.int64),
        detail["score"].astype(np.int64),
        detail["best"].astype(np.int64),
    )
    _with_errors(found, np.flatnonzero(asked.coupled & ~gone), mine, group[asked.at], details)
    found.counted[gone], found.correct[gone], found.score[gone], found.best[gone] = False, -1, 0, 0
    return found


def _with_errors(found: Outcomes, coupled: Ints, mine: Records, group: Ints, details: Details) -> None:
    """Outcomes of the questions that errors are about, one after the other."""
    facts: dict[int, list[Fact]] = {}
    numbers: dict[tuple[int, int], int] = {}
    for i, record, of in zip(coupled.tolist(), mine[coupled], group[coupled].tolist(), strict=True):
        fact = details.unpack(record)
        facts.setdefault(of, []).append(fact)
        numbers[of, fact.event_id] = i
    for of, live in facts.items():
        for outcome in fold_question(live):
            i = numbers[of, outcome.fact.event_id]
            found.counted[i], found.correct[i] = outcome.counted, outcome.correct
            found.score[i], found.best[i] = outcome.score, outcome.best
