"""Practice: answers by knowledge point in order of time, mastery, and the wrong-question book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from reports.analytics.calibrations import Calibrations, PointParameters
from reports.catalogue import Catalogue
from reports.measures.bkt import Mastery, mastery
from reports.measures.wrong_book import Entry, Outcome, wrong_book

Sequences = dict[str, dict[str, list[tuple[bool | None, bool | None]]]]
"""Knowledge point → member → (correct, rapid) in order of time."""


def practice_sequences(answers: pl.DataFrame, catalogue: Catalogue) -> Sequences:
    """Answers outside exams by the question's main (first) knowledge point; ``answers`` with ``rapid``.

    Exams are left out: there is no explanation between their questions, so that nothing is learnt from one answer
    to the next, which the model takes for granted.
    """
    main = {q.question_id: q.knowledge_points[0] for q in catalogue.questions.values() if q.knowledge_points}
    # A mark from paper without its answer is no step of a practice: nothing was explained at that moment.
    marks = pl.col("from_error") if "from_error" in answers.columns else pl.lit(False)
    rows = answers.filter((pl.col("exam_id") == "") & ~marks).sort("member_id", "at", "event_id")
    found: Sequences = {}
    wanted = rows.select("member_id", "question_id", "knowledge_points", "correct", "rapid").iter_rows()
    for member, question, named, correct, rapid in wanted:
        point = main.get(question) or (named[0] if named else "")
        if point:
            found.setdefault(point, {}).setdefault(member, []).append((correct, rapid))
    return found


@dataclass(frozen=True, slots=True)
class PointMastery:
    """A member's mastery of one knowledge point, and the parameters that it was computed with."""

    member_id: str
    point_id: str
    mastery: Mastery
    parameters: PointParameters


def point_masteries(sequences: Sequences, calibrations: Calibrations) -> list[PointMastery]:
    """Every member and knowledge point with a practised answer, by member and point."""
    found = []
    for point, members in sequences.items():
        used = calibrations.point(point)
        for member, answered in members.items():
            if any(correct is not None for correct, _ in answered):
                found.append(PointMastery(member, point, mastery(answered, used.params), used))
    return sorted(found, key=lambda m: (m.member_id, m.point_id))


def books(answers: pl.DataFrame) -> Mapping[str, Mapping[str, Entry]]:
    """Member → question → entry of the wrong-question book, from all counted ``answers`` with ``rapid``."""
    missed = answers.filter(~pl.col("correct")).select("member_id", "question_id").unique()
    rows = answers.join(missed, on=["member_id", "question_id"], how="semi").sort("member_id", "at", "event_id")
    found: dict[str, list[Outcome]] = {}
    wanted = rows.select(
        "member_id", "event_id", pl.col("at").dt.epoch("ms"), "day", "question_id", "correct", "rapid", "response"
    ).iter_rows()
    for member, event_id, at, day, question, correct, rapid, response in wanted:
        outcome = Outcome(event_id, at, day, question, correct, rapid, frozenset(response) if response else None)
        found.setdefault(member, []).append(outcome)
    return {member: wrong_book(outcomes) for member, outcomes in found.items()}
