"""Cron times and periods hold their promises at every date, over changes of clocks and ends of years."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports.schedule.cron import times_after, times_between
from reports.schedule.periods import RELATIVE, Relative, Term, resolve

ZONES = [
    ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC")
]
MINUTE = timedelta(minutes=1)
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda d: d.replace(tzinfo=UTC, microsecond=0))
TERMS = tuple(
    term
    for year in range(2018, 2037)
    for term in (
        Term(f"{year}-spring", date(year, 2, 20), date(year, 7, 10)),
        Term(f"{year}-autumn", date(year, 9, 1), date(year + 1, 1, 20)),
    )
)


@given(days, st.sampled_from(RELATIVE))
@example(date(2024, 1, 1), "year-to-date")
@example(date(2024, 2, 29), "last-month")
@example(date(2027, 1, 1), "last-week")
def test_a_period_ends_before_the_day_it_is_asked_on(today: date, wanted: Relative) -> None:
    period = resolve(wanted, today, TERMS).period
    assert period.first <= period.last < today
    if wanted == "year-to-date":
        assert period.last == today - timedelta(days=1)
        assert (period.first.month, period.first.day) == (1, 1)


@given(days, st.sampled_from([w for w in RELATIVE if w not in ("year-to-date", "last-term")]))
def test_periods_follow_each_other_without_gap_or_overlap(today: date, wanted: Relative) -> None:
    newest = resolve(wanted, today)
    before = resolve(wanted, newest.period.last)  # on its last day it has not ended yet
    assert before.period.last + timedelta(days=1) == newest.period.first
    assert before.label < newest.label
    # The newest that has ended: the next one has not.
    after = resolve(wanted, newest.period.last + timedelta(days=1))
    assert after == newest
    following = next(
        found for n in range(1, 800) if (found := resolve(wanted, newest.period.last + timedelta(days=n))) != newest
    )
    assert following.period.last >= today


@given(days)
def test_lengths_are_those_of_the_calendar(today: date) -> None:
    assert resolve("last-week", today).period.days == 7
    assert resolve("last-week", today).period.first.weekday() == 0
    month = resolve("last-month", today).period
    assert month.first.day == 1
    assert (month.last + timedelta(days=1)).day == 1
    assert resolve("last-year", today).period.days in (365, 366)
    assert resolve("last-quarter", today).period.first.month in (1, 4, 7, 10)


@given(moments, st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59))
def test_a_daily_job_is_due_once_a_local_day(start: datetime, zone: ZoneInfo, hour: int, minute: int) -> None:
    """Also on the day of 23 or 25 hours, where the time is skipped or comes twice."""
    found = times_between(f"{minute} {hour} * * *", zone, start, start + timedelta(days=400), 1000)
    local = [moment.astimezone(zone).date() for moment in found]
    assert len(set(local)) == len(local)
    assert {b - a for a, b in itertools.pairwise(local)} == {timedelta(days=1)}


@given(moments, st.sampled_from(ZONES), st.sampled_from(["*/15 * * * *", "0 6 1 * *", "30 2 * * SUN", "0 0 1 1 *"]))
def test_times_ascend_and_any_cut_gives_the_same(start: datetime, zone: ZoneInfo, expression: str) -> None:
    found = []
    for moment in times_after(expression, zone, start):
        found.append(moment)
        if len(found) == 40:
            break
    assert start < found[0]
    assert all(a < b for a, b in itertools.pairwise(found))
    cut = found[17]
    assert (
        times_between(expression, zone, start, cut, 100) + times_between(expression, zone, cut, found[-1], 100) == found
    )


@pytest.mark.parametrize(
    ("expression", "zone", "after", "due"),
    [
        # Clocks go forward from 02:00 to 03:00: due at once after the gap.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T01:00"),
        # They go back from 03:00 to 02:00: due once, the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("0 6 1 * *", "Asia/Shanghai", "2026-12-31T00:00", "2026-12-31T22:00"),
        ("0 0 29 2 *", "Asia/Shanghai", "2026-01-01T00:00", "2028-02-28T16:00"),
    ],
)  # fmt: skip
def test_known_times(expression: str, zone: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert next(times_after(expression, ZoneInfo(zone), moment)) == datetime.fromisoformat(due).replace(tzinfo=UTC)
