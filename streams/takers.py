"""Facts that take others back, in the versions of rows: they are behind every row that what they take is behind.

Few, so that sets in plain Python do.
"""

from __future__ import annotations

import numpy as np

from .answers_many import Questions
from .packed import Flags, Ints
from .packed_facts import Facts

Pairs = tuple[Ints, Ints]
"""(number of the fact, number of the day)"""


def takers_of_cohorts(facts: Facts, asked: Questions) -> Ints:
    """How many facts take back one of each cohort without being of it."""
    cohort = dict(_only(facts, asked.at, asked.cohort))
    found = {(cohort[f], taker) for f, taker in facts.takers if f in cohort and cohort.get(taker) != cohort[f]}
    return _count(found, len(asked.size))


def takers_of_days(facts: Facts, study: Pairs, answered: Pairs, asked: Questions, days: int) -> Ints:
    """How many facts take back one that a day's rows depend on, without being such a one."""
    if not facts.takers:
        return np.zeros(days, np.int64)
    depends: dict[int, set[int]] = {}
    for fact, day in _only(facts, *study):
        depends.setdefault(fact, set()).add(day)
    days_of: dict[int, set[int]] = {}
    cohort = asked.cohort[np.searchsorted(asked.at, answered[0])]
    of_interest = {c for _, c in _only(facts, asked.at, asked.cohort)}
    for c, day in zip(cohort.tolist(), answered[1].tolist(), strict=True):
        if c in of_interest:
            days_of.setdefault(c, set()).add(day)
    for fact, c in _only(facts, asked.at, asked.cohort):
        depends[fact] = days_of.get(c, set())
    none = set[int]()
    found = {
        (day, taker)
        for fact, taker in facts.takers
        for day in depends.get(fact, none)
        if day not in depends.get(taker, none)
    }
    return _count(found, days)


def _only(facts: Facts, fact: Ints, number: Ints) -> list[tuple[int, int]]:
    """Those pairs of a fact and a number whose fact takes one back, or is taken back."""
    if not facts.takers:
        return []
    concerned: Flags = facts.taken.copy()
    concerned[[taker for _, taker in facts.takers]] = True
    those = concerned[fact]
    return list(zip(fact[those].tolist(), number[those].tolist(), strict=True))


def _count(found: set[tuple[int, int]], numbers: int) -> Ints:
    return np.bincount(np.array([n for n, _ in found], np.int64), minlength=numbers)
