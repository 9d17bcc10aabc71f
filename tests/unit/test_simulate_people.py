"""What the people do follows the parameters that the truth states: responses, times, guesses, due dates."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from datetime import date
from typing import Any

import pytest

from producers.simulate import Messiness, Scenario, scaled_scenario, simulate, truth

RAPID_MS = 2_000


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scaled_scenario(400, 8, 40, seed=77, messiness=Messiness.clean())


@pytest.fixture(scope="module")
def known(scenario: Scenario) -> dict[str, Any]:
    return truth(scenario)


@pytest.fixture(scope="module")
def events(scenario: Scenario) -> list[dict[str, Any]]:
    return [json.loads(line) for flush in simulate(scenario) for line in flush.lines]


@pytest.fixture(scope="module")
def answers(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event_type"] == "answer"]


def _first_attempts(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last answer to each question of a first attempt, graded."""
    last: dict[tuple[str, str, str], dict[str, Any]] = {}
    for event in sorted(answers, key=lambda e: (e["occurred_at"], e["event_id"])):
        if event.get("exam_id") and event["attempt"] == 1 and event["correct"] is not None:
            last[event["member_id"], event["exam_id"], event["question_id"]] = event
    return list(last.values())


def _probability(member: dict[str, Any], item: dict[str, Any]) -> float:
    return 1.0 / (1.0 + math.exp(-item["a"] * (member["ability"] - item["b"])))


def test_exam_responses_follow_the_2pl(answers: list[dict[str, Any]], known: dict[str, Any]) -> None:
    """Observed minus expected, in standard errors, item by item: centred on 0 with a spread of about 1."""
    solved = [e for e in _first_attempts(answers) if e["duration_ms"] > RAPID_MS]
    difference: Counter[str] = Counter()
    variance: Counter[str] = Counter()
    for event in solved:
        p = _probability(known["members"][event["member_id"]], known["items"][event["question_id"]])
        difference[event["question_id"]] += event["correct"] - p
        variance[event["question_id"]] += p * (1 - p)
    z = [difference[q] / math.sqrt(variance[q]) for q in variance]
    assert len(z) > 60
    assert abs(sum(z)) / math.sqrt(len(z)) < 3.5
    assert 0.7 < sum(value * value for value in z) / len(z) < 1.4


