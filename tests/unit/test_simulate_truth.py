"""The stated truth: study time by hand-made cases and by another algorithm, counts by the lines."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.simulate import (
    Flush,
    Messiness,
    Scenario,
    Simulation,
    TruthCollector,
    default_scenario,
    scaled_scenario,
    simulate,
    truth,
)

MINUTE = 60_000


@pytest.fixture(scope="module")
def small() -> Scenario:
    return default_scenario(3, days=21)


def _study(number: int, at: str, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"00000000-0000-7000-8000-{number:012d}",
        "event_type": "study",
        "member_id": "m-1",
        "course_id": fields.pop("course_id", "c-law"),
        "occurred_at": f"{at}+08:00",
        **fields,
    }


def _days(scenario: Scenario, events: list[dict[str, Any]], received: str = "2026-03-20T00:00:00+08:00") -> Any:
    collector = TruthCollector(scenario)
    moment = datetime.fromisoformat(received)
    collector.add(Flush("m-1", moment, [json.dumps(event).encode() for event in events]))
    return collector.result(Simulation(scenario))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [
                _study(1, "2026-03-03T10:30:00", duration_ms=30 * MINUTE),
                _study(2, "2026-03-03T10:40:00", duration_ms=20 * MINUTE, course_id="c-history"),
            ],
            {"2026-03-03": 40 * MINUTE},
            id="union over courses",
        ),
        pytest.param(
            [_study(1, "2026-03-04T00:20:00", duration_ms=30 * MINUTE)],
            {"2026-03-03": 10 * MINUTE, "2026-03-04": 20 * MINUTE},
            id="split at local midnight",
        ),
        pytest.param(
            [_study(1, "2026-03-03T20:00:00", duration_ms=6 * 60 * MINUTE)],
            {"2026-03-03": 240 * MINUTE},
            id="keeps the last four hours",
        ),
        pytest.param([_study(1, "2026-03-03T20:00:00", duration_ms=0)], None, id="nothing"),
        pytest.param(
            [_study(1, "2026-03-03T20:00:00", duration_ms=MINUTE)] * 2, {"2026-03-03": MINUTE}, id="duplicate"
        ),
        pytest.param(
            [
                _study(n, f"2026-03-03T20:{at}", beat_ms=30_000, device_id="d", session_id="s")
                for n, at in enumerate(("00:00", "00:30", "02:30", "04:31"))
            ],
            # 30 s + 120 s whole, then a gap of 121 s counts one beat, then the last beat.
            {"2026-03-03": 30_000 + 120_000 + 30_000 + 30_000},
            id="heartbeats",
        ),
        pytest.param(
            [
                _study(1, "2026-03-03T20:00:00", duration_ms=MINUTE),
                _study(2, "2026-03-03T21:00:00", duration_ms=5 * MINUTE),
                {
                    **_study(3, "2026-03-04T09:00:00"),
                    "event_type": "withdraw",
                    "target_event_id": "00000000-0000-7000-8000-000000000002",
                    "reason": "x",
                },
            ],
            {"2026-03-03": MINUTE},
            id="withdrawn",
        ),
        pytest.param(
            [
                _study(2, "2026-03-03T21:00:00", duration_ms=MINUTE, replaces="00000000-0000-7000-8000-000000000001"),
                _study(1, "2026-03-03T21:00:00", duration_ms=5 * MINUTE),
            ],
            {"2026-03-03": MINUTE},
            id="replaced, also when the replacement comes first",
        ),
        pytest.param(
            [
                _study(
                    1, "2026-03-04T00:00:30", duration_ms=MINUTE, sent_at="2026-03-04T00:00:31+08:00", device_id="d"
                ),
            ],
            {"2026-03-03": MINUTE},
            id="a clock one minute ahead",
        ),
    ],
)
def test_study_time_by_hand(small: Scenario, events: list[dict[str, Any]], expected: dict[str, int] | None) -> None:
    received = "2026-03-03T23:59:31+08:00" if "sent_at" in events[0] else "2026-03-20T00:00:00+08:00"
    assert _days(small, events, received)["study_ms"].get("m-1") == (expected if expected else None)


def _sweep(scenario: Scenario) -> dict[str, dict[str, int]]:
    """Study time again: a counter of open intervals over the sorted edges, midnights among them."""
    zone = ZoneInfo(scenario.timezone)
    bodies: dict[str, dict[str, Any]] = {}
    for flush in simulate(scenario):
        spoiled = {number for number, _ in flush.spoiled}
        for number, line in enumerate(flush.lines):
            if number not in spoiled:
                event = json.loads(line)
                bodies[event["event_id"]] = event
    for event in list(bodies.values()):
        bodies.pop(event.get("target_event_id") or event.get("replaces") or "", None)
    edges: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    sessions: dict[tuple[str, str, str], list[tuple[datetime, int]]] = defaultdict(list)
    for event in bodies.values():
        if event["event_type"] != "study":
            continue
        at = datetime.fromisoformat(event["occurred_at"]).astimezone(UTC)
        if "beat_ms" in event:
            key = event["member_id"], event["device_id"], event["session_id"]
            sessions[key].append((at, event["beat_ms"]))
        else:
            length = timedelta(milliseconds=min(event["duration_ms"], 4 * 60 * MINUTE))
            edges[event["member_id"]] += [(at - length, 1), (at, -1)]
    for (member, _, _), beats in sessions.items():
        beats.sort()
        for number, (at, beat) in enumerate(beats):
            end = at + timedelta(milliseconds=beat)
            if number + 1 < len(beats) and beats[number + 1][0] - at <= timedelta(minutes=2):
                end = beats[number + 1][0]
            edges[member] += [(at, 1), (end, -1)]
    midnights = [
        (datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC), 0)
        for day in (scenario.start + timedelta(days=n) for n in range(scenario.days + 3))
    ]
    out: dict[str, dict[str, int]] = {}
    for member, marks in edges.items():
        days: Counter[str] = Counter()
        marks = sorted([*marks, *midnights])
        depth = 0
        for (at, step), (following, _) in zip(marks, [*marks[1:], marks[-1]], strict=True):
            depth += step
            if depth:
                days[at.astimezone(zone).date().isoformat()] += (following - at) // timedelta(milliseconds=1)
        if days := Counter({day: ms for day, ms in days.items() if ms}):
            out[member] = dict(days)
    return out


def test_study_time_by_another_algorithm() -> None:
    scenario = default_scenario(8, days=60)
    found = truth(scenario)["study_ms"]
    assert len(found) > 50
    assert found == _sweep(scenario)


def test_courses_add_up_to_at_least_the_union(small: Scenario) -> None:
    found = truth(small)
    for member, days in found["study_ms"].items():
        per_course = sum(sum(by_day.values()) for by_day in found["study_ms_by_course"][member].values())
        assert per_course >= sum(days.values())
        assert max(days.values()) <= 86_400_000


def test_counts_balance(small: Scenario) -> None:
    counts = truth(small)["events"]
    lines = [line for flush in simulate(small) for line in flush.lines]
    rejected = sum(len(flush.spoiled) for flush in simulate(small))
    assert counts["lines"] == len(lines) == counts["valid"] + counts["rejected"]
    assert counts["rejected"] == rejected == sum(counts["rejected_by_reason"].values())
    assert counts["distinct"] == counts["valid"] - counts["duplicates"] == sum(counts["by_type"].values())
    assert counts["duplicates"] > 0


def test_large_skew_is_taken_out_exactly() -> None:
    """Clocks that are minutes wrong shift whole devices: every person's total stays what it was."""

    def totals(large_skew: float) -> dict[str, int]:
        messiness = replace(Messiness.clean(), large_skew=large_skew, second_device=0.5)
        found = truth(scaled_scenario(30, 2, 30, messiness=messiness))
        skews = [abs(member["skew_ms"]) for member in found["members"].values()]
        assert min(skews) >= 20_000 if large_skew else max(skews) < 2_000
        return {member: sum(days.values()) for member, days in found["study_ms"].items()}

    assert totals(1.0) == totals(0.0)


def test_parameters_are_stated_for_everyone_and_everything(small: Scenario) -> None:
    found = truth(small)
    assert set(found["members"]) == {person.member_id for person in small.members}
    assert set(found["items"]) == {question.question_id for question in small.catalogue.questions}
    assert set(found["knowledge_points"]) == {k.knowledge_point_id for k in small.catalogue.knowledge_points}
    names = {person.name for person in small.members}
    assert not any(name in json.dumps(found, ensure_ascii=False) for name in names), "names stay in the roster"
    assert sum(bool(m["mastery"]) for m in found["members"].values()) > 40
