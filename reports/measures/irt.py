"""Item response calibrations: 2PL and Rasch by marginal maximum likelihood, with standard errors.

P(right | θ) = 1/(1 + e^−a(θ − b)), ability θ ~ N(0, 1) in the population of this calibration: b and θ are in
its standard deviations (logits at a = 1). Missing answers are allowed; a question that was shown and left
unanswered should come as 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from reports.measures.arrays import BoolArray, FloatArray
from reports.measures.errors import MeasureError
from reports.measures.irt_likelihood import NODES, Layout, Responses
from reports.measures.irt_mml import Maximum, maximise

MIN_2PL, MIN_RASCH = 200, 30
Model = Literal["2pl", "rasch", "mixed", "classical"]
Status = Literal["estimated", "at_bound", "no_variance", "too_few"]


def choose_model(n_per_item: int) -> Literal["2pl", "rasch", "classical"]:
    """Model that so many answers to an item can bear: 2PL from 200, Rasch from 30, classical below."""
    if n_per_item >= MIN_2PL:
        return "2pl"
    return "rasch" if n_per_item >= MIN_RASCH else "classical"


@dataclass(frozen=True, slots=True)
class ItemParameters:
    """One item: discrimination ``a`` (per unit of θ), difficulty ``b`` (in θ), standard errors, n answers.

    ``a`` and ``b`` are ``None`` unless ``status`` is "estimated" or "at_bound": "no_variance" (all right or
    all wrong, the difficulty is infinite), "too_few" (n below the rule). At a bound the slope is held at ±8
    and has no standard error. ``b`` is ``None`` too where a is 0: the item then has no place on the scale.
    """

    item_id: str
    n: int
    a: float | None
    b: float | None
    se_a: float | None
    se_b: float | None
    status: Status


@dataclass(frozen=True, slots=True)
class Calibration:
    """Items calibrated together. Scores name its ``version``; ``n`` is the number of members with an answer.

    ``model``: "2pl" a slope an item, "rasch" one slope for all (estimated, which leaves the spread of
    ability free, unless ``fixed_slope``), "mixed" own slopes for items with enough answers and a common one
    for the rest. AIC = −2lnL + 2k, BIC = −2lnL + k ln n.
    """

    version: str
    calibrated_on: str
    n: int
    model: Model
    fixed_slope: float | None
    log_likelihood: float
    n_parameters: int
    converged: bool
    items: tuple[ItemParameters, ...]

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion with n members."""
        return -2 * self.log_likelihood + self.n_parameters * math.log(self.n)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for storage; ``from_dict`` is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Calibration:
        """Calibration out of ``to_dict``'s values, also after a trip through JSON."""
        items = tuple(ItemParameters(**item) for item in stored["items"])
        return cls(**{**stored, "items": items})


def _matrix(responses: npt.ArrayLike, item_ids: Sequence[str]) -> FloatArray:
    matrix = np.array(responses, dtype=np.float64, ndmin=2)
    if matrix.ndim != 2 or matrix.shape[1] != len(item_ids):
        raise MeasureError(f"responses of shape {matrix.shape} for {len(item_ids)} items")
    if not np.all(np.isnan(matrix) | (matrix == 0) | (matrix == 1)):
        raise MeasureError("responses must be 1, 0 or NaN", hint="split partial credit before calibrating")
    return matrix


