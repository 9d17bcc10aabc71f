"""Knowledge tracing: the reference filter, both traces, and parameters recovered from simulated members."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures.bkt import DEFAULTS, BktParams, mastery, trace
from reports.measures.bkt_fit import fit, log_likelihood
from reports.measures.errors import MeasureError


def test_filter_reference(golden_dir: Path) -> None:
    with (golden_dir / "computed/bkt_filter_L036_T010_S010_G020.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    got = trace([row["obs"] == "1" for row in expected], BktParams(0.36, 0.10, 0.10, 0.20))
    assert len(got) == 4
    for step, row in zip(got, expected, strict=True):
        for name in ("prior", "p_correct", "posterior", "next_prior"):
            assert getattr(step, name) == pytest.approx(float(row[name]), abs=1e-10)


probability = st.floats(0.01, 0.99)
below_half = st.floats(0.01, 0.49)


@given(
    st.builds(BktParams, probability, probability, below_half, below_half),
    st.lists(st.booleans(), max_size=12),
)
def test_right_answers_raise_the_belief_and_it_stays_a_probability(params: BktParams, answers: list[bool]) -> None:
    for step in trace(answers, params):
        assert 0 <= step.posterior <= step.next_prior <= 1
        assert (step.posterior >= step.prior - 1e-12) if step.observed else (step.posterior <= step.prior + 1e-12)


@given(
    st.builds(BktParams, probability, probability, below_half, below_half),
    st.lists(st.booleans(), min_size=1, max_size=9),
)
def test_likelihood_is_the_product_of_the_filters_predictions(params: BktParams, answers: list[bool]) -> None:
    product = sum(math.log(s.p_correct if s.observed else 1 - s.p_correct) for s in trace(answers, params))
    assert log_likelihood([answers], params) == pytest.approx(product, abs=1e-9)


def test_mastery_with_and_without_rapid_answers() -> None:
    answers = [(True, True)] * 6 + [(False, False), (True, False), (None, False)]
    got = mastery(answers)
    assert (got.n, got.n_kept) == (8, 2)
    assert got.p is not None
    assert got.p_without_rapid is not None
    assert got.p > got.p_without_rapid
    assert got.p_without_rapid == trace([False, True])[-1].next_prior
    assert got.mastered is False
    assert mastery([(True, None)] * 6).mastered is True
    nothing = mastery([(None, False)])
    assert (nothing.p, nothing.p_without_rapid, nothing.mastered) == (None, None, None)
    assert mastery([(True, True)]).mastered is None


def test_degenerate_parameters_are_refused() -> None:
    for bad in ({"s": 0.5}, {"g": 0.6}, {"l0": -0.1}, {"t": 1.1}):
        with pytest.raises(MeasureError):
            BktParams(**bad)
    certain = trace([False], BktParams(1.0, 0.1, 0.0, 0.2))
    assert certain[0].posterior == 1.0


def simulate(truth: BktParams, members: int, length: int, seed: int) -> list[list[bool]]:
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(members):
        known, answers = rng.random() < truth.l0, []
        for _ in range(rng.integers(2, length + 1)):
            answers.append(bool(rng.random() < (1 - truth.s if known else truth.g)))
            known = known or rng.random() < truth.t
        out.append(answers)
    return out


@pytest.mark.parametrize("truth", [BktParams(0.3, 0.15, 0.1, 0.2), BktParams(0.1, 0.3, 0.05, 0.3)])
def test_parameters_are_recovered(truth: BktParams) -> None:
    data = simulate(truth, 4000, 12, seed=7)
    got = fit(data)
    assert (got.source, got.converged, got.at_bound) == ("fitted", True, ())
    for name, value in truth.to_dict().items():
        assert getattr(got.params, name) == pytest.approx(value, abs=0.04), name
    assert got.log_likelihood is not None
    assert got.log_likelihood >= log_likelihood(data, truth)


def test_the_fit_is_a_maximum_and_does_not_depend_on_order() -> None:
    data = simulate(BktParams(0.3, 0.2, 0.1, 0.2), 300, 8, seed=3)
    got = fit(data)
    assert got.log_likelihood is not None
    for name, value in got.params.to_dict().items():
        for step in (-0.02, 0.02):
            moved = BktParams(**{**got.params.to_dict(), name: value + step})
            assert log_likelihood(data, moved) < got.log_likelihood
    assert fit(data[::-1]) == got


def test_too_little_data_gives_the_defaults() -> None:
    got = fit([[True]] * 500 + [[True, False]] * 29 + [[]])
    assert (got.params, got.source, got.n_sequences, got.n_answers) == (DEFAULTS, "default", 529, 558)
    assert fit([[True, False]] * 30).source == "fitted"


def test_always_right_ends_on_a_bound_and_says_so() -> None:
    assert fit([[True, True, True]] * 40).at_bound
