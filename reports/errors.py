"""What can go wrong while a report is made."""

from __future__ import annotations

from schemas.errors import XuejingError


class ReportError(XuejingError):
    """A report can't be made as asked: the subject, content or period is unknown or empty."""
