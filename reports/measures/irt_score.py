"""Ability from a calibration: EAP and MAP scores with standard errors, and the information of a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from reports.measures.arrays import FloatArray
from reports.measures.errors import MeasureError
from reports.measures.irt import Calibration

GRID = np.linspace(-6.0, 6.0, 121)
"""Ability grid for EAP; steps of 0.1 integrate a posterior with sd above 0.1 exactly for all purposes."""


@dataclass(frozen=True, slots=True)
class Ability:
    """Ability θ in sds of the calibration's population, its standard error, answers used, and by what."""

    theta: float
    se: float
    n_items: int
    method: Literal["eap", "map"]
    calibration: str


def _usable(calibration: Calibration, responses: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(matrix, a, d) of the items that have parameters; columns of ``responses`` follow calibration.items."""
    matrix = np.array(responses, dtype=np.float64, ndmin=2)
    if matrix.shape[1] != len(calibration.items):
        raise MeasureError(f"{matrix.shape[1]} columns for {len(calibration.items)} calibrated items")
    usable = [i for i, item in enumerate(calibration.items) if item.a is not None and item.b is not None]
    a = np.array([calibration.items[i].a for i in usable], dtype=np.float64)
    b = np.array([calibration.items[i].b for i in usable], dtype=np.float64)
    return matrix[:, usable], a, -a * b


def eap(calibration: Calibration, responses: npt.ArrayLike) -> list[Ability | None]:
    """Expected a posteriori scores of members × items (1, 0, NaN; columns as ``calibration.items``).

    Formula: θ̂ = E[θ | answers] under N(0, 1) on a grid of 121 points over −6..6; se = posterior sd. ``None``
    for a member without an answer to any calibrated item: the prior alone is not a measurement. Scores are
    pulled towards 0, the more the fewer the answers; ±1.96 se covers 95 % of members, averaged over them.
    Source: Bock & Mislevy 1982, Applied Psychological Measurement 6:431–444.
    """
    matrix, a, d = _usable(calibration, responses)
    seen = (~np.isnan(matrix)).astype(np.float64)
    logit = np.outer(a, GRID) + d[:, None]
    log_posterior = np.nan_to_num(matrix) @ logit - seen @ np.logaddexp(0, logit) - GRID**2 / 2
    posterior = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    mean = posterior @ GRID
    sd = np.sqrt(np.maximum(0.0, posterior @ GRID**2 - mean**2))
    return _abilities(mean, sd, seen, "eap", calibration.version)


def map_scores(calibration: Calibration, responses: npt.ArrayLike) -> list[Ability | None]:
    """Modes of the posterior under N(0, 1), by Newton; se = 1/√(1 + I(θ̂)). Otherwise as ``eap``.

    Source: Samejima 1969; the scores that R's ltm prints (method "EB").
    """
    matrix, a, d = _usable(calibration, responses)
    seen = (~np.isnan(matrix)).astype(np.float64)
    right = np.nan_to_num(matrix)
    theta = np.zeros(matrix.shape[0])
    precision = np.ones_like(theta)
    for _ in range(100):
        chance = expit(np.outer(theta, a) + d)
        precision = 1 + (seen * chance * (1 - chance)) @ a**2
        step = ((right - seen * chance) @ a - theta) / precision
        # The log-posterior is concave; cutting the step only keeps far starts from overshooting.
        theta = theta + np.clip(step, -1, 1)
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    return _abilities(theta, 1 / np.sqrt(precision), seen, "map", calibration.version)


def _abilities(
    theta: FloatArray, se: FloatArray, seen: FloatArray, method: Literal["eap", "map"], version: str
) -> list[Ability | None]:
    counts = seen.sum(axis=1).astype(int)
    return [
        Ability(float(t), float(s), int(n), method, version) if n else None
        for t, s, n in zip(theta, se, counts, strict=True)
    ]


def score(calibration: Calibration, answers: Mapping[str, bool]) -> Ability | None:
    """EAP score of one member from item id → right; items that are not calibrated are ignored."""
    row = [float(answers[i.item_id]) if i.item_id in answers else np.nan for i in calibration.items]
    return eap(calibration, [row])[0]


def test_information(calibration: Calibration, theta: npt.ArrayLike) -> FloatArray:
    """Fisher information of the whole test at each ability: I(θ) = Σ a²P(1 − P); 1/√I is the se there.

    Source: Lord 1980, Applications of Item Response Theory, chapter 5.
    """
    _, a, d = _usable(calibration, np.empty((0, len(calibration.items))))
    chance = expit(np.outer(np.asarray(theta, dtype=np.float64), a) + d)
    return np.asarray((chance * (1 - chance)) @ a**2, dtype=np.float64)


test_information.__test__ = False  # type: ignore[attr-defined]  # not a test for pytest