def test_able_people_score_higher_in_every_fifth(answers: list[dict[str, Any]], known: dict[str, Any]) -> None:
    right: dict[int, list[bool]] = defaultdict(list)
    ranked = sorted(known["members"], key=lambda m: known["members"][m]["ability"])
    fifth = {member: 5 * place // len(ranked) for place, member in enumerate(ranked)}
    for event in _first_attempts(answers):
        right[fifth[event["member_id"]]].append(event["correct"])
    shares = [sum(right[f]) / len(right[f]) for f in range(5)]
    assert shares == sorted(shares)
    assert shares[4] - shares[0] > 0.3


def test_rapid_guesses_are_as_frequent_as_stated_and_at_chance(
    answers: list[dict[str, Any]], known: dict[str, Any], scenario: Scenario
) -> None:
    exam = _first_attempts(answers)
    rapid = [e for e in exam if e["duration_ms"] <= RAPID_MS]
    expected = sum(known["members"][e["member_id"]]["rapid_rate"] for e in exam)
    assert len(rapid) == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert not [e for e in exam if RAPID_MS < e["duration_ms"] < 5_000], "nothing in between: thresholds are clear"
    kind = {q.question_id: q for q in scenario.catalogue.questions}
    practice = [e for e in answers if "exam_id" not in e and e["duration_ms"] <= RAPID_MS]
    for guesses in (rapid, practice):
        single = [e["correct"] for e in guesses if kind[e["question_id"]].kind == "single"]
        assert len(single) > 300
        assert sum(single) / len(single) == pytest.approx(0.25, abs=4 * math.sqrt(0.1875 / len(single)))


def test_thresholds_of_a_tenth_of_the_mean_time_stay_above_rapid_guesses(answers: list[dict[str, Any]]) -> None:
    spent: dict[str, list[int]] = defaultdict(list)
    for event in _first_attempts(answers):
        spent[event["question_id"]].append(event["duration_ms"])
    means = [sum(times) / len(times) for times in spent.values() if len(times) >= 30]
    assert min(means) / 10 > RAPID_MS
    assert max(means) < 200_000


def test_response_times_follow_speed(answers: list[dict[str, Any]], known: dict[str, Any]) -> None:
    """Mean log residual of each person recovers minus their speed."""
    residuals: dict[str, list[float]] = defaultdict(list)
    for event in _first_attempts(answers):
        if event["duration_ms"] > 6_000:
            item = known["items"][event["question_id"]]
            residuals[event["member_id"]].append(math.log(event["duration_ms"] / 1000) - item["log_time"])
    pairs = [
        (known["members"][m]["speed"], -sum(found) / len(found)) for m, found in residuals.items() if len(found) > 20
    ]
    assert len(pairs) > 200
    assert _correlation(pairs) > 0.85


def test_first_practice_follows_knowledge_tracing(
    answers: list[dict[str, Any]], known: dict[str, Any], scenario: Scenario
) -> None:
    """First practice answer on a point: P(right) = L0 (1 − S) + (1 − L0) G over the whole population."""
    first_point = {q.question_id: q.knowledge_points[0] for q in scenario.catalogue.questions}
    seen: set[tuple[str, str]] = set()
    difference = variance = 0.0
    for event in sorted(answers, key=lambda e: e["occurred_at"]):
        point = first_point[event["question_id"]]
        key = event["member_id"], point
        if event.get("exam_id") or event["duration_ms"] <= RAPID_MS or key in seen:
            continue
        seen.add(key)
        k = known["knowledge_points"][point]
        p = k["prior"] * (1 - k["slip"]) + (1 - k["prior"]) * k["guess"]
        difference += event["correct"] - p
        variance += p * (1 - p)
    assert len(seen) > 4_000
    # Answers of one person are correlated through ability: half as much again as if they were independent.
    assert abs(difference) < 1.5 * 2.5 * math.sqrt(variance)


def test_mastery_grows_with_practice(known: dict[str, Any]) -> None:
    mastered = [known_ for m in known["members"].values() for known_ in m["mastery"].values()]
    priors = [k["prior"] for k in known["knowledge_points"].values()]
    assert sum(mastered) / len(mastered) > sum(priors) / len(priors) + 0.1


def test_crammers_study_later(scenario: Scenario, known: dict[str, Any]) -> None:
    """Share of charter minutes in the last fifth before its due date rises with the propensity."""
    course = next(c for c in scenario.catalogue.courses if c.course_id == "c-charter")
    span = (course.due_at - course.assigned_at).days + 1
    pairs: list[tuple[float, float]] = []
    for member, courses in known["study_ms_by_course"].items():
        days = {date.fromisoformat(d): ms for d, ms in courses.get("c-charter", {}).items()}
        total = sum(ms for d, ms in days.items() if d <= course.due_at)
        if total > 60 * 60_000:
            late = sum(ms for d, ms in days.items() if 0 <= (course.due_at - d).days < span / 5)
            pairs.append((known["members"][member]["cramming"], late / total))
    assert len(pairs) > 80
    assert _correlation(pairs) > 0.15


def test_people_study_in_the_evening_and_sleep_at_night(events: list[dict[str, Any]]) -> None:
    hours = Counter(int(e["occurred_at"][11:13]) for e in events if e["event_type"] == "study")
    total = sum(hours.values())
    assert sum(hours[h] for h in range(19, 24)) / total > 0.5
    assert sum(hours[h] for h in range(2, 6)) / total < 0.02


def _correlation(pairs: list[tuple[float, float]]) -> float:
    n = len(pairs)
    mean_x, mean_y = sum(x for x, _ in pairs) / n, sum(y for _, y in pairs) / n
    cov = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return cov / math.sqrt(sum((x - mean_x) ** 2 for x, _ in pairs) * sum((y - mean_y) ** 2 for _, y in pairs))
