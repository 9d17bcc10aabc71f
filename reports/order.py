"""The order in which ids are listed: as people count, so that branch 2 comes before branch 10."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(\d{1,18})")


def natural(id_: str) -> tuple[tuple[int, int, str], ...]:
    """Sorting key: stretches of digits by value, everything else by character."""
    parts = _NUMBER.split(id_)
    return tuple((0, int(p), p) if i % 2 else (1, 0, p) for i, p in enumerate(parts) if p)
