"""Change of a ratio between two periods: exact where it can be worked out, and covering what it should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reports.measures.change import change_of_ratio
from reports.measures.errors import MeasureError


def test_one_value_a_member_in_both_periods_is_the_paired_t_interval() -> None:
    before = {f"m{i}": (x, 1.0) for i, x in enumerate([3.0, 5.0, 2.0, 8.0, 6.0, 4.0])}
    now = {f"m{i}": (x, 1.0) for i, x in enumerate([4.0, 5.5, 4.0, 7.0, 9.0, 4.5])}
    found = change_of_ratio(before, now)
    assert found is not None
    expected = stats.ttest_rel([x for x, _ in now.values()], [x for x, _ in before.values()]).confidence_interval(0.95)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    assert found.change == pytest.approx(found.now - found.before)


def test_a_period_without_cases_has_no_change() -> None:
    assert change_of_ratio({}, {"a": (1.0, 1.0)}) is None
    assert change_of_ratio({"a": (0.0, 0.0)}, {"a": (1.0, 1.0)}) is None


def test_few_members_and_no_spread_have_no_interval() -> None:
    four = dict.fromkeys("abcd", (1.0, 2.0))
    other = dict.fromkeys("abcd", (2.0, 2.0))
    found = change_of_ratio(four, other)
    assert found is not None
    assert (found.change, found.interval, found.direction) == (0.5, None, 0)
    six = dict.fromkeys("abcdef", (1.0, 2.0))
    same = change_of_ratio(six, dict.fromkeys(six, (2.0, 2.0)))
    assert same is not None
    assert same.interval is None


def test_direction_needs_the_whole_interval_on_one_side() -> None:
    before = {f"m{i}": (float(i % 2), 5.0) for i in range(20)}
    now = {f"m{i}": (3.0 + i % 3, 5.0) for i in range(20)}
    up = change_of_ratio(before, now)
    down = change_of_ratio(now, before)
    assert up is not None
    assert down is not None
    assert (up.direction, down.direction) == (1, -1)


def test_answers_of_one_member_count_as_one_case() -> None:
    """Three in ten members answer 50 questions alike: by answers the interval would miss most of the time."""
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        skill = rng.beta(1, 1, 30)
        both = [{str(m): (float(rng.binomial(50, s)), 50.0) for m, s in enumerate(skill[p : p + 20])} for p in (0, 10)]
        found = change_of_ratio({f"a{k}": v for k, v in both[0].items()}, {f"b{k}": v for k, v in both[1].items()})
        assert found is not None
        assert found.interval is not None
        inside += found.interval.low <= 0 <= found.interval.high
    assert inside / 400 > 0.93


def test_a_negative_number_of_cases_is_refused() -> None:
    with pytest.raises(MeasureError, match="negative"):
        change_of_ratio({"a": (1.0, -1.0)}, {})
