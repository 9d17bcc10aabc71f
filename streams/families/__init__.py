"""Further families of events: one pure fold each, and the rows that follow from any of them."""

from __future__ import annotations

from streams.families.appraisal import fold_appraisal
from streams.families.attendance import fold_attendance
from streams.families.contest import fold_contest
from streams.families.discussion import fold_discussion
from streams.families.dues import fold_dues
from streams.families.fold import FamilyFact, Fold
from streams.families.improvement import fold_improvement
from streams.families.push import fold_push
from streams.families.reflection import fold_reflection
from streams.families.service import fold_service
from streams.families.survey import fold_survey

__all__ = ["FOLDS", "FamilyFact", "Fold"]

FOLDS: dict[str, Fold] = {
    "attendance": fold_attendance,
    "reflection": fold_reflection,
    "discussion": fold_discussion,
    "contest": fold_contest,
    "push": fold_push,
    "service": fold_service,
    "dues": fold_dues,
    "appraisal": fold_appraisal,
    "survey": fold_survey,
    "improvement": fold_improvement,
}
"""Fold by event type; a test holds it complete."""
