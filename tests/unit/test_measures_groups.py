"""Shares, funnels and shrinkage against published values, and what must hold for any input."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures.errors import MeasureError
from reports.measures.funnel import ACTION, funnel, funnel_limits, label, over_dispersion
from reports.measures.proportions import byar, newcombe, normal_quantile, wilson
from reports.measures.shrinkage import GroupSummary, james_stein, shrink, variance_components


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_wilson_and_byar_reference_limits(golden_dir: Path) -> None:
    checked = 0
    for row in rows(golden_dir / "intervals/byars_wilson.csv"):
        confidence = float(row["confidence"].rstrip("%")) / 100
        x = float(row["x"])
        got = byar(x, confidence) if row["method"] == "Byars" else wilson(x, float(row["n"]), confidence)
        assert got is not None
        # The reference leaves the one limit empty that would be negative.
        assert got.low == pytest.approx(float(row["lowercl"] or 0), rel=1e-9)
        assert got.high == pytest.approx(float(row["uppercl"]), rel=1e-9)
        checked += 1
    assert checked == 13


def test_wilson_reference_areas(golden_dir: Path) -> None:
    checked = 0
    for row in rows(golden_dir / "intervals/wilson_testdata_Proportion.csv"):
        if not row["value"]:
            continue
        scale = float(row["multiplier"])
        for confidence, name in ((0.95, "95_0cl"), (0.998, "99_8cl")):
            got = wilson(float(row["Numerator"]), float(row["Denominator"]), confidence)
            assert got is not None
            assert got.low * scale == pytest.approx(float(row[f"lower{name}"]), rel=1e-9)
            assert got.high * scale == pytest.approx(float(row[f"upper{name}"]), rel=1e-9)
            checked += 1
    assert checked == 32


@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_newcombe_1998_table_1(x: int, n: int, low: float, high: float) -> None:
    assert wilson(x, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_1998_table_2_method_10(a: tuple[int, int], b: tuple[int, int], low: float, high: float) -> None:
    assert newcombe(*a, *b) == pytest.approx((low, high), abs=5e-5)


def test_undefined_and_impossible_shares() -> None:
    assert wilson(0, 0) is None
    assert newcombe(0, 0, 1, 2) is None
    assert byar(0).low == 0
    assert byar(1, 0.998).low == 0
    for x, n in ((-1, 3), (4, 3), (float("nan"), 3)):
        with pytest.raises(MeasureError):
            wilson(x, n)
    with pytest.raises(MeasureError):
        normal_quantile(95)


@given(st.integers(1, 5000), st.data())
def test_wilson_holds_the_estimate_mirrors_and_narrows(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    got, mirror, wider = wilson(x, n), wilson(n - x, n), wilson(x, n, 0.998)
    assert got is not None
    assert mirror is not None
    assert wider is not None
    assert 0 <= got.low <= x / n <= got.high <= 1
    assert got.low == pytest.approx(1 - mirror.high, abs=1e-12)
    assert wider.low <= got.low
    assert got.high <= wider.high


def test_funnel_reference_limits(golden_dir: Path) -> None:
    table = rows(golden_dir / "intervals/testdata_funnel_prop_outputs.csv")
    areas = rows(golden_dir / "intervals/testdata_funnel_prop_inputs.csv")
    p0 = sum(float(a["numerator"]) for a in areas) / sum(float(a["denominator"]) for a in areas)
    assert len(table) == 100
    for row in table:
        assert p0 * 100 == pytest.approx(float(row["Baseline"]), abs=1e-6)
        n = float(row["Population"])
        inner, outer = funnel_limits(p0, n), funnel_limits(p0, n, ACTION)
        assert inner is not None
        assert outer is not None
        for got, name in (
            (inner.low, "Lower2s0025limit"), (inner.high, "Upper2s0025limit"),
            (outer.low, "Lower3s0001limit"), (outer.high, "Upper3s0001limit"),
        ):  # fmt: skip
            assert got * 100 == pytest.approx(float(row[name]), abs=1e-6)


def test_funnel_reference_labels(golden_dir: Path) -> None:
    areas = rows(golden_dir / "intervals/testdata_funnel_prop_inputs.csv")
    names = {
        "High (0.001)": "high_0.001", "High (0.025)": "high_0.025", "Not significant": "within",
        "Low (0.025)": "low_0.025", "Low (0.001)": "low_0.001",
    }  # fmt: skip
    units = [(a["Area"], float(a["numerator"]), float(a["denominator"])) for a in areas]
    result = funnel(units, adjust=False)
    assert result is not None
    got = [p.label for p in result.points]
    assert len(got) == 303
    assert got == [names[a["significance"]] for a in areas]


@given(st.integers(1, 400), st.floats(0.02, 0.98), st.data())
def test_a_label_agrees_with_the_wilson_interval(n: int, p0: float, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    interval, inner = wilson(x, n), funnel_limits(p0, n)
    assert interval is not None
    assert inner is not None
    if min(abs(interval.low - p0), abs(interval.high - p0)) < 1e-9:
        return
    inside = interval.low <= p0 <= interval.high
    assert (label(x, n, p0) == "within") == inside


def test_over_dispersion_widens_and_chance_does_not() -> None:
    steady = over_dispersion([50, 52, 48, 51, 49, 50], [100] * 6, 0.5)
    assert steady is not None
    assert (steady.over_dispersed, steady.phi) == (False, 1.0)
    wild = over_dispersion([20, 80, 25, 75, 30, 70], [100] * 6, 0.5)
    assert wild is not None
    assert wild.over_dispersed
    plain, widened = funnel_limits(0.5, 100), funnel_limits(0.5, 100, phi=wild.phi)
    assert plain is not None
    assert widened is not None
    assert widened.high - 0.5 == pytest.approx((plain.high - 0.5) * wild.phi**0.5)
    assert over_dispersion([1], [2], 0.5) is None
    assert over_dispersion([0, 0], [5, 5], 0.0) is None


def test_over_dispersion_by_hand() -> None:
    # z = ±1, ±2, ±4 without winsorising: mean of squares (1+1+4+4+16+16)/6 = 7.
    z = [-4, -2, -1, 1, 2, 4]
    got = over_dispersion([50 + 5 * v for v in z], [100] * 6, 0.5, trim=0.0)
    assert got is not None
    assert got.estimate == pytest.approx(7.0)


def test_one_odd_unit_does_not_widen_the_funnel_for_itself() -> None:
    x = [50, 51, 49, 50, 52, 48, 50, 51, 49, 50, 51, 95]
    got = over_dispersion(x, [100] * 12, 0.5)
    assert got is not None
    assert not got.over_dispersed


def test_efron_morris_baseball(golden_dir: Path) -> None:
    table = rows(golden_dir / "computed/efron_morris_baseball.csv")
    averages = [int(r["hits"]) / int(r["ab"]) for r in table]
    centre = sum(averages) / len(averages)
    got = james_stein(averages, centre * (1 - centre) / 45)
    assert got == pytest.approx([float(r["js"]) for r in table], abs=1e-6)
    assert james_stein([1.0, 2.0, 3.0], 1.0) is None


def test_variance_components_by_hand() -> None:
    # Two groups of two: (0, 2) and (4, 6). MSW = 2, MSB = 16, n0 = 2, tau2 = 7.
    groups = [GroupSummary.of([0, 2]), GroupSummary.of([4, 6])]
    assert variance_components([g for g in groups if g]) == pytest.approx((7.0, 2.0))


def summaries(data: dict[str, list[float]]) -> dict[str, GroupSummary]:
    return {k: g for k, v in data.items() if (g := GroupSummary.of(v)) is not None}


def test_shrinkage_pulls_small_branches_more_and_says_how_sure_it_is() -> None:
    big = [80.0, 84, 78, 82] * 10
    got = shrink(summaries({"big": big, "same mean, small": [80.0, 82], "low": [60.0, 64, 62, 66, 58] * 4}))
    assert got is not None
    by_key = {g.key: g for g in got.groups}
    assert by_key["big"].weight > by_key["same mean, small"].weight
    assert by_key["big"].sd < by_key["same mean, small"].sd
    assert by_key["low"].p_above < 0.05 < 0.5 < by_key["big"].p_above
    for group in got.groups:
        assert min(group.raw, got.mu) <= group.estimate <= max(group.raw, got.mu)


def test_branches_that_do_not_differ_get_the_common_mean() -> None:
    got = shrink(summaries({"a": [1.0, 9], "b": [2.0, 8], "c": [0.0, 10]}))
    assert got is not None
    assert got.tau2 == 0
    assert {g.p_above for g in got.groups} == {0.5}
    assert {g.estimate for g in got.groups} == {got.mu}
    assert shrink(summaries({"a": [1.0, 2]})) is None
    assert shrink(summaries({"a": [1.0], "b": [2.0]})) is None
    equal = shrink(summaries({"a": [3.0, 3], "b": [3.0]}))
    assert equal is not None
    assert {(g.estimate, g.sd, g.p_above) for g in equal.groups} == {(3.0, 0.0, 0.5)}


values = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=8)


@given(st.lists(values, min_size=2, max_size=6), st.integers(-100, 100), st.sampled_from([0.5, 2.0, 4.0]))
def test_shrinkage_follows_a_change_of_unit(groups: list[list[float]], shift: int, scale: float) -> None:
    one = shrink(summaries({str(i): g for i, g in enumerate(groups)}))
    two = shrink(summaries({str(i): [shift + scale * v for v in g] for i, g in enumerate(groups)}))
    assert one is not None
    assert two is not None
    if one.tau2 < 1e-9 or two.tau2 < 1e-9:  # the floor may be hit by rounding alone
        return
    for a, b in zip(one.groups, two.groups, strict=True):
        assert b.estimate == pytest.approx(shift + scale * a.estimate, abs=1e-6)
        assert b.sd == pytest.approx(scale * a.sd, abs=1e-6)
        assert b.p_above == pytest.approx(a.p_above, abs=1e-6)
