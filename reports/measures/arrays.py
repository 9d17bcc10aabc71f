"""Array types and the few conversions that the measures share."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def as_floats(values: Iterable[float]) -> FloatArray:
    """One-dimensional float64 copy of ``values``."""
    return np.fromiter(values, dtype=np.float64)


def finite(value: float) -> float | None:
    """``value`` as a Python float, or ``None`` where it is NaN or infinite (the undefined marker)."""
    number = float(value)
    return number if math.isfinite(number) else None


def ratio(numerator: float, denominator: float) -> float | None:
    """``numerator / denominator``, ``None`` where the denominator is 0 or either is not finite."""
    if denominator == 0 or not math.isfinite(denominator) or not math.isfinite(numerator):
        return None
    return finite(numerator / denominator)
