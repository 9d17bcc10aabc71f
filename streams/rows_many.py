"""``rows`` for many members at once, over packed facts: the same rows of ``member_day`` and ``answers``.

Equal to ``day_rows`` and ``answer_rows`` of each member (tests compare them); ``rows`` is the definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.days import DAY_MS

from .answers_many import outcomes, questions
from .facts import STUDY
from .fold_many import NEVER
from .packed import Flags, Ints
from .packed_facts import Facts
from .row_tables import Judged, answer_table, day_table
from .rules import Generation

DAY_BITS = 20
_MARGIN = 3 * DAY_MS


@dataclass(slots=True)
class _Days:
    """The (member, local day) pairs whose rows are written."""

    key: Ints
    """member and day as one number, ascending"""

    @property
    def day(self) -> Ints:
        return self.key & ((1 << DAY_BITS) - 1)

    @property
    def member(self) -> Ints:
        return self.key >> DAY_BITS

    def number_of(self, key: Ints) -> Ints:
        """Numbers of keys, -1 for one that is not among them."""
        if not len(self.key):
            return np.full(len(key), -1)
        where = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[where] == key, where, -1)


def rows(facts: Facts, touched: Flags, members: Sequence[str], generation: Generation) -> tuple[pa.Table, pa.Table]:
    """Rows of ``member_day`` and ``answers`` that may have changed because the ``touched`` facts arrived."""
    names = pa.array(members, pa.string())
    touched = touched.copy()
    # What is taken back by what arrived changes too.
    touched[[fact for fact, taker in facts.takers if touched[taker]]] = True
    first = questions(facts.group, facts.kind, facts.sitting, np.flatnonzero(touched & facts.asked))
    concerned = first.with_cohorts_of(touched)
    days = _days(facts, touched, concerned, generation)
    near = _near(facts, days, generation)
    fact, number = _in_windows(facts, near, days, generation)
    answered = near[facts.asked[near]]
    on = days.number_of(_key(facts.member[answered], generation.days.days_of(facts.at[answered])))
    answered, on = answered[on >= 0], on[on >= 0]
    asked = questions(facts.group, facts.kind, facts.sitting, answered)
    results = outcomes(asked, facts.records, facts.group, facts.taken, facts.details)
    judged = Judged(asked, results)
    local = generation.days.days_of(facts.at[concerned])
    is_open = local >= generation.first_open
    concerned, local = concerned[is_open], local[is_open]
    return (
        day_table(facts, days.member, days.day, (fact, number), (answered, on), judged, names, generation),
        answer_table(facts, concerned, local, judged, names, generation),
    )


def _key(member: Ints, day: Ints) -> Ints:
    return (member << DAY_BITS) | day


def _window(facts: Facts, chosen: Ints, generation: Generation) -> tuple[Ints, Ints]:
    """First and last local day whose window a study fact touches, as ``member.window_days`` says."""
    rules, at = generation.rules, facts.at[chosen]
    start = np.where(facts.beat[chosen], at, np.maximum(at - facts.span[chosen], at - rules.longest_interval))
    of = generation.days.days_of
    return of(start - rules.beat_gap), of(at + rules.before)


def _each_day(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """(number of the window, day) for every day of every window."""
    sizes = last - first + 1
    of = np.repeat(np.arange(len(first)), sizes)
    return of, first[of] + np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _days(facts: Facts, touched: Flags, concerned: Ints, generation: Generation) -> _Days:
    study = np.flatnonzero(touched & (facts.kind == STUDY))
    of, day = _each_day(*_window(facts, study, generation))
    answered = generation.days.days_of(facts.at[concerned])
    member = np.concatenate([facts.member[study[of]], facts.member[concerned]])
    day = np.concatenate([day, answered])
    is_open = day >= generation.first_open
    return _Days(np.unique(_key(member[is_open], day[is_open])))


def _near(facts: Facts, days: _Days, generation: Generation) -> Ints:
    """Numbers of the facts that can matter to the days, and some more: a first sieve, without time zones."""
    count = int(facts.member.max()) + 1 if len(facts.member) else 0
    low, high = np.full(count, NEVER), np.full(count, -NEVER)
    reach = _MARGIN + generation.rules.before + generation.rules.longest_interval
    np.minimum.at(low, days.member, days.day * DAY_MS - reach)
    np.maximum.at(high, days.member, days.day * DAY_MS + reach)
    return np.flatnonzero((facts.at >= low[facts.member]) & (facts.at <= high[facts.member]))


def _in_windows(facts: Facts, near: Ints, days: _Days, generation: Generation) -> tuple[Ints, Ints]:
    """(fact, number of the day) for every study fact and each of the days whose window it touches."""
    study = near[facts.kind[near] == STUDY]
    of, day = _each_day(*_window(facts, study, generation))
    fact = study[of]
    number = days.number_of(_key(facts.member[fact], day))
    return fact[number >= 0], number[number >= 0]
