"""Rows of ``member_day`` and ``answers`` as pure functions of a member's set of facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.days import day_date

from .facts import ANSWER, ERROR, STUDY, Fact
from .fold_answers import Outcome, fold_question
from .fold_study import NO_STUDY, DayStudy, fold_day, intervals
from .member import Group, MemberFacts, group_of
from .rules import Generation

Row = dict[str, Any]


def day_rows(member_id: str, facts: MemberFacts, day: int, generation: Generation) -> list[Row]:
    """The ``member_day`` rows of one local day: one per course that any body names, and one over all.

    Courses of withdrawn events get a row too, all zero, so that a row written before does not stand.
    """
    _, index = facts.index[generation.number]
    ids = index.study.get(day, ())
    bodies = [f for i in ids for f in facts.bodies[i] if f.kind == STUDY]
    lower, upper = generation.days.bounds(day)
    groups = index.groups.get(day, ())
    courses = {f.course for f in bodies if _may_touch(f, lower, upper, generation)} | {g[0] for g in groups}
    if not courses:
        return []
    live = [f for f in bodies if facts.counts(f)]
    ordered = intervals(live, generation.rules)
    depends = set(ids)
    outcomes: list[Outcome] = []
    present: list[Fact] = [f for f in live if _present(f, lower, upper, generation)]
    for group in groups:
        of_group = facts.group(group)
        on_day = [f for f in of_group if lower <= f.at < upper]
        depends.update(f.event_id for b in on_day for f in facts.cohort(b))
        present.extend(f for f in on_day if facts.counts(f))
        outcomes.extend(
            o for o in fold_question([f for f in of_group if facts.counts(f)]) if lower <= o.fact.at < upper
        )
    version = facts.behind(depends)
    rows = [_row(member_id, "", day, generation, ordered, outcomes, present, version)]
    for course in sorted(courses):
        rows.append(
            _row(
                member_id,
                course,
                day,
                generation,
                [i for i in ordered if i.course == course],
                [o for o in outcomes if o.fact.course == course],
                [f for f in present if f.course == course],
                version,
            )
        )
    return rows


def _may_touch(f: Fact, lower: int, upper: int, generation: Generation) -> bool:
    if f.beat:
        return lower - generation.rules.beat_gap <= f.at < upper
    return _present(f, lower, upper, generation)


def _present(f: Fact, lower: int, upper: int, generation: Generation) -> bool:
    """Whether a study fact lies on the day: what counts of it overlaps it, or it is an instant on it."""
    if f.at == f.start:
        return lower <= f.at < upper
    return max(f.start, f.at - generation.rules.longest_interval) < upper and f.at > lower


def _row(
    member_id: str,
    course: str,
    day: int,
    generation: Generation,
    ordered: list[Any],
    outcomes: list[Outcome],
    present: list[Fact],
    version: int,
) -> Row:
    study: DayStudy = fold_day(ordered, day, generation.days, generation.rules) if ordered else NO_STUDY
    counted = [o for o in outcomes if o.counted]
    times = [o.fact.at for o in counted]
    first = [t for t in (study.first, min(times, default=None)) if t is not None]
    last = [t for t in (study.last, max(times, default=None)) if t is not None]
    return {
        "generation": generation.number,
        "member_id": member_id,
        "day": day_date(day),
        "course_id": course,
        "study_ms": study.study_ms,
        "overlap_ms": study.overlap_ms,
        "active_ms": study.active_ms,
        "open_ms": study.open_ms,
        "sessions": study.sessions,
        "answers": len(counted),
        "graded": sum(o.correct >= 0 for o in counted),
        "correct": sum(o.correct == 1 for o in counted),
        "score_micro": sum(o.score for o in counted),
        "max_micro": sum(o.best for o in counted),
        "response_ms": sum(o.fact.spent for o in counted),
        "timed_answers": sum(o.fact.spent > 0 for o in counted),
        "wrong_questions": len({o.fact.question for o in counted if o.correct == 0}),
        "events": len(present),
        "capped": study.capped,
        "hour_ms": study.hour_ms,
        "first_at": min(first, default=None),
        "last_at": max(last, default=None),
        "version": version,
    }


def answer_rows(member_id: str, facts: MemberFacts, touched: Iterable[Fact], generation: Generation) -> list[Row]:
    """The ``answers`` rows of the touched bodies (answers and errors, whole cohorts).

    The key holds course, question, day and id: a body that does not count keeps a row with ``counted``
    false under its own key, unless the body that counts has the same key.
    """
    by_group: dict[Group, set[tuple[int, int]]] = {}
    for f in touched:
        if group := group_of(f):
            by_group.setdefault(group, set()).add((f.event_id, generation.days.day_of(f.at)))
    rows = []
    for group, keys in by_group.items():
        of_group = facts.group(group)
        outcomes = {o.fact.event_id: o for o in fold_question([f for f in of_group if facts.counts(f)])}
        for event_id, day in sorted(keys):
            outcome = outcomes.get(event_id)
            if outcome is not None and generation.days.day_of(outcome.fact.at) != day:
                outcome = None
            of_key = [f for f in of_group if f.event_id == event_id and generation.days.day_of(f.at) == day]
            version = facts.behind({f.event_id for b in of_key for f in facts.cohort(b)})
            rows.append(_answer_row(member_id, group, day, event_id, outcome, generation, version))
    return rows


def _answer_row(
    member_id: str,
    group: Group,
    day: int,
    event_id: int,
    outcome: Outcome | None,
    generation: Generation,
    version: int,
) -> Row:
    # A row that does not count must not depend on which of the losing bodies came first: no content at all.
    fact = outcome.fact if outcome else None
    return {
        "generation": generation.number,
        "member_id": member_id,
        "course_id": group[0],
        "question_id": group[1],
        "day": day_date(day),
        "event_id": event_id.to_bytes(16, "big"),
        "at": fact.at if fact else generation.days.bounds(day)[0],
        "exam_id": fact.exam if fact else "",
        "attempt": fact.attempt if fact else 0,
        "counted": outcome is not None and outcome.counted,
        "correct": None if outcome is None or outcome.correct < 0 else bool(outcome.correct),
        "score_micro": outcome.score if outcome else 0,
        "max_micro": outcome.best if outcome else 0,
        "response_ms": fact.spent if fact and fact.kind == ANSWER and fact.spent else None,
        "response": list(fact.response) if fact else [],
        "knowledge_points": list(fact.points) if fact else [],
        "from_error": fact is not None and fact.kind == ERROR,
        "version": version,
    }
