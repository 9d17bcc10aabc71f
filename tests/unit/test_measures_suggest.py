"""Suggestions: the right ones, in the right order, each with its evidence and its words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import numpy as np
import pytest

from reports.measures.bkt import Mastery
from reports.measures.classical import analyse
from reports.measures.distractors import analyse_options
from reports.measures.irt_drift import ItemDrift
from reports.measures.suggest import (
    EVIDENCE_METRICS,
    Kind,
    MemberProgress,
    Reason,
    Suggestion,
    TopicCount,
    confusing_topics,
    for_member,
    offers_of_help,
)
from reports.measures.suggest_items import for_author
from reports.measures.suggest_text import ACTIONS, REASONS, text
from reports.measures.wrong_book import Entry, Outcome, wrong_book

DAY = 86_400_000
START = date(2025, 1, 1)


def book(**questions: str) -> dict[str, Entry]:
    """Per question a string of one answer a day: letters are wrong options, "+" right, "." nothing."""
    outcomes = [
        Outcome(f"{q}{day}", day * DAY, START + timedelta(days=day), q, mark == "+", False, frozenset(mark))
        for q, marks in questions.items()
        for day, mark in enumerate(marks)
        if mark != "."
    ]
    return wrong_book(outcomes)


def member(entries: dict[str, Entry], mastery: dict[str, Mastery] | None = None, day: int = 9) -> list[Suggestion]:
    return for_member(entries, mastery or {}, today=START + timedelta(days=day), as_of_ms=day * DAY)


def reasons(suggestion: Suggestion) -> list[Reason]:
    return [f.reason for f in suggestion.findings]


def test_a_members_questions_come_by_what_helps_most() -> None:
    got = member(book(once="A", lapsed="A++B", again="ABA", half="A+", done="A++", often="ABC"))
    assert [s.subject for s in got] == ["lapsed", "again", "half", "often", "once"]
    assert [reasons(s) for s in got] == [
        ["lapsed", "still_open"], ["repeat_error", "still_open"], ["second_answer_due", "still_open"],
        ["still_open"], ["still_open"],
    ]  # fmt: skip
    assert got[4].evidence[0].value == 9 * DAY / 1000
    assert len(member(book(**{f"q{i}": "A" for i in range(9)}))) == 5


def test_a_question_answered_right_today_waits_until_tomorrow() -> None:
    entries = book(half="A+")
    assert member(entries, day=1) == []
    assert [s.subject for s in member(entries, day=2)] == ["half"]


def test_weak_topics_need_answers_and_ignore_rapid_ones() -> None:
    def mastered(p: float | None, n: int) -> Mastery:
        return Mastery(n, 0.99, n, p, None if p is None else p >= 0.95)

    got = member({}, {"a": mastered(0.6, 9), "b": mastered(0.2, 3), "c": mastered(0.1, 2), "d": mastered(0.96, 9),
                      "e": mastered(None, 0)})  # fmt: skip
    assert [(s.kind, s.subject, s.evidence[0].value, s.evidence[0].n) for s in got] == [
        ("review_topic", "b", 0.2, 3),
        ("review_topic", "a", 0.6, 9),
    ]


def test_a_topic_is_named_only_when_chance_is_ruled_out() -> None:
    branch = [TopicCount("hard", 18, 20), TopicCount("worse", 12, 40), TopicCount("same", 4, 40),
              TopicCount("tiny", 4, 4), TopicCount("unsure", 6, 10)]  # fmt: skip
    rest = {"worse": TopicCount("worse", 50, 500), "same": TopicCount("same", 50, 500)}
    got = confusing_topics(branch, rest)
    assert [s.subject for s in got] == ["hard", "worse"]
    assert [e.value for e in got[1].evidence] == [0.3, 0.1]
    assert got[1].evidence[1].detail == "elsewhere"
    assert len(confusing_topics(branch, rest, limit=1)) == 1
    few = {"worse": TopicCount("worse", 1, 10)}
    assert [s.subject for s in confusing_topics(branch, few)] == ["hard"]


def test_offers_of_help_have_reasons_and_no_ranking() -> None:
    old = book(**{f"q{i}": "A" for i in range(3)})
    people = [
        MemberProgress("m3", {"c1": 0.9, "c2": 0.6, "c3": 0.4}, 0.0, 20.0, old),
        MemberProgress("m1", {}, 9.0, 20.0, {}),
        MemberProgress("m2", {"c1": 0.49}, 10.0, 20.0, book(q1="A", q2="A")),
        MemberProgress("m0", {}, 0.0, 0.0, {}),
    ]
    got = offers_of_help(people, as_of_ms=40 * DAY)
    assert [s.subject for s in got] == ["m1", "m3"]
    assert reasons(got[0]) == ["behind_hours"]
    assert reasons(got[1]) == ["not_started", "behind_hours", "long_open_questions"]
    assert [(e.detail, e.value) for e in got[1].findings[0].evidence] == [("c1", 0.9), ("c2", 0.6)]
    assert offers_of_help(people[:1], as_of_ms=20 * DAY)[0].findings[-1].reason == "behind_hours"


def broken_test(members: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    theta = rng.normal(size=members)
    good = (rng.random((members, 6)) < 1 / (1 + np.exp(-1.5 * theta[:, None]))).astype(float)
    reversed_key = 1 - (rng.random(members) < 1 / (1 + np.exp(-1.5 * theta)))
    return np.column_stack([good, reversed_key, np.ones(members)]), theta


def test_an_author_is_told_what_is_broken_first() -> None:
    scores, theta = broken_test()
    items = analyse(scores, [1] * 8, item_ids=[f"q{i}" for i in range(8)]).items
    chosen = [["A"] if right else (["B"] if t > 0 else ["C"]) for right, t in zip(scores[:, 0], theta, strict=True)]
    options = {"q0": analyse_options(chosen, theta, ["A"], ["A", "B", "C", "D"])}
    drift = {"q1": ItemDrift("q1", 0.8, 0.1, 8.0, 1e-9, 1.0, False, True),
             "q2": ItemDrift("q2", 0.1, 0.1, 1.0, 1.0, 1.0, True, False)}  # fmt: skip
    got = for_author(items, options, drift)
    assert [s.subject for s in got] == ["q6", "q0", "q1", "q7"]
    assert [reasons(s) for s in got] == [
        ["negative_discrimination"], ["attractive_distractor", "idle_distractor"], ["drifted"], ["too_easy"],
    ]  # fmt: skip
    assert [e.detail for e in got[1].evidence] == ["B", "D"]
    negative = got[0].evidence[0]
    assert negative.high is not None
    assert negative.high < 0
    assert got[2].evidence[0].low == pytest.approx(0.8 - 0.196)


def test_too_few_answers_break_no_question() -> None:
    scores, _ = broken_test(29)
    assert for_author(analyse(scores, [1] * 8).items) == []


def test_every_suggestion_carries_evidence_and_reads_in_both_languages() -> None:
    scores, theta = broken_test()
    items = analyse(scores, [1] * 8).items
    chosen = [["B"] if right else ["A"] for right in scores[:, 0]]
    options = {"1": analyse_options(chosen, theta, ["A"], ["A", "B", "C"])}
    drift = {"2": ItemDrift("2", 0.8, 0.1, 8.0, 1e-9, 1.0, False, True)}
    hard = analyse(1 - scores, [1] * 8).items
    old = book(**{f"q{i}": "A" for i in range(3)})
    everything = [
        *member(book(once="A", lapsed="A++B", again="ABA", half="A+"), {"k": Mastery(5, 0.5, 5, 0.5, False)}),
        *confusing_topics([TopicCount("t", 9, 10)], {}),
        *offers_of_help([MemberProgress("m", {"c": 0.9}, 0, 9, old)], as_of_ms=99 * DAY),
        *for_author(items, options, drift),
        *for_author(hard),
    ]
    assert {s.kind for s in everything} == set(get_args(Kind)) == set(ACTIONS)
    assert {r for s in everything for r in reasons(s)} == set(get_args(Reason)) == set(REASONS)
    assert {e.metric for s in everything for e in s.evidence} == EVIDENCE_METRICS
    for suggestion in everything:
        assert all(f.evidence for f in suggestion.findings)
        for lang in ("zh", "en"):
            line = text(suggestion, lang, name="《名称》")
            assert "《名称》" in line
            assert "{" not in line
            assert "None" not in line
            assert "nan" not in line


def test_words_of_one_suggestion() -> None:
    (got,) = confusing_topics([TopicCount("kp1", 9, 10)], {})
    assert text(got) == "建议在支部讨论知识点 kp1：10 人中首次作答答错的占 90%（95% 区间 60%–98%）。"
    assert text(got, "en").startswith("Discuss the knowledge point kp1 in the branch: 90% of 10 members")
