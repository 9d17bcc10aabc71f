"""Study pattern: the same shape for a member and for a group, made from sums by day and by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reports.data import Period
from reports.figures import Series

LONGEST_CALENDAR = 371
"""Days that a calendar shows at most (53 weeks): the last ones of a longer period."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Study time of every day from ``first`` on."""

    first: date
    values: Series

    @property
    def cut(self) -> bool:
        """Whether earlier days of the period are left out."""
        return len(self.values.values) == LONGEST_CALENDAR


@dataclass(frozen=True, slots=True)
class Hours:
    """24 values each, by local hour."""

    study: Series
    answers: Series


@dataclass(frozen=True, slots=True)
class Weeks:
    """Study time by week; ``starts`` are Mondays, ``partial`` marks weeks that the period cuts."""

    starts: tuple[date, ...]
    study: Series
    partial: tuple[bool, ...]
    active: Series | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """When study took place."""

    calendar: Calendar
    hours: Hours
    weeks: Weeks


def calendar(period: Period, by_day: Mapping[date, float]) -> Calendar:
    """Every day of the period, 0 where nothing was studied."""
    days = min(period.days, LONGEST_CALENDAR)
    first = period.last - timedelta(days=days - 1)
    values = tuple(by_day.get(first + timedelta(days=i), 0.0) for i in range(days))
    return Calendar(first, Series("day_seconds", values))


def monday(day: date) -> date:
    """The Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def week_starts(period: Period) -> tuple[date, ...]:
    """Mondays of all weeks that the period touches."""
    first = monday(period.first)
    return tuple(first + timedelta(days=i) for i in range(0, (period.last - first).days + 1, 7))


def weeks(period: Period, by_day: Mapping[date, float], active: Mapping[date, int] | None = None) -> Weeks:
    """Every week that the period touches; ``active`` counts members by Monday."""
    starts = week_starts(period)
    sums = dict.fromkeys(starts, 0.0)
    for day, seconds in by_day.items():
        sums[monday(day)] += seconds
    partial = tuple(s < period.first or s + timedelta(days=6) > period.last for s in starts)
    counted = None if active is None else Series("week_active", tuple(float(active.get(s, 0)) for s in starts))
    return Weeks(starts, Series("week_seconds", tuple(sums.values())), partial, counted)


def pattern(
    period: Period,
    by_day: Mapping[date, float],
    by_hour: Sequence[float],
    answers_by_hour: Sequence[int],
    active: Mapping[date, int] | None = None,
) -> Pattern:
    """Calendar, hours and weeks from sums."""
    return Pattern(
        calendar(period, by_day),
        Hours(
            Series("hour_seconds", tuple(by_hour)),
            Series("hour_answers", tuple(float(n) for n in answers_by_hour)),
        ),
        weeks(period, by_day, active),
    )
