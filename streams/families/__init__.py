"""Further families of events: one pure fold each, and the rows that follow from any of them."""

from __future__ import annotations

from streams.families.attendance import fold_attendance
from streams.families.fold import FamilyFact, Fold

__all__ = ["FOLDS", "FamilyFact", "Fold"]

FOLDS: dict[str, Fold] = {"attendance": fold_attendance}
"""Fold by event type; a test holds it complete."""
