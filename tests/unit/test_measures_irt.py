"""Item response models: the published LSAT6 values, recovery of known parameters, edges, drift."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import approx_fprime

from reports.measures.errors import MeasureError
from reports.measures.irt import Calibration, ItemParameters, calibrate, choose_model, fit
from reports.measures.irt_drift import item_drift
from reports.measures.irt_likelihood import Marginal, Responses, quadrature
from reports.measures.irt_score import eap, map_scores, score
from reports.measures.irt_score import test_information as information

Array = npt.NDArray[np.float64]
NAMED = {"version": "v1", "calibrated_on": "2025-01-01"}
EXACT_2PL = {
    "b": (-3.3588, -1.3701, -0.2797, -1.8664, -3.1259),
    "a": (0.8257, 0.7227, 0.8909, 0.6884, 0.6569),
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def lsat(golden_dir: Path) -> tuple[list[list[float]], list[float]]:
    table = rows(golden_dir / "lsat6/lsat6_patterns.csv")
    return [[float(r[f"item{j}"]) for j in range(1, 6)] for r in table], [float(r["freq"]) for r in table]


Lsat = tuple[list[list[float]], list[float]]


def test_lsat6_2pl(lsat: Lsat, golden_dir: Path) -> None:
    got = fit(lsat[0], list("12345"), weights=lsat[1], model="2pl", **NAMED)
    assert (got.n, got.model, got.converged, got.n_parameters) == (1000, "2pl", True, 10)
    for name, values in EXACT_2PL.items():
        assert [getattr(i, name) for i in got.items] == pytest.approx(values, abs=6e-5)
    expected = {r["param"]: r for r in rows(golden_dir / "lsat6/expected_2pl_ltm.csv")}
    for item in got.items:
        for name, value, se in (("a", item.a, item.se_a), ("b", item.b, item.se_b)):
            row = expected[name + item.item_id]
            assert value == pytest.approx(float(row["value"]), abs=0.005)
            assert se == pytest.approx(float(row["se"]), abs=0.005)
    for name, total in (("logLik", got.log_likelihood), ("AIC", got.aic), ("BIC", got.bic)):
        assert total == pytest.approx(float(expected[name]["value"]), abs=1e-3)


@pytest.mark.parametrize(("name", "slope"), [("rasch_a1", 1.0), ("1pl", None)])
def test_lsat6_rasch(lsat: Lsat, golden_dir: Path, name: str, slope: float | None) -> None:
    got = fit(lsat[0], list("12345"), weights=lsat[1], model="rasch", fixed_slope=slope, **NAMED)
    rasch = rows(golden_dir / "lsat6/expected_rasch_ltm.csv")
    expected = {r["param"]: r for r in rasch if r["model"] == name}
    for item in got.items:
        assert item.b == pytest.approx(float(expected[f"b{item.item_id}"]["value"]), abs=5e-4)
        assert item.se_b == pytest.approx(float(expected[f"b{item.item_id}"]["se"]), abs=5e-4)
    if slope is None:
        assert [i.a for i in got.items] == pytest.approx([float(expected["a"]["value"])] * 5, abs=5e-4)
        assert [i.se_a for i in got.items] == pytest.approx([float(expected["a"]["se"])] * 5, abs=5e-4)
    else:
        assert {(i.a, i.se_a) for i in got.items} == {(1.0, None)}
    for total, value in (("logLik", got.log_likelihood), ("AIC", got.aic), ("BIC", got.bic)):
        assert value == pytest.approx(float(expected[total]["value"]), abs=1e-3)


def test_lsat6_map_scores(lsat: Lsat, golden_dir: Path) -> None:
    calibration = fit(lsat[0], list("12345"), weights=lsat[1], **NAMED)
    table = rows(golden_dir / "lsat6/expected_2pl_map_scores.csv")
    got = map_scores(calibration, [[float(r[f"item{j}"]) for j in range(1, 6)] for r in table])
    assert len(table) == 30
    for one, row in zip(got, table, strict=True):
        assert one is not None
        assert one.theta == pytest.approx(float(row["theta_map"]), abs=0.003)
        assert one.se == pytest.approx(float(row["se"]), abs=0.003)


def test_patterns_with_weights_equal_members_one_by_one(lsat: Lsat) -> None:
    patterns, counts = lsat
    members = [p for p, n in zip(patterns, counts, strict=True) for _ in range(int(n))]
    one = fit(patterns, list("12345"), weights=counts, **NAMED)
    two = fit(members[::-1], list("12345"), **NAMED)
    assert [i.b for i in two.items] == pytest.approx([i.b for i in one.items], abs=1e-6)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-7)


def simulate(members: int, items: int, seed: int, shift: float = 0.0) -> tuple[Array, Array, Array, Array]:
    """Answers, discriminations, difficulties, abilities of a test whose truth is known."""
    rng = np.random.default_rng(seed)
    a, b = rng.lognormal(0.0, 0.3, items), rng.uniform(-2, 2, items)
    theta = rng.normal(shift, 1.0, members)
    chance = 1 / (1 + np.exp(-a * (theta[:, None] - b)))
    return (rng.random((members, items)) < chance).astype(float), a, b, theta


def test_gradient_and_information_are_the_derivatives_of_the_likelihood() -> None:
    answers, a, b, _ = simulate(60, 4, seed=1)
    answers[::7, 2] = np.nan
    points, weights = quadrature(31)
    marginal = Marginal(Responses.of(answers), points, np.log(weights))
    full = np.concatenate([a, -a * b])
    _, posterior, chance = marginal.posterior(full)
    gradient, observed = marginal.observed(posterior, chance)
    numeric = approx_fprime(full, lambda x: marginal.posterior(x)[0], 1e-6)
    assert gradient == pytest.approx(numeric, abs=1e-3)

    def slope(x: Array, j: int) -> float:
        _, p, c = marginal.posterior(x)
        return float(marginal.observed(p, c)[0][j])

    for j in range(8):
        assert -observed[j] == pytest.approx(approx_fprime(full, slope, 1e-6, j), abs=1e-3)


def test_intervals_cover_what_they_promise() -> None:
    """95 % intervals of a, b and ability over seeded replications hold the truth in 93–97 % of cases."""
    hits: dict[str, list[bool]] = {"a": [], "b": [], "theta": []}
    correlations = []
    for seed in range(40):
        answers, a, b, theta = simulate(800, 25, seed=100 + seed)
        answers[np.random.default_rng(seed).random(answers.shape) < 0.1] = np.nan
        got = fit(answers, [str(j) for j in range(25)], **NAMED)
        for item, true_a, true_b in zip(got.items, a, b, strict=True):
            assert item.a is not None
            assert item.b is not None
            assert item.se_a is not None
            assert item.se_b is not None
            hits["a"].append(abs(item.a - true_a) < 1.96 * item.se_a)
            hits["b"].append(abs(item.b - true_b) < 1.96 * item.se_b)
        for ability, truth in zip(eap(got, answers), theta, strict=True):
            assert ability is not None
            hits["theta"].append(abs(ability.theta - truth) < 1.96 * ability.se)
        correlations.append(float(np.corrcoef([i.b or 0 for i in got.items], b)[0, 1]))
    for name, covered in hits.items():
        assert 0.93 <= float(np.mean(covered)) <= 0.97, (name, float(np.mean(covered)))
    assert min(correlations) > 0.98


def test_choice_of_model() -> None:
    assert [choose_model(n) for n in (0, 29, 30, 199, 200)] == ["classical", "classical", "rasch", "rasch", "2pl"]


def test_calibrate_takes_the_model_that_each_item_can_bear() -> None:
    answers, *_ = simulate(400, 8, seed=5)
    answers[20:, 0] = np.nan
    answers[100:, 1:3] = np.nan
    answers[:, 3] = 1
    got = calibrate(answers, list("abcdefgh"), **NAMED)
    assert got is not None
    assert [i.status for i in got.items] == ["too_few", "estimated", "estimated", "no_variance", *["estimated"] * 4]
    assert [i.n for i in got.items] == [20, 100, 100, 400, 400, 400, 400, 400]
    assert got.model == "mixed"
    assert got.items[1].a == got.items[2].a != got.items[4].a
    assert got.n_parameters == 6 + 4 + 1
    few = calibrate(answers[:150], list("abcdefgh"), **NAMED)
    assert few is not None
    assert few.model == "rasch"
    assert calibrate(answers[:25], list("abcdefgh"), **NAMED) is None


def test_a_calibration_survives_storage() -> None:
    answers, *_ = simulate(300, 5, seed=6)
    answers[:, 4] = 0
    got = fit(answers, list("abcde"), **NAMED)
    assert Calibration.from_dict(json.loads(json.dumps(got.to_dict()))) == got


def test_what_cannot_be_calibrated_is_refused() -> None:
    for bad in ([[0.5, 1, 0]], [[1.0, 1]], [[1.0, 0, 1], [1, 0, 1]]):
        with pytest.raises(MeasureError):
            fit(bad, list("abc"), **NAMED)


def test_a_reversed_key_shows_as_a_negative_slope() -> None:
    answers, *_ = simulate(1000, 8, seed=8)
    answers[:, 0] = 1 - answers[:, 0]
    got = fit(answers, list("abcdefgh"), **NAMED)
    assert got.converged
    first = got.items[0]
    assert first.a is not None
    assert first.se_a is not None
    assert first.a + 1.96 * first.se_a < 0
    assert all((i.a or 0) > 0 for i in got.items[1:])


def test_two_identical_items_do_not_run_away() -> None:
    answers, *_ = simulate(300, 6, seed=9)
    answers[:, 1] = answers[:, 0]
    got = fit(answers, list("abcdef"), **NAMED)
    for item in got.items:
        assert item.a is not None
        assert abs(item.a) <= 8
        assert (item.status == "at_bound") == (abs(item.a) == 8)
    assert any(i.status == "at_bound" and i.se_a is None for i in got.items)
    assert all(math.isfinite(s.theta) for s in eap(got, answers) if s)


def test_scores_of_members_and_of_nobody() -> None:
    answers, *_ = simulate(500, 10, seed=10)
    got = fit(answers, list("abcdefghij"), **NAMED)
    nan = math.nan
    assert eap(got, [[nan] * 10]) == [None]
    assert map_scores(got, [[nan] * 10]) == [None]
    assert score(got, {}) is None
    assert score(got, {"unknown": True}) is None
    low, high = score(got, dict.fromkeys("abcdefghij", False)), score(got, dict.fromkeys("abcdefghij", True))
    few = score(got, {"a": True, "zz": False})
    assert low is not None
    assert high is not None
    assert few is not None
    assert low.theta < few.theta < high.theta
    assert (few.n_items, high.n_items, few.calibration, few.method) == (1, 10, "v1", "eap")
    assert high.se < few.se < 1
    with pytest.raises(MeasureError):
        eap(got, [[1.0]])


def test_one_more_right_answer_never_lowers_a_score() -> None:
    answers, *_ = simulate(400, 8, seed=11)
    got = fit(answers, list("abcdefgh"), **NAMED)
    rng = np.random.default_rng(1)
    for row in (rng.random((40, 8)) < 0.5).astype(float):
        better = row.copy()
        better[int(rng.integers(8))] = 1.0
        before, after = eap(got, [row])[0], eap(got, [better])[0]
        assert before is not None
        assert after is not None
        assert after.theta >= before.theta - 1e-12


def test_information_by_hand() -> None:
    items = tuple(ItemParameters(n, 500, a, b, 0.1, 0.1, "estimated") for n, a, b in (("x", 1.0, 0.0), ("y", 2.0, 1.0)))
    got = Calibration("v", "2025-01-01", 500, "2pl", None, -1.0, 4, True, items)
    at_one = 1 / (1 + math.exp(-1))
    assert information(got, [1.0]) == pytest.approx([at_one * (1 - at_one) + 4 * 0.25])


def drifting(moved: int | None, seed: int, ability: float = 0.0) -> tuple[Calibration, Calibration]:
    rng = np.random.default_rng(seed)
    a, b = rng.lognormal(0.0, 0.2, 12), rng.uniform(-1.5, 1.5, 12)
    out = []
    for version, mean, spread in (("old", 0.0, 1.0), ("new", ability, 1.2)):
        now = b.copy()
        if moved is not None and version == "new":
            now[moved] += 1.0
        theta = rng.normal(mean, spread, 1500)
        chance = 1 / (1 + np.exp(-a * (theta[:, None] - now)))
        answers = (rng.random((1500, 12)) < chance).astype(float)
        out.append(fit(answers, [f"q{j}" for j in range(12)], version=version, calibrated_on="2025-01-01"))
    return out[0], out[1]


def test_drift_is_told_from_better_members() -> None:
    got = item_drift(*drifting(4, seed=21, ability=0.8))
    assert got is not None
    assert [i.item_id for i in got.items if i.drifted] == ["q4"]
    assert got.items[4].shift == pytest.approx(1.0, abs=0.3)
    assert not got.items[4].in_link
    assert (got.scale, got.shift) == (pytest.approx(1.2, abs=0.1), pytest.approx(0.8, abs=0.15))
    steady = item_drift(*drifting(None, seed=22, ability=-0.5))
    assert steady is not None
    assert not any(i.drifted for i in steady.items)


def test_drift_needs_common_items() -> None:
    old, new = drifting(None, seed=23)
    other = Calibration.from_dict(
        {**new.to_dict(), "items": [{**i, "item_id": i["item_id"] + "x"} for i in new.to_dict()["items"]]}
    )
    assert item_drift(old, other) is None
    same = item_drift(old, old)
    assert same is not None
    assert (same.scale, same.shift) == (pytest.approx(1), pytest.approx(0, abs=1e-12))


@pytest.mark.parametrize("seed", range(12))
def test_small_ragged_tests_converge_to_a_maximum(seed: int) -> None:
    """Few members, reversed keys, extreme and missing answers: the likelihood has cliffs there."""
    rng = np.random.default_rng(seed)
    members, items = int(rng.integers(30, 250)), int(rng.integers(3, 30))
    a = rng.lognormal(0.0, 0.5, items) * np.where(rng.random(items) < 0.1, -1, 1)
    b, theta = rng.normal(0, 1.5, items), rng.normal(size=members)
    answers = (rng.random((members, items)) < 1 / (1 + np.exp(-a * (theta[:, None] - b)))).astype(float)
    answers[rng.random(answers.shape) < 0.4] = np.nan
    got = fit(answers, [str(j) for j in range(items)], **NAMED)
    assert got.converged
    free = [i for i in got.items if i.status == "estimated"]
    assert all(i.se_a is not None and i.a is not None and abs(i.a) < 8 for i in free)
    used = [j for j, i in enumerate(got.items) if i.a is not None]
    points, weights = quadrature()
    marginal = Marginal(Responses.of(answers[:, used]), points, np.log(weights))
    slopes = np.array([got.items[j].a or 0 for j in used])
    full = np.concatenate([slopes, -slopes * np.array([got.items[j].b or 0 for j in used])])
    best, posterior, chance = marginal.posterior(full)
    assert best == pytest.approx(got.log_likelihood, abs=1e-6)
    inner = np.concatenate([np.abs(slopes) < 8, np.ones(len(used), dtype=bool)])
    assert np.abs(marginal.score(posterior, chance)[inner]).max() < 1e-3
