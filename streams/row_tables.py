"""Rows of ``member_day`` and ``answers`` as Arrow tables, from columns of facts and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.tables import ANSWERS, MEMBER_DAY, Table

from .answers_many import Outcomes, Questions
from .facts import ANSWER, ERROR
from .fold_many import NEVER, Stretches, StudySums, add_up, beat_stretches, fold_study, interval_stretches
from .packed import NOTHING, Asked, Flags, Ints
from .packed_facts import Facts
from .rules import Generation
from .takers import takers_of_cohorts, takers_of_days

Pairs = tuple[Ints, Ints]
"""(number of the fact, number of the day)"""


@dataclass(slots=True)
class Judged:
    """Facts about questions with what they count for."""

    asked: Questions
    results: Outcomes

    def where(self, facts: Ints) -> Ints:
        """Their places among ``asked``, which must hold them all."""
        return np.searchsorted(self.asked.at, facts)


class _Keys:
    """What figures are summed under: each day over all courses, and each course of a day of several.

    A day of one course has the same figures under it as over all; only then is its row a copy.
    """

    def __init__(self, facts: Facts, days: int, study: Pairs, touching: Flags, answered: Pairs) -> None:
        self.days, self._courses = days, max(len(facts.details.courses.values), 1)
        pair = np.concatenate([self._pair(facts, study), self._pair(facts, answered)])
        names = np.concatenate([touching, np.ones(len(answered[0]), np.bool_)])
        self.named = np.unique(pair[names])
        """(day, course) pairs that get a row"""
        self.day, self.course = self.named // self._courses, self.named % self._courses
        several = np.bincount(self.day, minlength=days) != 1
        # Also where another course reaches in from before midnight: it joins the sessions over all.
        only = np.zeros(days, np.int64)
        only[self.day] = self.course
        of = np.concatenate([study[1], answered[1]])
        several[of[pair % self._courses != only[of]]] = True
        self._apart = several[self.day]
        self.apart = self.named[self._apart]
        self.count = days + len(self.apart)

    def _pair(self, facts: Facts, pairs: Pairs) -> Ints:
        found: Ints = pairs[1] * self._courses + facts.course[pairs[0]]
        return found

    def day_of_key(self) -> Ints:
        """The day that each key belongs to."""
        found: Ints = np.concatenate([np.arange(self.days), self.apart // self._courses])
        return found

    def of(self, facts: Facts, pairs: Pairs) -> tuple[Ints, Ints]:
        """(position among ``pairs``, key) for every key that a pair is summed under."""
        pair = self._pair(facts, pairs)
        where = np.minimum(np.searchsorted(self.apart, pair), max(len(self.apart) - 1, 0))
        also = np.flatnonzero(self.apart[where] == pair) if len(self.apart) else np.zeros(0, np.int64)
        return np.concatenate([np.arange(len(pair)), also]), np.concatenate([pairs[1], self.days + where[also]])

    def rows(self) -> tuple[Ints, Ints, Ints]:
        """(day, course or -1 for all, key of the figures) of every row."""
        days = np.unique(self.day)
        key = self.day.copy()
        key[self._apart] = self.days + np.arange(len(self.apart))
        return (
            np.concatenate([days, self.day]),
            np.concatenate([np.full(len(days), -1), self.course]),
            np.concatenate([days, key]),
        )


def day_table(
    facts: Facts,
    member: Ints,
    day: Ints,
    study: Pairs,
    answered: Pairs,
    judged: Judged,
    names: pa.Array,
    generation: Generation,
) -> pa.Table:
    """``member_day`` rows of the (``member``, ``day``) pairs; ``study``: study facts whose window touches a day;
    ``answered``: answers and errors on a day."""
    touching, present = _touch(facts, study, day, generation)
    keys = _Keys(facts, len(day), study, touching, answered)
    live = ~facts.taken[study[0]]
    sums = _study(facts, keys, (study[0][live], study[1][live]), day, generation)
    columns = _answer_sums(facts, keys, answered, judged, sums)
    kept = ~facts.taken[answered[0]]
    columns["events"] = _count(facts, keys, study, present & live) + _count(facts, keys, answered, kept)
    version = np.bincount(study[1], minlength=len(day)) + _behind(answered, judged, len(day))
    version += takers_of_days(facts, study, answered, judged.asked, len(day))
    at, course, key = keys.rows()
    columns = {name: values[key] for name, values in columns.items()}
    courses = pa.array([*facts.details.courses.values, ""], pa.string())
    columns |= {
        "generation": np.full(len(at), generation.number),
        "member_id": names.take(pa.array(member[at])),
        "day": day[at].astype(np.int32),
        "course_id": courses.take(pa.array(np.where(course < 0, len(courses) - 1, course))),
        "hour_ms": _lists(sums.hour_ms[key]),
        "first_at": _instants(columns.pop("first"), NEVER),
        "last_at": _instants(columns.pop("last"), -NEVER),
        "version": version[at],
    }
    return _table(MEMBER_DAY, columns)


def _count(facts: Facts, keys: _Keys, pairs: Pairs, those: Flags) -> Ints:
    """How many of some pairs each key has."""
    return add_up(keys.of(facts, (pairs[0][those], pairs[1][those]))[1], 1, keys.count)


def _touch(facts: Facts, study: Pairs, day: Ints, generation: Generation) -> tuple[Flags, Flags]:
    """Whether a study fact can touch a day at all, and whether it counts on it: ``rows._may_touch``, ``_present``."""
    fact, number = study
    lower, upper = generation.days.bounds_of(day)
    lower, upper = lower[number], upper[number]
    at, span, beat = facts.at[fact], facts.span[fact], facts.beat[fact]
    start = np.maximum(at - span, at - generation.rules.longest_interval)
    interval = (span > 0) & (np.maximum(start, lower) < np.minimum(at, upper))
    on = (lower <= at) & (at < upper)
    near = (lower - generation.rules.beat_gap <= at) & (at < upper)
    return np.where(beat, near, interval), np.where(beat, on, interval)


def _study(facts: Facts, keys: _Keys, study: Pairs, day: Ints, generation: Generation) -> StudySums:
    fact, number = study
    label = np.arange(len(fact))
    beat = facts.beat[fact]
    still, beats = label[~beat], label[beat]
    of = fact[still]
    found = interval_stretches(still, facts.at[of], facts.span[of], facts.active(of), generation.rules)
    if len(beats):
        of = fact[beats]
        series = (number[beats] << 32) | facts.stream[of]
        order = facts.records["id_high"][of], facts.records["id_low"][of]
        found = found.beside(
            beat_stretches(beats, series, facts.at[of], order, facts.span[of], facts.active(of), generation.rules)
        )
    of_stretch, key = keys.of(facts, (fact[found.key], number[found.key]))
    summed: Stretches = found.take(of_stretch).under(key)
    return fold_study(summed, day[keys.day_of_key()], generation.days, generation.rules)


def _answer_sums(facts: Facts, keys: _Keys, answered: Pairs, judged: Judged, study: StudySums) -> dict[str, Any]:
    place = judged.where(answered[0])
    counted = judged.results.counted[place]
    fact, on, place = answered[0][counted], answered[1][counted], place[counted]
    of, key = keys.of(facts, (fact, on))
    fact, place = fact[of], place[of]
    right, spent = judged.results.correct[place], np.where(facts.kind[fact] == ANSWER, facts.span[fact], 0)
    first, last = study.first.copy(), study.last.copy()
    np.minimum.at(first, key, facts.at[fact])
    np.maximum.at(last, key, facts.at[fact])
    wrong = right == 0
    questions = max(len(facts.details.questions.values), 1)
    distinct = np.unique(key[wrong] * questions + facts.question[fact[wrong]]) // questions
    return {
        **{n: getattr(study, n) for n in ("study_ms", "overlap_ms", "active_ms", "open_ms", "sessions", "capped")},
        "answers": add_up(key, 1, keys.count),
        "graded": add_up(key[right >= 0], 1, keys.count),
        "correct": add_up(key[right == 1], 1, keys.count),
        "score_micro": add_up(key, judged.results.score[place], keys.count),
        "max_micro": add_up(key, judged.results.best[place], keys.count),
        "response_ms": add_up(key, spent, keys.count),
        "timed_answers": add_up(key[spent > 0], 1, keys.count),
        "wrong_questions": add_up(distinct, 1, keys.count),
        "first": first,
        "last": last,
    }


def _behind(answered: Pairs, judged: Judged, days: int) -> Ints:
    """Number of facts that the answers of each day depend on: whole cohorts, each once."""
    asked = judged.asked
    cohorts = max(len(asked.size), 1)
    distinct = np.unique(answered[1] * cohorts + asked.cohort[judged.where(answered[0])])
    return add_up(distinct // cohorts, asked.size[distinct % cohorts] if len(distinct) else 0, days)


def answer_table(
    facts: Facts, chosen: Ints, day: Ints, judged: Judged, names: pa.Array, generation: Generation
) -> pa.Table:
    """``answers`` rows of the ``chosen`` facts, which lie on the local days ``day``."""
    place = judged.where(chosen)
    records, results = facts.records[chosen], judged.results
    distinct, detail = np.unique(records["detail"], return_inverse=True)
    said: list[Asked] = [*map(facts.details.said, distinct.tolist()), NOTHING]
    gone = facts.taken[chosen]
    take, shown = pa.array(detail), pa.array(np.where(gone, len(distinct), detail))
    kind, correct = facts.kind[chosen], results.correct[place]
    ids = np.empty((len(chosen), 2), ">u8")
    ids[:, 0], ids[:, 1] = records["id_high"], records["id_low"]
    spent = facts.span[chosen]
    columns = {
        "generation": np.full(len(chosen), generation.number),
        "member_id": names.take(pa.array(facts.member[chosen])),
        "course_id": pa.array([f.course for f in said], pa.string()).take(take),
        "question_id": pa.array([f.question for f in said], pa.string()).take(take),
        "day": day.astype(np.int32),
        "event_id": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(chosen), [None, pa.py_buffer(ids)]),
        # A row that does not count has no content: it must not depend on what it had.
        "at": np.where(gone, generation.days.bounds_of(day)[0], facts.at[chosen]),
        "exam_id": pa.array([f.exam for f in said], pa.string()).take(shown),
        "attempt": pa.array([f.attempt for f in said], pa.uint32()).take(shown),
        "counted": results.counted[place],
        "correct": pa.array(correct == 1, mask=correct < 0),
        "score_micro": results.score[place],
        "max_micro": results.best[place],
        "response_ms": pa.array(spent, mask=(kind != ANSWER) | (spent == 0) | gone),
        "response": pa.array([f.response for f in said], pa.list_(pa.string())).take(shown),
        "knowledge_points": pa.array([f.points for f in said], pa.list_(pa.string())).take(shown),
        "from_error": (kind == ERROR) & ~gone,
        "version": (judged.asked.size + takers_of_cohorts(facts, judged.asked))[judged.asked.cohort[place]],
    }
    return _table(ANSWERS, columns)


def _instants(values: Ints, none: int) -> pa.Array:
    return pa.array(values, mask=values == none)


def _lists(values: Ints) -> pa.Array:
    rows, width = values.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.reshape(-1).astype(np.uint32)))


def _table(table: Table, columns: dict[str, Any]) -> pa.Table:
    found = {}
    for column in table.columns:
        values = columns[column.name]
        array = pa.array(values) if isinstance(values, np.ndarray) else values
        found[column.name] = array if array.type == column.arrow else array.cast(column.arrow)
    return pa.table(found)
