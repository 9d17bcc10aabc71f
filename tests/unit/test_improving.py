"""What is refused when a step of an improvement is entered, and the names by which people call problems and actions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from commands.improving import Taken, action_of, check_about, check_days, check_new, problem_of, raised
from reports.catalogue import Catalogue
from schemas.errors import InputError
from schemas.families.improvement import ACTIONS, PROBLEMS

OPEN = raised("b1", "topic", "k-1", "", "", (None, None), date(2026, 4, 2))
TODAY = date(2026, 5, 1)


@pytest.mark.parametrize(
    ("said", "code"),
    [("session", "session"), ("集中学习、专题辅导", "session"), ("集中学习", "session"), ("其他措施", "other"),
     ("谈心了解", "talk"), ("Joint session", "session")],
)  # fmt: skip
def test_an_action_is_known_by_its_code_its_name_and_either_half_of_that(said: str, code: str) -> None:
    assert action_of(said) == code


@pytest.mark.parametrize("said", ["", "、", "集中"])
def test_what_is_no_name_is_refused_and_the_option_is_named(said: str) -> None:
    with pytest.raises(InputError, match="--action"):
        action_of(said)
    with pytest.raises(InputError, match="--problem"):
        problem_of(said)


def test_no_two_mean_the_same() -> None:
    for choices, meant in ((ACTIONS, action_of), (PROBLEMS, problem_of)):
        assert [meant(choice.title.zh) for choice in choices] == [choice.code for choice in choices]


def test_what_is_open_already_is_not_raised_again() -> None:
    known = [replace(OPEN, improvement_id="first")]
    again = replace(OPEN, improvement_id="second", raised=TODAY, period_first=date(2026, 4, 1))
    with pytest.raises(InputError, match="first: the same improvement is open"):
        check_new(again, known)


@pytest.mark.parametrize(
    "changed",
    [{"about": "k-2"}, {"org_id": "b2"}, {"from_org": "college"}, {"course_id": "c-1"}, {"problem": "question"}],
)
def test_another_place_problem_or_sender_is_another_improvement(changed: dict[str, str]) -> None:
    check_new(replace(OPEN, **changed), [OPEN])  # type: ignore[arg-type]


def test_what_was_closed_may_be_raised_again() -> None:
    check_new(OPEN, [replace(OPEN, closed=date(2026, 4, 20))])


def _taken(day: date, due: date | None = None) -> Taken:
    return Taken("assigned", "m1", datetime(day.year, day.month, day.day, 12, tzinfo=UTC), due)


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (_taken(date(2026, 5, 2)), "2026-05-02 lies ahead"),
        (_taken(date(2026, 4, 1)), "raised on 2026-04-02"),
        (_taken(date(2026, 4, 10), date(2026, 4, 9)), "the due day lies before 2026-04-10"),
    ],
)
def test_days_that_cannot_be_meant_are_refused(taken: Taken, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_days(OPEN, taken, TODAY)


def test_what_was_done_since_is_not_closed_before_it_was_done() -> None:
    """Steps count in the order of their days: it would be without effect."""
    acted, closed = replace(OPEN, acted=date(2026, 4, 10)), replace(OPEN, closed=date(2026, 4, 20))
    again = replace(acted, reopened=1, reopened_on=date(2026, 4, 12))
    for issue, step, day in ((acted, "closed", 9), (closed, "reopened", 19), (again, "closed", 11)):
        taken = replace(_taken(date(2026, 4, day)), step=step)
        with pytest.raises(InputError, match=rf"latest step was taken on 2026-04-{day + 1}"):
            check_days(issue, taken, TODAY)
        check_days(issue, replace(taken, at=taken.at + timedelta(days=1)), TODAY)


def test_a_step_may_be_entered_afterwards_and_be_due_before_today() -> None:
    check_days(OPEN, _taken(date(2026, 4, 2), date(2026, 4, 2)), TODAY)
    check_days(OPEN, _taken(TODAY, TODAY), TODAY)


@pytest.mark.parametrize("problem", ["topic", "question"])
def test_a_problem_with_a_knowledge_point_or_question_names_it(problem: str) -> None:
    nothing = Catalogue()
    with pytest.raises(InputError, match="--about"):
        check_about(nothing, problem, "", "")
    check_about(nothing, problem, "k-1", "")
    check_about(nothing, "silent", "", "")
