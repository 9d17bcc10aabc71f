"""What an organisation's answers to one question of a survey count for: a pure function of their set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.days import LocalDays

from .fold import Content, FamilyFact
from .steps import by_day, ids


def fold_survey(facts: Sequence[FamilyFact], days: LocalDays) -> Mapping[int, Content]:
    """Answers of each day by option."""
    return {day: _answers(found) for day, found in by_day(facts, days).items()}


def _answers(facts: Sequence[FamilyFact]) -> Content:
    counts = sorted(Counter(f.detail["choice"] for f in facts).items())
    return len(facts), facts[0].detail["survey_id"], [c for c, _ in counts], [n for _, n in counts], ids(facts)
