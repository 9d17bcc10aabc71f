"""The ends of what is recorded, looked for from both sides, are those of all days."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sinks.read import Filters
from sinks.read.ends import Ends, between

LOW = date(2025, 11, 17)
DAYS = 500


class Recorded:
    """Days on which something is recorded, each with whether its member belonged somewhere; and what was asked."""

    def __init__(self, days: list[tuple[date, bool]]) -> None:
        self.days = days
        self.asked: list[tuple[date, date]] = []

    def __call__(self, filters: Filters) -> Ends:
        first, last = filters.first, filters.last
        assert first
        assert last
        self.asked.append((first, last))
        every = [d for d, _ in self.days if first <= d <= last]
        placed = [d for d, is_placed in self.days if is_placed and first <= d <= last]
        return (*_ends(every), *_ends(placed))


def _ends(days: list[date]) -> tuple[date | None, date | None]:
    return min(days, default=None), max(days, default=None)


@given(
    st.lists(st.tuples(st.integers(0, DAYS - 1).map(lambda n: LOW + timedelta(days=n)), st.booleans())),
    st.integers(0, DAYS - 1),
    st.integers(0, DAYS - 1),
)
def test_the_ends_are_those_of_all_days(days: list[tuple[date, bool]], a: int, b: int) -> None:
    low, high = LOW + timedelta(days=min(a, b)), LOW + timedelta(days=max(a, b))
    recorded = Recorded(days)
    found = between(low, high, Filters(), recorded)
    asked = sorted(recorded.asked)
    assert found == recorded(Filters(first=low, last=high))
    assert all(before[1] < after[0] for before, after in pairwise(asked)), "a day was read twice"
    assert all(low <= first <= last <= high for first, last in asked)


def test_what_lies_between_is_not_read() -> None:
    every_day = Recorded([(LOW + timedelta(days=n), True) for n in range(DAYS)])
    between(LOW, LOW + timedelta(days=DAYS - 1), Filters(), every_day)
    assert len(every_day.asked) == 2
    assert sum((last - first).days + 1 for first, last in every_day.asked) <= 62


def test_an_end_that_nobody_has_costs_few_questions() -> None:
    nobody_placed = Recorded([(LOW + timedelta(days=n), False) for n in range(DAYS)])
    assert between(LOW, LOW + timedelta(days=DAYS - 1), Filters(), nobody_placed)[2:] == (None, None)
    assert len(nobody_placed.asked) <= 6
