"""What a measure raises when its input can't mean anything (a wrong shape, a negative count)."""

from __future__ import annotations

from schemas.errors import XuejingError


class MeasureError(XuejingError):
    """The values given to a measure contradict each other.

    Input that is valid but leaves a figure undefined gives ``None`` instead.
    """
