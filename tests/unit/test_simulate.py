"""The simulator is a pure function of its seed, and its default story has the people and events it promises."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.simulate import Flush, Messiness, Scenario, default_scenario, scaled_scenario, simulate
from schemas.errors import ConfigError
from schemas.families import FAMILIES


def _digest(scenario: Scenario) -> str:
    digest = hashlib.sha256()
    for flush in simulate(scenario):
        digest.update(f"{flush.member_id} {flush.received_at.isoformat()}\n".encode())
        digest.update(b"\n".join(flush.lines))
    return digest.hexdigest()


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return default_scenario()


@pytest.fixture(scope="module")
def flushes(scenario: Scenario) -> list[Flush]:
    return list(simulate(scenario))


@pytest.fixture(scope="module")
def events(flushes: list[Flush]) -> list[dict[str, Any]]:
    """Accepted events, first delivery only."""
    found: dict[str, dict[str, Any]] = {}
    for flush in flushes:
        spoiled = dict(flush.spoiled)
        for number, line in enumerate(flush.lines):
            if number not in spoiled:
                event = json.loads(line)
                found.setdefault(event["event_id"], event)
    return list(found.values())


def test_same_seed_same_bytes() -> None:
    assert _digest(default_scenario(5, days=30)) == _digest(default_scenario(5, days=30))
    assert _digest(scaled_scenario(40, 4, 20)) == _digest(scaled_scenario(40, 4, 20))


def test_other_seed_other_bytes() -> None:
    assert _digest(default_scenario(5, days=30)) != _digest(default_scenario(6, days=30))


def test_the_college_has_its_people(scenario: Scenario) -> None:
    tables = scenario.reference()
    category = {str(row["member_id"]): row["category"] for row in tables.members}
    assert Counter(category.values()) == {"staff": 43, "student": 26}
    assert Counter(row["kind"] for row in tables.organisations) == {"branch": 5, "general_branch": 2, "committee": 1}
    assert len({row["name"] for row in tables.members}) == 69
    branches = {row["org_id"] for row in tables.organisations if row["kind"] == "branch"}
    assert {row["org_id"] for row in tables.members} == branches
    for role in ("branch_secretary", "organisation_officer"):
        assert {row["org_id"] for row in tables.members if row["role"] == role} == branches
    statuses = Counter(row["status"] for row in tables.members)
    assert statuses["mobile"] == 1
    assert statuses["retired"] == 1
    assert statuses["probationary"] >= 3


def test_memberships_are_dated_without_overlap(scenario: Scenario) -> None:
    transfers = 0
    for person in scenario.members:
        for before, after in pairwise(person.memberships):
            assert before.valid_to == after.valid_from
            transfers += before.org_id != after.org_id
    assert transfers == 1
    joined = [p for p in scenario.members if p.memberships[0].valid_from > scenario.start]
    assert [(scenario.end - p.memberships[0].valid_from).days <= 7 for p in joined] == [True]


def test_everybody_but_two_begins_and_nobody_before_joining(scenario: Scenario, events: list[dict[str, Any]]) -> None:
    first: dict[str, date] = {}
    zone = ZoneInfo(scenario.timezone)
    for event in events:
        day = datetime.fromisoformat(event["occurred_at"]).astimezone(zone).date()
        if event["event_type"] not in FAMILIES:
            first[event["member_id"]] = min(day, first.get(event["member_id"], day))
    silent = [p for p in scenario.members if p.member_id not in first]
    assert len(silent) == 2
    assert all(p.activity == 0 for p in silent)
    for person in scenario.members:
        if person.member_id in first:
            assert first[person.member_id] >= person.memberships[0].valid_from


def test_one_branch_is_low_on_activity(scenario: Scenario, events: list[dict[str, Any]]) -> None:
    sessions: dict[str, set[str]] = defaultdict(set)
    home = {p.member_id: p.memberships[0].org_id for p in scenario.members}
    size = Counter(home.values())
    for event in events:
        if "session_id" in event:
            sessions[home[event["member_id"]]].add(event["session_id"])
    rate = {org: len(found) / size[org] for org, found in sessions.items()}
    low = rate.pop("o-engineering")
    assert low < 0.6 * min(rate.values())


def test_volume_suits_a_demo(flushes: list[Flush]) -> None:
    assert 25_000 <= sum(len(flush.lines) for flush in flushes) <= 50_000


def test_receipt_is_in_order_and_arrival_differs_from_event_time(flushes: list[Flush]) -> None:
    assert all(a.received_at <= b.received_at for a, b in pairwise(flushes))
    days_late = [
        (flush.received_at - datetime.fromisoformat(json.loads(flush.lines[0])["occurred_at"])) > timedelta(days=1)
        for flush in flushes
        if not flush.spoiled
    ]
    assert 0.005 < sum(days_late) / len(days_late) < 0.2


def test_the_story_has_every_kind_of_trouble(scenario: Scenario, events: list[dict[str, Any]]) -> None:
    by_type = Counter(event["event_type"] for event in events)
    assert set(by_type) == {"study", "answer", "error", "withdraw", *FAMILIES}
    errors = [event for event in events if event["event_type"] == "error"]
    assert any("answer_id" in e for e in errors)
    assert any("answer_id" not in e and "exam_id" in e for e in errors)
    assert any("exam_id" not in e for e in errors), "errors found on paper have no answer"
    by_id = {event["event_id"]: event for event in events}
    graded = [e for e in events if e["event_type"] == "answer" and "replaces" in e]
    assert graded
    assert all(by_id[e["replaces"]]["correct"] is None and e["correct"] is not None for e in graded)
    assert any(e["event_type"] == "study" and "replaces" in e for e in events)
    assert any("beat_ms" in e for e in events)
    assert any(e.get("duration_ms", 0) > 4 * 3_600_000 for e in events)
    assert any(e.get("attempt") == 2 for e in events)


def test_wrong_questions_come_back_and_are_resolved(events: list[dict[str, Any]]) -> None:
    practice: dict[tuple[str, str], list[tuple[str, bool, str]]] = defaultdict(list)
    for event in events:
        if event["event_type"] == "answer" and "exam_id" not in event:
            key = event["member_id"], event["question_id"]
            practice[key].append((event["occurred_at"], event["correct"], "".join(event["response"])))
    repeated = resolved = 0
    for answers in practice.values():
        answers.sort()
        wrong = [response for _, correct, response in answers if not correct]
        repeated += len(wrong) != len(set(wrong))
        resolved += any(not a[1] and b[1] and c[1] for a, b, c in zip(answers, answers[1:], answers[2:], strict=False))
    assert repeated > 50
    assert resolved > 50


def test_sittings_cross_midnight_and_devices_overlap(scenario: Scenario, events: list[dict[str, Any]]) -> None:
    zone = ZoneInfo(scenario.timezone)
    crossing, spans = 0, defaultdict(list)
    for event in events:
        if event.get("duration_ms") and event["event_type"] == "study":
            end = datetime.fromisoformat(event["occurred_at"])
            start = end - timedelta(milliseconds=event["duration_ms"])
            crossing += start.astimezone(zone).date() != end.astimezone(zone).date()
            spans[event["member_id"]].append((start, end, event.get("device_id")))
    overlapping = sum(
        a[1] > b[0] and a[2] != b[2] and None not in (a[2], b[2])
        for found in spans.values()
        for a, b in pairwise(sorted(found, key=lambda span: span[:2]))
    )
    assert crossing > 5
    assert overlapping > 20


def test_clean_scenario_has_no_trouble() -> None:
    clean = default_scenario(days=30, messiness=Messiness.clean())
    ids: Counter[str] = Counter()
    for flush in simulate(clean):
        assert not flush.spoiled
        ids.update(json.loads(line)["event_id"] for line in flush.lines)
    assert set(ids.values()) == {1}


def test_other_places_and_terms() -> None:
    rome = default_scenario(days=40, start=date(2026, 3, 10), timezone="Europe/Rome")
    offsets = {json.loads(f.lines[0])["occurred_at"][-6:] for f in simulate(rome) if not f.spoiled}
    assert offsets == {"+01:00", "+02:00"}, "the clocks change on 2026-03-29"


def test_scaled_shape() -> None:
    scaled = scaled_scenario(300, 25, 14)
    tables = scaled.reference()
    assert len(tables.members) == 300
    assert sum(row["kind"] == "branch" for row in tables.organisations) == 25
    assert sum(row["kind"] == "general_branch" for row in tables.organisations) == 2
    assert 0.3 < sum(row["category"] == "student" for row in tables.members) / 300 < 0.45
    assert len({flush.member_id for flush in simulate(scaled)}) > 250


@pytest.mark.parametrize("sizes", [(3, 5, 30), (10, 0, 30), (10, 2, 5)])
def test_sizes_that_make_no_sense_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="is needed"):
        scaled_scenario(*sizes)


def test_organised_sessions_leave_study_as_it_was() -> None:
    with_sessions = default_scenario(5, days=40)
    without = replace(with_sessions, sessions=())
    study = [
        f for f in simulate(with_sessions) if not (b'"meeting"' in f.lines[0] or "登记有误".encode() in f.lines[0])
    ]
    assert study == list(simulate(without))


def test_every_branch_has_its_rhythm_and_one_lags() -> None:
    scenario = default_scenario(5)
    held: dict[str, set[str]] = {}
    for session in scenario.sessions:
        held.setdefault(session.org_id, set()).add(f"{session.meeting} {session.day:%m}")
    monthly = {org: sum(x.startswith("theme_day") for x in found) for org, found in held.items() if org != "o-college"}
    assert monthly.pop("o-engineering") < min(monthly.values())
    assert all(s.day.weekday() < 5 for s in scenario.sessions)
    attended = [json.loads(line) for f in simulate(scenario) for line in f.lines if b'"attendance"' in line]
    assert len(attended) > 1000
    assert {e["method"] for e in attended} == {"card", "code", "hand"}
    assert any(e.get("make_up") for e in attended)
    office = {s.session_id for s in scenario.sessions if s.committee}
    roles = {p.member_id: p.memberships[-1].role for p in scenario.members}
    assert {roles[e["member_id"]] for e in attended if e["session_id"] in office} <= {
        "branch_secretary", "organisation_officer", "committee_member"
    }  # fmt: skip


@pytest.fixture(scope="module")
def contests() -> tuple[Scenario, list[Flush]]:
    """A term without organised sessions, and everything that is sent in it."""
    scenario = replace(default_scenario(5), sessions=())
    return scenario, list(simulate(scenario))


def _of_contests(flush: Flush) -> bool:
    return b'"contest-' in flush.lines[0]


def test_contests_are_answered_in_their_time(contests: tuple[Scenario, list[Flush]]) -> None:
    scenario, flushes = contests
    events = [json.loads(line) for f in flushes if _of_contests(f) for line in f.lines]
    steps = {(e["member_id"], e["contest_id"], e["step"]): e for e in events if e["event_type"] == "contest"}
    given: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for e in events:
        if e["event_type"] == "answer":
            given.setdefault((e["member_id"], e["exam_id"]), []).append(e)
    assert given.keys() == {key[:2] for key in steps}
    sets: dict[str, set[str]] = {}
    for key, answers in given.items():
        answers.sort(key=lambda a: a["occurred_at"])  # receipt may be in another order
        entered, finished = steps[*key, "entered"], steps.get((*key, "finished"))
        begin = datetime.fromisoformat(entered["occurred_at"])
        end = begin + timedelta(milliseconds=entered["limit_ms"])
        if finished:
            end = min(end, datetime.fromisoformat(finished["occurred_at"]))
        times = [datetime.fromisoformat(a["occurred_at"]) for a in answers]
        assert begin < min(times) <= max(times) < end
        for a, at, before in zip(answers, times, [begin, *times], strict=False):
            assert before <= at - timedelta(milliseconds=a["duration_ms"])
        asked = {a["question_id"] for a in answers}
        assert len(asked) == len(answers)
        assert len(asked) == entered["questions"] if finished else len(asked) < entered["questions"]
        assert {a["attempt"] for a in answers} == {1}
        sets.setdefault(key[1], set()).update(asked)
    assert {name: len(asked) for name, asked in sets.items()} == {"contest-1": 10, "contest-2": 10}
    known = {q.question_id: q for q in scenario.catalogue.questions}
    assert all(not known[q].exam_ids for asked in sets.values() for q in asked)
    assert all(len({known[q].course_id for q in asked}) == 1 for asked in sets.values())


def test_who_is_abler_answers_more_of_a_contest_right(contests: tuple[Scenario, list[Flush]]) -> None:
    scenario, flushes = contests
    right: dict[str, list[bool]] = {}
    for f in flushes:
        event = json.loads(f.lines[0]) if _of_contests(f) else {}
        if event.get("event_type") == "answer":
            right.setdefault(event["member_id"], []).append(event["correct"])
    people = sorted((p.traits.ability, p.member_id) for p in scenario.members if p.member_id in right)
    half = len(people) // 2
    low, high = ([r for _, m in part for r in right[m]] for part in (people[:half], people[half:]))
    assert sum(high) / len(high) > sum(low) / len(low) + 0.1


def test_contests_leave_everything_else_as_it_was(contests: tuple[Scenario, list[Flush]]) -> None:
    scenario, flushes = contests
    rest = [f for f in flushes if not _of_contests(f)]
    others = tuple(name for name in scenario.families if name != "contest")
    assert rest == list(simulate(replace(scenario, families=others)))
    assert len(rest) < len(flushes)
