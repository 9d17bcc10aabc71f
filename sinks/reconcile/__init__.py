"""Recomputes metrics from the archive by other means than the stream, and lists every difference."""

from .compare import Difference, compare
from .recompute import member_days

__all__ = ["Difference", "compare", "member_days"]
