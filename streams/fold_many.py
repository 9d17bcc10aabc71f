"""``fold_study`` for many days at once: the same sums, over columns sorted by key and start.

Equal to ``fold_day`` of each key's intervals (tests compare them); ``fold_study`` is the definition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.days import LocalDays

from .packed import Flags, Ints
from .rules import Rules

REACH = 40
"""Bits of an instant relative to its day: 2 ** 39 ms on either side."""
_HALF = 1 << (REACH - 1)
NEVER = 1 << 62


@dataclass(slots=True)
class Stretches:
    """``fold_study.Interval`` as columns, with the key that each is summed under; instants in ms UTC."""

    key: Ints
    start: Ints
    end: Ints
    active: Ints
    """-1 where not reported"""
    capped: Flags

    def take(self, chosen: Ints | Flags) -> Stretches:
        """Some of them."""
        return Stretches(
            self.key[chosen], self.start[chosen], self.end[chosen], self.active[chosen], self.capped[chosen]
        )

    def beside(self, other: Stretches) -> Stretches:
        """These and others."""
        return Stretches(
            np.concatenate([self.key, other.key]),
            np.concatenate([self.start, other.start]),
            np.concatenate([self.end, other.end]),
            np.concatenate([self.active, other.active]),
            np.concatenate([self.capped, other.capped]),
        )

    def under(self, key: Ints) -> Stretches:
        """The same under other keys."""
        return Stretches(key, self.start, self.end, self.active, self.capped)


@dataclass(slots=True)
class StudySums:
    """``fold_study.DayStudy`` as columns, an entry a key; ``first`` and ``last`` are ``NEVER`` and ``-NEVER`` where
    there is no study."""

    study_ms: Ints
    overlap_ms: Ints
    active_ms: Ints
    open_ms: Ints
    sessions: Ints
    capped: Ints
    hour_ms: Ints
    """24 columns"""
    first: Ints
    last: Ints


def interval_stretches(key: Ints, at: Ints, span: Ints, active: Ints, rules: Rules) -> Stretches:
    """Stretches of explicit intervals; those without length are left out."""
    start = np.maximum(at - span, at - rules.longest_interval)
    found = Stretches(key, start, at, np.minimum(active, at - start), start > at - span)
    return found.take(at > start)


def beat_stretches(
    key: Ints, series: Ints, at: Ints, order: tuple[Ints, Ints], span: Ints, active: Ints, rules: Rules
) -> Stretches:
    """Stretches of heartbeats: each until the next one of its series within ``beat_gap``, else one period.
    ``order`` breaks ties of ``at``, the more significant column first."""
    sorted_ = np.lexsort((order[1], order[0], at, series))
    key, series, at, span, active = key[sorted_], series[sorted_], at[sorted_], span[sorted_], active[sorted_]
    length = np.minimum(span, rules.beat_gap)
    gap = np.diff(at)
    follows = (series[1:] == series[:-1]) & (gap <= rules.beat_gap)
    length[:-1][follows] = gap[follows]
    found = Stretches(key, at, at + length, np.minimum(active, length), np.zeros(len(at), np.bool_))
    return found.take(length > 0)


def fold_study(stretches: Stretches, days: Ints, local: LocalDays, rules: Rules) -> StudySums:
    """Sums of each key on its local day: ``days`` has the day of key 0, 1, …"""
    count = len(days)
    distinct, of_day = np.unique(days, return_inverse=True)
    lower, upper = local.bounds_of(days)
    length = upper - lower
    s = stretches
    start, end = s.start - lower[s.key], s.end - lower[s.key]
    part = np.minimum(end, length[s.key]) - np.maximum(start, 0)
    inside = part > 0
    reported = inside & (s.active >= 0)
    before = np.maximum(-start, 0)
    whole = end - start
    # Split over midnight in proportion; both parts round so that they sum to the whole.
    share = s.active * (before + part) // whole - s.active * before // whole
    total = add_up(s.key[inside], part[inside], count)

    segment_key, first, last = _union(s.key, start, end)
    sessions = _sessions(segment_key, first, last, length, rules, count)
    within = np.maximum(first, 0) < np.minimum(last, length[segment_key])
    segment_key = segment_key[within]
    first, last = np.maximum(first[within], 0), np.minimum(last[within], length[segment_key])
    study = add_up(segment_key, last - first, count)
    earliest, latest = np.full(count, NEVER), np.full(count, -NEVER)
    np.minimum.at(earliest, segment_key, first + lower[segment_key])
    np.maximum.at(latest, segment_key, last + lower[segment_key])
    return StudySums(
        study,
        total - study,
        add_up(s.key[reported], share[reported], count),
        add_up(s.key[reported], part[reported], count),
        sessions,
        add_up(s.key[inside & s.capped & (end <= length[s.key])], 1, count),
        _by_hour(segment_key, first, last, distinct, of_day, local, count),
        earliest,
        latest,
    )


def add_up(key: Ints, values: Ints | int, count: int) -> Ints:
    """Exact sums of values by key, for ``count`` keys."""
    found = np.zeros(count, np.int64)
    np.add.at(found, key, values)
    return found


def _union(key: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """Disjoint segments (key, start, end) in order; touching ones are joined."""
    # Key and instant in one number: one sort, and one running maximum that no key carries over into the next.
    begins, ends = (key << REACH) + start + _HALF, (key << REACH) + end + _HALF
    order = np.argsort(begins)
    begins = begins[order]
    reached = np.maximum.accumulate(ends[order])
    opens = np.ones(len(begins), np.bool_)
    opens[1:] = begins[1:] > reached[:-1]
    at = np.flatnonzero(opens)
    closes = np.append(at[1:], len(begins)) - 1 if len(at) else at
    found = begins[at] >> REACH
    base = (found << REACH) + _HALF
    return found, begins[at] - base, reached[closes] - base


def _sessions(key: Ints, start: Ints, end: Ints, length: Ints, rules: Rules, count: int) -> Ints:
    """Segments that begin on the day more than ``session_gap`` after the one before."""
    begins = np.ones(len(key), np.bool_)
    begins[1:] = (key[1:] != key[:-1]) | (start[1:] - end[:-1] > rules.session_gap)
    return add_up(key[begins & (start >= 0) & (start < length[key])], 1, count)


def _by_hour(key: Ints, start: Ints, end: Ints, distinct: Ints, of_day: Ints, local: LocalDays, count: int) -> Ints:
    """Length of segments by local hour, 24 columns."""
    runs = [
        (number << REACH, a - local.bounds(day)[0], b - local.bounds(day)[0], hour)
        for number, day in enumerate(distinct.tolist())
        for a, b, hour in local.hours(day)
    ]
    found = np.zeros(count * 24, np.int64)
    if len(key):
        table = np.array(runs, np.int64)
        edges = table[:, 0] + table[:, 1]
        base = of_day[key] << REACH
        first = np.searchsorted(edges, base + start, "right") - 1
        several = np.searchsorted(edges, base + end, "left") - first
        segment = np.repeat(np.arange(len(key)), several)
        run = first[segment] + np.arange(len(segment)) - np.repeat(np.cumsum(several) - several, several)
        part = np.minimum(end[segment], table[run, 2]) - np.maximum(start[segment], table[run, 1])
        np.add.at(found, key[segment] * 24 + table[run, 3], part)
    return found.reshape(count, 24)
