"""The wrong-question book: its rules one by one, and that it is a function of the set of answers."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures.wrong_book import Entry, Outcome, median_time_to_resolution, wrong_book

DAY = 86_400_000


def answers(*steps: str, question: str = "q1") -> list[Outcome]:
    """Steps like "1 wrong A", "2 right", "2 right rapid": day, verdict, option or speed."""
    out = []
    for i, step in enumerate(steps):
        day, verdict, *rest = step.split()
        chosen = [r for r in rest if r != "rapid"]
        out.append(
            Outcome(
                event_id=f"{question}-{i:03}",
                occurred_ms=int(day) * DAY + i,
                local_day=date(2025, 1, 1) + timedelta(days=int(day)),
                question_id=question,
                correct={"right": True, "wrong": False, "ungraded": None}[verdict],
                rapid="rapid" in rest,
                response=frozenset(chosen) or None,
            )
        )
    return out


def kinds(entry: Entry) -> list[str]:
    return [t.kind for t in entry.transitions]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["1 wrong A"], ["opened"]),
        (["1 wrong A", "2 wrong B"], ["opened", "repeated"]),
        (["1 wrong A", "2 right", "3 right"], ["opened", "resolved"]),
        (["1 wrong A", "2 right", "2 right"], ["opened"]),
        (["1 wrong A", "2 right", "2 right", "3 right"], ["opened", "resolved"]),
        (["1 wrong A", "2 right", "3 wrong B", "4 right"], ["opened", "repeated"]),
        (["1 wrong A", "2 right", "3 right rapid"], ["opened"]),
        (["1 wrong A", "2 right", "3 right rapid", "4 right"], ["opened", "resolved"]),
        (["1 wrong A", "1 right", "2 right"], ["opened", "resolved"]),
        (["1 wrong A", "2 right", "3 right", "9 wrong A"], ["opened", "resolved", "lapsed"]),
        (["1 wrong A", "2 right", "3 right", "9 wrong A", "10 right", "11 right"],
         ["opened", "resolved", "lapsed", "resolved"]),
        (["1 wrong A rapid"], ["opened"]),
        (["1 wrong A", "2 ungraded", "3 right", "4 right"], ["opened", "resolved"]),
    ],
)  # fmt: skip
def test_lifecycle(steps: list[str], expected: list[str]) -> None:
    entry = wrong_book(answers(*steps))["q1"]
    assert kinds(entry) == expected
    assert entry.is_open == (expected[-1] != "resolved")


def test_only_wrong_questions_are_in_the_book() -> None:
    assert wrong_book(answers("1 right", "2 right", "3 ungraded")) == {}
    assert wrong_book([]) == {}


def test_counts_options_and_times() -> None:
    steps = ("0 wrong A", "1 wrong B", "2 wrong A", "3 right", "5 right", "8 wrong C", "9 wrong B")
    entry = wrong_book(answers(*steps))["q1"]
    assert (entry.wrong, entry.repeat_errors, entry.lapses) == (5, 2, 1)
    assert [t.same_option for t in entry.transitions] == [False, False, True, False, False, True]
    assert entry.last_wrong_response == frozenset("B")
    assert entry.time_to_resolution_ms == 5 * DAY + 4
    assert [s.duration_ms(20 * DAY) for s in entry.spells] == [(5 * DAY + 4, True), (12 * DAY - 5, False)]
    assert entry.spells[0].duration_ms(4 * DAY) == (4 * DAY, False)
    assert entry.half_resolved_on is None
    half = wrong_book(answers("1 wrong A", "2 right", "2 right"))["q1"]
    assert half.half_resolved_on == date(2025, 1, 3)
    unknown = wrong_book(answers("0 wrong", "1 wrong"))["q1"]
    assert unknown.repeat_errors == 0


def test_several_options_are_the_same_response_in_any_order() -> None:
    entry = wrong_book(answers("1 wrong A B", "2 wrong B A", "3 wrong A"))["q1"]
    assert entry.repeat_errors == 1


step = st.tuples(
    st.integers(0, 6), st.sampled_from(["right", "wrong", "wrong A", "wrong B", "right rapid", "ungraded"])
).map(lambda s: f"{s[0]} {s[1]}")


@given(
    st.lists(step, max_size=12),
    st.lists(step, max_size=6),
    st.randoms(use_true_random=False),
    st.integers(0, 5),
)
def test_any_order_split_and_repetition_gives_the_same_book(
    one: list[str], two: list[str], random: Random, repeats: int
) -> None:
    events = answers(*one) + answers(*two, question="q2")
    shuffled = events + events[:repeats]
    random.shuffle(shuffled)
    assert wrong_book(shuffled) == wrong_book(events)
    assert wrong_book(events).get("q2") == wrong_book(answers(*two, question="q2")).get("q2")


@given(st.lists(step, max_size=14))
def test_the_book_is_consistent(steps: list[str]) -> None:
    for entry in wrong_book(answers(*steps)).values():
        assert entry.wrong == sum(k != "resolved" for k in kinds(entry))
        assert len(entry.spells) == 1 + entry.lapses
        assert entry.is_open == (entry.spells[-1].resolved_ms is None)
        assert all(s.resolved_ms is not None for s in entry.spells[:-1])
        assert entry.repeat_errors < entry.wrong


def test_median_time_counts_what_is_still_open() -> None:
    assert median_time_to_resolution([(1, True), (2, True), (3, True)]) == 2
    assert median_time_to_resolution([(1, True), (9, False), (9, False)]) is None
    assert median_time_to_resolution([]) is None
    # By hand: S(1) = 3/4, one cut off at 2, S(3) = 3/4 * 1/2 = 3/8.
    assert median_time_to_resolution([(1, True), (2, False), (3, True), (4, True)]) == 3
    # Ties: the one that ended at 2 counts before the one cut off at 2.
    assert median_time_to_resolution([(2, False), (2, True)]) == 2
