"""The ends of what is recorded of everybody, looked for from both sides: what lies between is not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeAlias

from ..client import Store
from .scope import Filters, Scope

Ends: TypeAlias = tuple[date | None, date | None, date | None, date | None]
"""First and last day, and the same of members who belonged somewhere on it; None where there is none."""


def of_everybody(scope: Scope, filters: Filters) -> bool:
    """Whether a question is about the whole store, so that reading its ends only is worth more statements."""
    return scope.node is None and scope.member_id is None and filters.org is None and filters.member is None


def recorded_between(store: Store, filters: Filters) -> tuple[date, date] | None:
    """Days of the period that may have rows, from what the engine knows of its parts; None for none."""
    ((low, high, rows),) = store.rows("SELECT min(day), max(day), count() FROM member_day")
    low, high = max(low, filters.first or low), min(high, filters.last or high)
    return (low, high) if rows and low <= high else None


def between(low: date, high: date, filters: Filters, ask: Callable[[Filters], Ends]) -> Ends:
    """The ends of ``[low, high]``: months are asked for from the beginning, then from the end, each time twice as many,
    until both ends are found or nothing is left. ``ask`` gives those of a shorter period."""
    found: Ends = (None, None, None, None)
    at, months = low, 1
    while at <= high and None in (found[0], found[2]):
        until = min(high, _first_of(at, months) - timedelta(days=1))
        found = _joined(found, ask(replace(filters, first=at, last=until)))
        at, months = until + timedelta(days=1), months * 2
    later: Ends = (None, None, None, None)
    upto, months = high, 1
    while upto >= at and None in (later[1], later[3]):
        since = max(at, _first_of(upto, 1 - months))
        later = _joined(later, ask(replace(filters, first=since, last=upto)))
        upto, months = since - timedelta(days=1), months * 2
    return _joined(found, later)


def _first_of(day: date, months: int) -> date:
    """The first of the month that is so many months after that of ``day``."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _joined(a: Ends, b: Ends) -> Ends:
    def end(pick: Callable[[list[date]], date], i: int) -> date | None:
        days = [day for day in (a[i], b[i]) if day is not None]
        return pick(days) if days else None

    return end(min, 0), end(max, 1), end(min, 2), end(max, 3)
