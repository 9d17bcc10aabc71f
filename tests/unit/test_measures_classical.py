"""Classical statistics against Moodle's and ltm's published values, edges, and invariances."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures.classical import alpha_interval, analyse
from reports.measures.distractors import analyse_options
from reports.measures.errors import MeasureError
from reports.measures.moments import correlation, correlation_interval, kurtosis, skewness


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def moodle_marks(golden_dir: Path) -> list[list[float]]:
    table = rows(golden_dir / "moodle_quiz/results00.csv")
    return [[float(row[f"slots.{slot}.mark"]) for slot in range(1, 8)] for row in table]


def test_moodle_quiz_statistics(golden_dir: Path) -> None:
    test = analyse(moodle_marks(golden_dir), [1] * 7).test
    got = {
        "median": test.median,
        "firstattemptsavg": test.mean,
        "firstattemptscount": test.n,
        "standarddeviation": test.sd,
        "skewness": test.skewness,
        "kurtosis": test.kurtosis,
        "cic": 100 * (test.alpha or 0),
        "errorratio": 100 * (test.error_ratio or 0),
        "standarderror": test.standard_error,
    }
    expected = {r["stat"]: float(r["value"]) for r in rows(golden_dir / "moodle_quiz/expected_quizstats00.csv")}
    assert expected.keys() - got.keys() == {"allattemptsavg", "allattemptscount"}  # one attempt each here
    for name, value in got.items():
        assert value == pytest.approx(expected[name], rel=1.5e-5), name


def test_moodle_item_statistics(golden_dir: Path) -> None:
    items = analyse(moodle_marks(golden_dir), [1] * 7).items
    expected = [r for r in rows(golden_dir / "moodle_quiz/qstats00.csv") if not r["subqname"] and not r["variant"]]
    names = {
        "facility": "facility", "sd": "sd", "effectiveweight": "effective_weight", "covariance": "covariance",
        "markvariance": "mark_variance", "othermarkvariance": "rest_variance",
        "discriminationindex": "discrimination_index", "covariancemax": "covariance_max",
        "discriminativeefficiency": "efficiency",
    }  # fmt: skip
    assert (len(expected), len(names)) == (7, 9)
    for item, row in zip(items, expected, strict=True):
        assert (item.item_id, item.n) == (row["slot"], int(row["s"]))
        for theirs, ours in names.items():
            assert getattr(item, ours) == pytest.approx(float(row[theirs]), rel=1e-5), (row["slot"], theirs)


def test_lsat6_classical_statistics(golden_dir: Path) -> None:
    table = rows(golden_dir / "lsat6/lsat6_patterns.csv")
    matrix = [[float(r[f"item{j}"]) for j in range(1, 6)] for r in table for _ in range(int(r["freq"]))]
    got = analyse(matrix, [1] * 5)
    assert got.test.n == 1000
    names = {
        "p": "facility",
        "pbis_included": "r_total",
        "pbis_excluded": "r_rest",
        "alpha_if_deleted": "alpha_without",
    }
    for row in rows(golden_dir / "lsat6/expected_ctt.csv"):
        for j, item in enumerate(got.items, start=1):
            assert getattr(item, names[row["stat"]]) == pytest.approx(float(row[f"item{j}"]), abs=5.001e-5)
        if row["all"]:
            assert got.test.alpha == pytest.approx(float(row["all"]), abs=5e-5)


def test_undefined_is_none_not_zero() -> None:
    same = analyse([[1, 0], [1, 1], [1, 0]], [1, 1])
    assert same.items[0].discrimination_index is None
    assert same.items[0].efficiency is None
    assert same.items[0].r_total is None
    assert (same.items[0].sd, same.items[0].facility, same.items[0].effective_weight) == (0.0, 1.0, 0.0)
    assert same.test.kurtosis is None
    assert same.test.skewness is not None
    assert same.items[0].alpha_without is None
    one = analyse([[1, 0]], [1, 1])
    assert (one.test.sd, one.test.alpha, one.items[0].sd, one.items[0].facility) == (None, None, None, 1.0)
    none = analyse([], [1, 2])
    assert (none.test.n, none.test.mean, none.items[1].facility, none.items[1].n) == (0, None, None, 0)
    nobody = analyse([[1, math.nan], [0, math.nan]], [1, 1])
    assert (nobody.items[1].n, nobody.items[1].facility, nobody.items[0].n) == (0, None, 2)
    assert nobody.items[0].r_rest is None


def test_alpha_is_not_clipped_and_weights_leave_negative_items_out() -> None:
    got = analyse([[1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1]], [1, 1, 1])
    assert got.test.alpha is not None
    assert got.test.alpha < 0
    weights = [i.effective_weight for i in got.items]
    assert None in weights
    assert sum(w for w in weights if w is not None) == pytest.approx(100)


def test_a_mark_above_the_maximum_and_wrong_shapes_are_refused() -> None:
    for scores, tops in (([[2.0, 0]], [1, 1]), ([[1.0]], [1, 1]), ([[1.0, 1]], [1, 0])):
        with pytest.raises(MeasureError):
            analyse(scores, tops)
    with pytest.raises(MeasureError):
        analyse([[1.0]], [1], item_ids=["a", "b"])


def test_items_that_were_not_given_are_left_out_not_zero() -> None:
    nan = math.nan
    scores = [[1, 1, nan], [0, 1, nan], [1, 0, nan], [1, nan, 1], [0, nan, 0], [nan, nan, nan], [nan, nan, 1]]
    got = analyse(scores, [1, 1, 1])
    assert [i.n for i in got.items] == [5, 3, 3]
    assert got.items[1].facility == pytest.approx(2 / 3)
    assert got.items[2].facility == pytest.approx(2 / 3)
    # The last member had nothing but the third question: no rest to compare it with.
    assert got.items[2].r_rest == pytest.approx(1)
    assert (got.test.n, got.test.n_complete, got.test.alpha) == (6, 0, None)


matrices = st.integers(4, 25).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=n, max_size=n)
)


@given(matrices)
def test_order_of_members_and_items_does_not_matter(matrix: list[list[int]]) -> None:
    scores = np.array(matrix, dtype=float)
    rng = np.random.default_rng(len(matrix))
    members, columns = rng.permutation(scores.shape[0]), rng.permutation(5)
    one = analyse(scores, [1] * 5)
    two = analyse(scores[members][:, columns], [1] * 5)
    assert two.test.alpha == pytest.approx(one.test.alpha)
    for place, column in enumerate(columns):
        for name in ("facility", "discrimination_index", "efficiency", "effective_weight", "alpha_without"):
            left, right = getattr(one.items[column], name), getattr(two.items[place], name)
            assert right == (None if left is None else pytest.approx(left, abs=1e-9)), name


@given(matrices)
def test_ranges_and_units(matrix: list[list[int]]) -> None:
    scores = np.array(matrix, dtype=float)
    one, two = analyse(scores, [1] * 5), analyse(scores * 4, [4] * 5)
    assert two.test.alpha == pytest.approx(one.test.alpha)
    for item, scaled in zip(one.items, two.items, strict=True):
        assert scaled.discrimination_index == pytest.approx(item.discrimination_index)
        assert scaled.facility == pytest.approx(item.facility)
        assert scaled.sd == pytest.approx(4 * (item.sd or 0))
        if item.discrimination_index is not None:
            assert -100 <= item.discrimination_index <= 100
            assert item.covariance is not None
            assert item.covariance_max is not None
            assert item.covariance <= item.covariance_max + 1e-12
        if item.efficiency is not None:
            assert item.efficiency <= 100 + 1e-9


def test_moments_by_hand() -> None:
    values = np.array([1.0, 2, 3, 10])
    # Deviations −3 −2 −1 6: S2 = 50, S3 = 180, S4 = 1394.
    k2, k3 = 50 / 3, 4 * 180 / 6
    assert skewness(values) == pytest.approx(k3 / k2**1.5)
    k4 = 16 * (5 * 1394 / 4 - 9 * 12.5**2) / 6
    assert kurtosis(values) == pytest.approx(k4 / k2**2)
    assert skewness(np.array([0.1 + 0.2, 0.3, 0.3])) is None
    assert correlation(np.array([1.0, 2]), np.array([3.0, 3])) is None
    assert correlation_interval(0.5, 3) is None
    assert correlation_interval(1.0, 9) == (1.0, 1.0)
    # Fisher: r = 0.5, n = 28 gives tanh(0.5493 ± 0.3920).
    assert correlation_interval(0.5, 28) == pytest.approx((0.1560, 0.7358), abs=5e-5)


def test_options_and_their_flags() -> None:
    rest = list(range(100))
    responses: list[list[str] | None] = [["B"] if i < 40 else ["A"] for i in range(100)]
    responses[99], responses[98], responses[97] = ["C"], ["D"], []
    got = {o.option: o for o in analyse_options([*responses, None], [*rest, 5], ["A"], ["A", "B", "C", "E"])}
    assert list(got) == ["A", "B", "C", "E", "D"]
    assert (got["A"].n, got["A"].share, got["A"].flags) == (57, 0.57, ())
    assert (got["B"].n, got["B"].flags) == (40, ())
    assert got["B"].r_rest is not None
    assert got["B"].r_rest < -0.5
    assert got["C"].flags == ("attracts_the_able", "hardly_chosen")
    assert (got["E"].n, got["E"].r_rest, got["E"].flags) == (0, None, ("hardly_chosen",))
    turned = analyse_options(responses, rest[::-1], ["A"])
    assert turned[0].flags == ("weak_key",)
    assert analyse_options([None], [3.0], ["A"]) == ()
    with pytest.raises(MeasureError):
        analyse_options([["A"]], [1.0, 2.0], ["A"])


def test_several_right_options() -> None:
    got = analyse_options([["A", "B"], ["A"], ["C"], ["B", "A"]], [5, 3, 1, 6], ["A", "B"], ["A", "B", "C"])
    assert [o.n for o in got] == [3, 2, 1]
    assert [o.is_key for o in got] == [True, True, False]


def test_alpha_interval_covers_the_true_reliability_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    n, k, inside = 40, 10, 0
    true = k * 0.5 / (1 + (k - 1) * 0.5)  # Spearman–Brown of parallel items with correlation 0.5
    for _ in range(400):
        x = rng.normal(size=(n, 1)) + rng.normal(size=(n, k))
        covariance = np.cov(x, rowvar=False)
        alpha = k / (k - 1) * (1 - np.trace(covariance) / covariance.sum())
        found = alpha_interval(float(alpha), n, k)
        assert found is not None
        inside += found.low <= true <= found.high
    assert 0.92 < inside / 400 < 0.98


def test_alpha_interval_is_nothing_without_alpha_or_with_one_item() -> None:
    assert alpha_interval(None, 30, 10) is None
    assert alpha_interval(0.8, 1, 10) is None
    assert alpha_interval(0.8, 30, 1) is None
