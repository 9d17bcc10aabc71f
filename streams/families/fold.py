"""What the fold of a family is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.days import LocalDays


class FamilyFact(NamedTuple):
    """An event that counts. ``at``: ms UTC; ``detail``: the family's own fields, absent ones at their defaults."""

    event_id: bytes
    at: int
    course: str
    detail: Mapping[str, Any]


Content = tuple[Any, ...]
"""Values of ``Family.contents``."""

Fold = Callable[[Sequence[FamilyFact], LocalDays], Mapping[int, Content]]
"""From the events of one member and subject that count, ordered by ``(at, event_id)`` and at least one, to contents by
local day. Pure: depends on nothing but its arguments; the days are among those of the events."""