def fit(
    responses: npt.ArrayLike,
    item_ids: Sequence[str],
    *,
    version: str,
    calibrated_on: str,
    model: Literal["2pl", "rasch"] | Sequence[bool] = "2pl",
    fixed_slope: float | None = None,
    weights: Sequence[float] | None = None,
    nodes: int = NODES,
) -> Calibration:
    """Calibrate a members × items matrix of 1 (right), 0 (wrong) and NaN (not administered).

    ``model`` may also say for each item whether it has a slope of its own ("mixed"). ``fixed_slope`` holds
    the common slope (1.0 is the Rasch model in its strict form). ``weights`` counts each row that often
    (response patterns). Items without variance take no part and are reported so. Standard errors come from
    the observed information, those of b by the delta method. Raises MeasureError below three usable items
    with a free slope (two with a fixed one): less does not identify the slopes.
    Source: Bock & Aitkin 1981; Rizopoulos 2006, JSS 17(5) (reference values).
    """
    matrix = _matrix(responses, item_ids)
    times = np.ones(matrix.shape[0]) if weights is None else np.asarray(weights, dtype=np.float64)
    seen = times @ ~np.isnan(matrix)
    right = times @ np.nan_to_num(matrix)
    usable = (right > 0) & (right < seen)
    count = int(usable.sum())
    if count < (3 if fixed_slope is None else 2):
        raise MeasureError(
            f"{count} items with both right and wrong answers are too few for a calibration",
            hint="use the classical statistics",
        )
    own: BoolArray = np.full(len(item_ids), model == "2pl") if isinstance(model, str) else np.array(model)
    kept = own[usable]
    layout, start = _layout(kept, fixed_slope, right[usable] / seen[usable])
    data = Responses.of(matrix[:, usable], times)
    best = maximise(data, layout, start, nodes)
    estimated = iter(_parameters(best))
    items = []
    for j, item_id in enumerate(item_ids):
        if usable[j]:
            a, b, se_a, se_b, status = next(estimated)
            items.append(ItemParameters(item_id, round(seen[j]), a, b, se_a, se_b, status))
        else:
            items.append(ItemParameters(item_id, round(seen[j]), None, None, None, None, "no_variance"))
    named: Model = "2pl" if kept.all() else "mixed" if kept.any() else "rasch"
    return Calibration(
        version=version,
        calibrated_on=calibrated_on,
        n=round(float(data.count.sum())),
        model=named,
        fixed_slope=fixed_slope,
        log_likelihood=best.log_likelihood,
        n_parameters=best.n_parameters,
        converged=best.converged,
        items=tuple(items),
    )


def _layout(own: BoolArray, fixed_slope: float | None, facility: FloatArray) -> tuple[Layout, FloatArray]:
    """Free parameters (own slopes, the common one, intercepts) and where to start them."""
    count = own.size
    slope = np.full(count, -1)
    slope[own] = np.arange(int(own.sum()))
    free = int(own.sum())
    if fixed_slope is None and not own.all():
        slope[~own] = free
        free += 1
    index = np.concatenate([slope, free + np.arange(count)]).astype(np.int64)
    start_slope = np.full(count, 1.0 if fixed_slope is None else fixed_slope)
    start_slope[own] = 1.0
    # 1.2: with θ spread out, a logit of the mean is flatter than the item's own.
    start = np.concatenate([start_slope, 1.2 * np.log(facility / (1 - facility))])
    return Layout(index, start.copy()), start


def _parameters(
    best: Maximum,
) -> list[tuple[float, float | None, float | None, float | None, Status]]:
    """(a, b, se_a, se_b, status) an item; b = −d/a with Var b = (1, b)·Cov(d, a)·(1, b)'/a²."""
    count = best.full.size // 2
    out: list[tuple[float, float | None, float | None, float | None, Status]] = []
    for j in range(count):
        a, d = float(best.full[j]), float(best.full[count + j])
        b = -d / a if abs(a) > 1e-9 else None
        se_a = se_b = None
        if best.covariance is not None:
            v = best.covariance
            se_a = math.sqrt(max(0.0, float(v[j, j]))) or None
            if b is not None:
                spread = v[count + j, count + j] + 2 * b * v[j, count + j] + b * b * v[j, j]
                se_b = math.sqrt(max(0.0, float(spread))) / abs(a)
        out.append((a, b, se_a, se_b, "at_bound" if best.at_bound[j] else "estimated"))
    return out


def calibrate(
    responses: npt.ArrayLike, item_ids: Sequence[str], *, version: str, calibrated_on: str
) -> Calibration | None:
    """Calibrate with the model that each item's number of answers can bear (``choose_model``).

    Items below 30 answers are left out as "too_few"; those below 200 share one slope. ``None`` where fewer
    than three items can take part: then the classical statistics are all there is.
    """
    matrix = _matrix(responses, item_ids)
    counts = (~np.isnan(matrix)).sum(axis=0)
    enough = counts >= MIN_RASCH
    varied = enough & (np.nansum(matrix, axis=0) > 0) & (np.nansum(1 - matrix, axis=0) > 0)
    if int(varied.sum()) < 3:
        return None
    part = fit(
        matrix[:, enough],
        [name for name, kept in zip(item_ids, enough, strict=True) if kept],
        version=version,
        calibrated_on=calibrated_on,
        model=[bool(n >= MIN_2PL) for n in counts[enough]],
    )
    found = iter(part.items)
    items = tuple(
        next(found) if enough[j] else ItemParameters(name, int(counts[j]), None, None, None, None, "too_few")
        for j, name in enumerate(item_ids)
    )
    return Calibration(**{**{f: getattr(part, f) for f in part.__dataclass_fields__}, "items": items})
