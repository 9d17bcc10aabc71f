"""The days that a scheduled report is about, counted from the local date on which it is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from reports.data import Period
from reports.errors import ReportError

Relative = Literal[
    "last-week", "last-month", "last-quarter", "last-half-year", "last-term", "last-year", "year-to-date"
]
RELATIVE: tuple[Relative, ...] = (
    "last-week",
    "last-month",
    "last-quarter",
    "last-half-year",
    "last-term",
    "last-year",
    "year-to-date",
)
_MONTHS = {"last-month": 1, "last-quarter": 3, "last-half-year": 6, "last-year": 12}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the place: local days ``first`` to ``last``, both included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Named:
    """A period and what it is called in names of folders: 2026-W09, 2026-03, 2026-Q1, 2026-H1, 2026, a term."""

    period: Period
    label: str


def resolve(wanted: Relative | Period, today: date, terms: Sequence[Term] = ()) -> Named:
    """The period as of the local date ``today``. "last" is the newest one that had ended the day before.

    Weeks run from Monday to Sunday (ISO 8601). ``year-to-date`` ends the day before ``today``; on the first of
    January it is the whole year before. Raises ReportError when no term has ended.
    """
    if isinstance(wanted, Period):
        return Named(wanted, f"{wanted.first}_{wanted.last}")
    if wanted == "last-term":
        return _term(today, terms)
    if wanted == "last-week":
        first = today - timedelta(days=today.weekday() + 7)
        year, week, _ = first.isocalendar()
        return Named(Period(first, first + 6 * _DAY), f"{year}-W{week:02}")
    if wanted == "year-to-date":
        last = today - _DAY
        return Named(Period(date(last.year, 1, 1), last), f"{last.year}-to-{last:%m-%d}")
    return _months(_MONTHS[wanted], today)


def _months(length: int, today: date) -> Named:
    """The newest whole stretch of ``length`` months, counted from January, before the one that ``today`` is in."""
    start = date(today.year, (today.month - 1) // length * length + 1, 1)
    last = start - _DAY
    index = (last.month - 1) // length
    first = date(last.year, index * length + 1, 1)
    label = {1: f"-{last.month:02}", 3: f"-Q{index + 1}", 6: f"-H{index + 1}", 12: ""}[length]
    return Named(Period(first, last), f"{last.year}{label}")


def _term(today: date, terms: Sequence[Term]) -> Named:
    ended = [term for term in terms if term.last < today]
    if not ended:
        raise ReportError(
            f"no term has ended before {today}", where="[[term]]", hint="add the terms to the file of schedules"
        )
    newest = max(ended, key=lambda term: term.last)
    return Named(Period(newest.first, newest.last), newest.name)
