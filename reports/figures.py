"""Figures: a number can only be shown together with the metric that it is a value of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from reports.measures.proportions import wilson
from schemas.metrics import METRICS, metric
from schemas.reference.columns import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of a declared metric, in its unit; ``None`` where it is undefined.

    A share is ``x`` of ``n`` with its interval ``low``..``high``. ``hidden``: withheld because too few
    members are behind it; then there is no value either. Raises UnknownMetric.
    """

    metric_id: str
    value: float | None
    x: float | None = None
    n: float | None = None
    low: float | None = None
    high: float | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        if self.metric_id not in METRICS:
            metric(self.metric_id)  # raises, with what to do


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one metric along an axis (days, hours, weeks). Raises UnknownMetric."""

    metric_id: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        metric(self.metric_id)


def share(metric_id: str, x: float, n: float) -> Figure:
    """``x / n`` with Wilson's 95 % interval; no value at n = 0."""
    limits = wilson(x, n)
    if limits is None:
        return Figure(metric_id, None, x, n)
    return Figure(metric_id, x / n, x, n, limits.low, limits.high)


def ratio(metric_id: str, x: float, n: float) -> Figure:
    """``x / n`` of amounts that are not counts, so without an interval; no value at n = 0."""
    return Figure(metric_id, x / n if n else None)


def withheld(metric_id: str) -> Figure:
    """A figure that is not shown because too few members are behind it."""
    return Figure(metric_id, None, hidden=True)


_FIELDS: dict[type[Any], tuple[str, ...]] = {}
_VALUES: dict[type[Any], Callable[[Any], tuple[Any, ...]]] = {}


def field_names(kind: type[Any]) -> tuple[str, ...]:
    """Names of the fields of a dataclass, none for other types."""
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()
        _FIELDS[kind] = names
    return names


def metrics_used(context: object) -> tuple[str, ...]:
    """Ids of the metrics that a context shows, in order of declaration."""
    used: set[str] = set()
    waiting: list[Any] = [context]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is Figure or kind is Series:
            used.add(item.metric_id)
        elif kind is tuple:
            waiting += item
        elif kind not in _PLAIN:
            waiting += (_VALUES.get(kind) or _values(kind))(item)
    return tuple(metric_id for metric_id in METRICS if metric_id in used)


def _values(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of the fields of a type."""
    names = field_names(kind)
    if len(names) > 1:
        _VALUES[kind] = attrgetter(*names)
    else:
        _VALUES[kind] = lambda item: tuple(getattr(item, name) for name in names)
    return _VALUES[kind]


_PLAIN = frozenset({str, bool, type(None), date, datetime, Text})
