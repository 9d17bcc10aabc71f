"""Attitude, effort and gain: reference values, edges, and what must hold for any input."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures.attitude import (
    burstiness,
    click_time_ms,
    completion,
    cramming,
    focus,
    gini,
    hour_consistency,
    regularity,
    sensitivity_band,
    start_lag,
)
from reports.measures.effort import effort, is_rapid, rapid_threshold
from reports.measures.errors import MeasureError
from reports.measures.gain import class_gain, hake_gain, normalised_change

minutes = st.lists(st.integers(0, 600), min_size=2, max_size=40)


def test_regularity_reference_cases(golden_dir: Path) -> None:
    with (golden_dir / "computed/regularity_cases.csv").open(newline="") as file:
        cases = list(csv.DictReader(file))
    assert len(cases) == 4
    for case in cases:
        daily = [float(case[f"day{i}"]) for i in range(1, 8)]
        got = (regularity(daily), gini(daily, corrected=False), gini(daily))
        for value, name in zip(got, ("entropy_norm", "gini", "gini_corrected"), strict=True):
            assert value == (pytest.approx(float(case[name]), abs=1e-6) if case[name] else None)


def test_rhythm_of_one_day_or_of_nothing_is_unknown() -> None:
    assert regularity([30]) is None
    assert gini([30]) is None
    assert regularity([]) is None
    assert regularity([0, 0]) is None
    with pytest.raises(MeasureError):
        regularity([10, -1])


@given(minutes, st.randoms(use_true_random=False), st.sampled_from([2, 8, 60]))
def test_rhythm_ignores_order_and_unit_and_stays_in_range(daily: list[int], random: Random, unit: int) -> None:
    shuffled = list(daily)
    random.shuffle(shuffled)
    for figure in (regularity, gini):
        value = figure(daily)
        other = figure([unit * v for v in shuffled])
        assert (value is None) == (other is None)
        if value is not None:
            assert 0 <= value <= 1
            assert other == pytest.approx(value, abs=1e-9)


@given(minutes)
def test_moving_study_from_a_rich_day_to_a_poor_one_is_more_regular(daily: list[int]) -> None:
    rich, poor = max(daily), min(daily)
    if rich - poor < 2:
        return
    evened = list(daily)
    evened[daily.index(rich)] -= 1
    evened[daily.index(poor)] += 1
    before, after = regularity(daily), regularity(evened)
    assert before is not None
    assert after is not None
    assert after > before - 1e-12
    assert (gini(evened) or 0) < (gini(daily) or 0) + 1e-12


def test_hours_around_midnight_are_neighbours() -> None:
    got = hour_consistency({23.5: 60, 0.5: 60})
    assert got is not None
    assert got.r == pytest.approx(math.cos(math.pi / 24))
    assert min(got.mean_hour or 0, 24 - (got.mean_hour or 0)) == pytest.approx(0, abs=1e-9)
    same = hour_consistency([(20.5, 10), (20.5, 30)])
    assert same is not None
    assert (same.r, same.mean_hour) == (pytest.approx(1), pytest.approx(20.5))
    opposite = hour_consistency({6: 1, 18: 1})
    assert opposite is not None
    assert (opposite.r, opposite.mean_hour) == (0.0, None)
    assert hour_consistency({}) is None
    assert hour_consistency({9: 0.0}) is None


@given(
    st.dictionaries(st.integers(0, 23).map(float), st.integers(1, 100).map(float), min_size=1),
    st.integers(1, 23),
)
def test_hour_consistency_does_not_depend_on_where_the_clock_starts(hours: dict[float, float], shift: int) -> None:
    one = hour_consistency(hours)
    two = hour_consistency({(h + shift) % 24: w for h, w in hours.items()})
    assert one is not None
    assert two is not None
    assert one.r == pytest.approx(two.r, abs=1e-9)


def test_burstiness() -> None:
    assert burstiness([5, 5, 5]) == -1
    assert burstiness([1, 1]) is None
    assert burstiness([0, 0, 0]) is None
    # By hand: mean 3, deviations 2, 2 and 4, so the variance is 24/3.
    assert burstiness([1, 1, 7]) == pytest.approx((math.sqrt(8) - 3) / (math.sqrt(8) + 3))
    assert (burstiness([1] * 30 + [300]) or 0) > 0.6


def test_cramming_runs_from_early_to_late() -> None:
    assert cramming([(800, 900)], 0, 1000) == pytest.approx(1)
    assert cramming([(0, 1000)], 0, 1000) == pytest.approx(0)
    assert cramming([(0, 10)], 0, 1000) == pytest.approx(-0.25)
    assert cramming([(700, 900)], 0, 1000) == pytest.approx((0.5 - 0.2) / 0.8)
    assert cramming([(-500, 0), (1000, 2000), (100, 200)], 0, 1000) == pytest.approx(-0.25)
    assert cramming([], 0, 1000) is None
    assert cramming([(1000, 1500)], 0, 1000) is None
    assert cramming([(1, 2)], 1000, 1000) is None


def test_start_lag() -> None:
    got = start_lag(250, 0, 1000)
    assert got is not None
    assert (got.value, got.started) == (0.25, True)
    early, late, never = start_lag(-5, 0, 1000), start_lag(5000, 0, 1000), start_lag(None, 0, 1000)
    assert [(g.value, g.started) for g in (early, late, never) if g] == [
        (0.0, True),
        (1.0, True),
        (1.0, False),
    ]
    assert start_lag(None, 0, 1000, as_of_ms=999) is None
    assert start_lag(None, 0, 1000, as_of_ms=1000) == never
    assert start_lag(5, 10, 10) is None


def test_focus_and_completion() -> None:
    assert focus(30, 60) == 0.5
    assert focus(None, 60) is None
    assert focus(0, 0) is None
    assert focus(70, 60) == 1
    with pytest.raises(MeasureError):
        focus(-1, 60)
    done, unpassed, part = completion(10, 10), completion(10, 10, quiz_passed=False), completion(5, 10)
    assert [(c.covered, c.complete) for c in (done, unpassed, part) if c] == [
        (1, True),
        (1, False),
        (0.5, False),
    ]
    assert completion(1, 0) is None


def test_sensitivity_band() -> None:
    minute = 60_000
    clicks = [0, 5 * minute, 25 * minute, 70 * minute, 200 * minute]
    assert sensitivity_band(clicks) == {10: 5 * minute, 30: 25 * minute, 60: 70 * minute}
    assert sensitivity_band([7]) == {10: 0, 30: 0, 60: 0}
    assert sensitivity_band([]) is None
    assert click_time_ms([], 5) is None


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=60))
def test_a_longer_limit_never_gives_less_time(clicks: list[int]) -> None:
    band = sensitivity_band(clicks)
    assert band is not None
    assert 0 <= band[10] <= band[30] <= band[60] <= max(clicks) - min(clicks)
    assert band == sensitivity_band(clicks[::-1] + clicks[:3])


def test_rapid_thresholds() -> None:
    few = rapid_threshold("q", [20_000.0] * 29 + [0, None, -5], "v1")
    assert (few.ms, few.n, few.source) == (3_000, 29, "default")
    enough = rapid_threshold("q", [20_000.0] * 30, "v1")
    assert (enough.ms, enough.n, enough.source) == (2_000, 30, "item_mean")
    assert rapid_threshold("q", [400_000.0] * 30, "v1").ms == 10_000
    assert [is_rapid(t, 2_000) for t in (1_999, 2_000, 0, -1, None)] == [True, False, None, None, None]


def test_effort_shows_scores_both_ways_only_when_it_is_low() -> None:
    steady = effort([(False, True)] * 18 + [(True, True)] * 2)
    assert (steady.rte, steady.show_both) == (0.9, False)
    low = effort([(False, True)] * 8 + [(True, False)] * 2 + [(None, True), (False, None)])
    assert (low.n, low.rapid, low.rte) == (11, 2, pytest.approx(9 / 11))
    assert (low.n_all, low.correct_all) == (11, pytest.approx(9 / 11))
    assert (low.n_kept, low.correct_kept) == (9, 1.0)
    assert low.show_both
    nothing = effort([(None, True)])
    assert (nothing.rte, nothing.interval, nothing.show_both, nothing.correct_all) == (None, None, False, 1.0)


def test_gain() -> None:
    assert hake_gain(40, 70, 100) == pytest.approx(0.5)
    assert hake_gain(100, 100, 100) is None
    cases = {
        (20, 60): 0.5,
        (60, 30): -0.5,
        (50, 50): 0.0,
        (0, 0): None,
        (100, 100): None,
        (100, 0): -1.0,
        (0, 100): 1.0,
    }
    for (pre, post), expected in cases.items():
        assert normalised_change(pre, post, 100) == expected
    with pytest.raises(MeasureError):
        normalised_change(101, 50, 100)


def test_class_gain_has_an_interval_from_three_members_on() -> None:
    got = class_gain([(20, 60), (60, 30), (50, 50), (0, 0)], 100)
    assert got is not None
    assert got.gain == pytest.approx((35 - 32.5) / 67.5)
    assert (got.n, got.n_change, got.mean_change) == (4, 3, 0.0)
    assert got.interval is not None
    assert got.gain is not None
    assert got.interval.low < got.gain < got.interval.high
    two = class_gain([(20, 60), (30, 50)], 100)
    assert two is not None
    assert two.interval is None
    assert class_gain([], 100) is None


@given(st.integers(0, 50), st.integers(0, 50))
def test_change_is_bounded_and_has_the_sign_of_the_difference(pre: int, post: int) -> None:
    change = normalised_change(pre, post, 50)
    if change is not None:
        assert -1 <= change <= 1
        assert (change > 0) == (post > pre)
        assert (change < 0) == (post < pre)
