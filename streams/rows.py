"""Rows of ``member_day`` and ``answers`` as pure functions of a member's set of facts.

Rows are tuples in the order of the declared columns: they are made by the hundred thousand a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from schemas.days import day_date
from schemas.tables import ANSWERS, FIGURES, MEMBER_DAY

from .facts import ANSWER, ERROR, STUDY, Fact
from .fold_answers import Outcome, fold_question
from .fold_study import NO_STUDY, DayStudy, Interval, fold_day, intervals
from .member import Group, MemberFacts, group_of
from .rules import Generation

Row = tuple[Any, ...]

_NAMES = [c.name for c in MEMBER_DAY.columns]
_FIRST = _NAMES.index(FIGURES[0])
FIGURES_AT = slice(_FIRST, _FIRST + len(FIGURES))
"""Where the figures stand in a ``member_day`` row."""
GENERATION_AT, MEMBER_AT, DAY_AT, COURSE_AT, VERSION_AT = (
    _NAMES.index(n) for n in ("generation", "member_id", "day", "course_id", "version")
)
assert _NAMES[FIGURES_AT] == list(FIGURES)
assert _NAMES[-1] == "version"
assert [c.name for c in ANSWERS.columns][-1] == "version"


def day_rows(member_id: str, facts: MemberFacts, day: int, generation: Generation) -> list[Row]:
    """The ``member_day`` rows of one local day: one per course that any body names, and one over all.

    Courses of withdrawn events get a row too, all zero, so that a row written before does not stand.
    """
    _, index = facts.index[generation.number]
    ids = index.study.get(day, ())
    bodies = [f for i in ids for f in facts.bodies[i] if f.kind == STUDY]
    lower, upper = generation.days.bounds(day)
    groups = index.groups.get(day, ())
    courses = {f.course for f in bodies if _may_touch(f, lower, upper, generation)}
    courses.update(g[0] for g in groups)
    if not courses:
        return []
    live = bodies if facts.plain else [f for f in bodies if facts.counts(f)]
    outcomes: list[Outcome] = []
    present: list[Fact] = [f for f in live if _present(f, lower, upper, generation)]
    depends = set(ids)
    for group in groups:
        of_group = facts.by_group[group]
        if len(of_group) == 1 and facts.plain:
            depends.add(of_group[0].event_id)
            present += of_group
            outcomes += fold_question(of_group)
            continue
        on_day = [f for f in of_group if lower <= f.at < upper]
        depends.update(f.event_id for b in on_day for f in facts.cohort(b))
        present += [f for f in on_day if facts.counts(f)]
        counting = [f for f in of_group if facts.counts(f)]
        outcomes += [o for o in fold_question(counting) if lower <= o.fact.at < upper]
    ordered = intervals(live, generation.rules) if live else []
    head = generation.number, member_id, day_date(day)
    version = facts.behind(depends)

    def row(course: str, study: list[Interval], answers: list[Outcome], events: int) -> Row:
        return (*head, course, *_figures(study, answers, events, day, generation), version)

    total = row("", ordered, outcomes, len(present))
    course = next(iter(courses))
    if len(courses) == 1 and all(i.course == course for i in ordered):
        # One course, also before midnight: its figures are those over all.
        return [total, (*head, course, *total[COURSE_AT + 1 :])]
    return [
        total,
        *(
            row(
                course,
                [i for i in ordered if i.course == course],
                [o for o in outcomes if o.fact.course == course],
                sum(f.course == course for f in present),
            )
            for course in sorted(courses)
        ),
    ]


def _may_touch(f: Fact, lower: int, upper: int, generation: Generation) -> bool:
    if f.beat:
        return lower - generation.rules.beat_gap <= f.at < upper
    return _present(f, lower, upper, generation)


def _present(f: Fact, lower: int, upper: int, generation: Generation) -> bool:
    """Whether a study fact counts on the day: what counts of it overlaps the day. A heartbeat is on the day of
    its instant; an interval without length counts nowhere."""
    if f.beat:
        return lower <= f.at < upper
    if f.at <= f.start:
        return False
    return max(f.start, f.at - generation.rules.longest_interval, lower) < min(f.at, upper)


def _figures(
    ordered: Sequence[Interval], outcomes: Sequence[Outcome], events: int, day: int, generation: Generation
) -> Row:
    """The columns of ``member_day`` between course and version."""
    study: DayStudy = fold_day(ordered, day, generation.days, generation.rules) if ordered else NO_STUDY
    answers = graded = correct = score = best = spent = timed = 0
    first, last = study.first, study.last
    wrong: set[str] = set()
    for o in outcomes:
        if not o.counted:
            continue
        f = o.fact
        answers += 1
        graded += o.correct >= 0
        if o.correct == 0:
            wrong.add(f.question)
        else:
            correct += o.correct == 1
        score += o.score
        best += o.best
        spent += f.spent
        timed += f.spent > 0
        first = f.at if first is None or f.at < first else first
        last = f.at if last is None or f.at > last else last
    return (
        study.study_ms,
        study.overlap_ms,
        study.active_ms,
        study.open_ms,
        study.sessions,
        answers,
        graded,
        correct,
        score,
        best,
        spent,
        timed,
        len(wrong),
        events,
        study.capped,
        study.hour_ms,
        first,
        last,
    )


def answer_rows(member_id: str, facts: MemberFacts, touched: Iterable[Fact], generation: Generation) -> list[Row]:
    """The ``answers`` rows of the touched bodies (answers and errors, whole cohorts).

    The key holds course, question, day and id: a body that does not count keeps a row with ``counted``
    false under its own key, unless the body that counts has the same key.
    """
    by_group: dict[Group, set[tuple[int, int]]] = {}
    day_of = generation.days.day_of
    for f in touched:
        if group := group_of(f):
            day = day_of(f.at)
            if day >= generation.first_open:
                by_group.setdefault(group, set()).add((f.event_id, day))
    rows = []
    for group, keys in by_group.items():
        of_group = facts.by_group[group]
        counting = of_group if facts.plain else [f for f in of_group if facts.counts(f)]
        outcomes = {o.fact.event_id: o for o in fold_question(counting)}
        for event_id, day in sorted(keys):
            outcome = outcomes.get(event_id)
            if outcome is not None and day_of(outcome.fact.at) != day:
                outcome = None
            if len(of_group) == 1:
                depends = {event_id}
            else:
                of_key = [f for f in of_group if f.event_id == event_id and day_of(f.at) == day]
                depends = {f.event_id for b in of_key for f in facts.cohort(b)}
            rows.append(_answer_row(member_id, group, day, event_id, outcome, generation, facts.behind(depends)))
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
    key = generation.number, member_id, group[0], group[1], day_date(day), event_id.to_bytes(16, "big")
    if outcome is None:
        # A row that does not count must not depend on which of the losing bodies came first: no content.
        return (*key, generation.days.bounds(day)[0], "", 0, False, None, 0, 0, None, (), (), False, version)
    f = outcome.fact
    return (
        *key,
        f.at,
        f.exam,
        f.attempt,
        outcome.counted,
        None if outcome.correct < 0 else outcome.correct == 1,
        outcome.score,
        outcome.best,
        f.spent if f.kind == ANSWER and f.spent else None,
        f.response,
        f.points,
        f.kind == ERROR,
        version,
    )
