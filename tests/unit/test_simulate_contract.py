"""Every line is held against the wire contract by a checker of its own, and by the project's decoder."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from producers.simulate import Flush, Scenario, default_scenario, simulate
from schemas.decode import Position, Refusal, decode_line
from schemas.envelope import ORGANISATION
from schemas.families import FAMILIES

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")
_COMMON = {"event_id", "event_type", "member_id", "course_id", "occurred_at", "source", "device_id", "sent_at"}
_COMMON |= {"replaces", "x_retry"}
_QUESTION = {"question_id", "exam_id", "attempt", "response", "knowledge_points"}
_FIELDS = {
    "study": {"duration_ms", "beat_ms", "active_ms", "unit_id", "session_id"},
    "answer": _QUESTION | {"duration_ms", "correct", "score", "max_score"},
    "error": _QUESTION | {"answer_id", "expected", "kind"},
    "withdraw": {"target_event_id", "reason"},
    **{name: set(family.fields) for name, family in FAMILIES.items()},
}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return default_scenario(11)


@pytest.fixture(scope="module")
def flushes(scenario: Scenario) -> list[Flush]:
    return list(simulate(scenario))


def _problem(event: dict[str, Any], scenario: Scenario, seen: dict[str, str]) -> str | None:
    """The first rule that an event breaks."""
    kind = event["event_type"]
    for name in ("event_id", "replaces", "answer_id", "target_event_id"):
        if name in event and not _UUID.fullmatch(event[name]):
            return f"{name} is no version 7 UUID"
    for name in ("occurred_at", "sent_at"):
        if name in event and not _MOMENT.fullmatch(event[name]):
            return f"{name} is no RFC 3339 time with offset"
    if extra := event.keys() - _COMMON - _FIELDS[kind]:
        return f"fields not in the contract: {extra}"
    if kind == "attendance":
        if event["session_id"] not in {s.session_id for s in scenario.sessions}:
            return "unknown session"
    elif "course_id" not in event:
        if kind != "withdraw" and kind not in FAMILIES:
            return "no course"
    elif event["course_id"] not in {c.course_id for c in scenario.catalogue.courses}:
        return "unknown course"
    if kind == "study":
        if ("beat_ms" in event) == ("duration_ms" in event):
            return "one of beat_ms and duration_ms"
        if "beat_ms" in event and not (event["beat_ms"] > 0 and event["device_id"] and event["session_id"]):
            return "a heartbeat needs a device and a session"
        if not 0 <= event.get("active_ms", 0) <= event.get("duration_ms", 0):
            return "active time within the interval"
    if kind in ("answer", "error"):
        question = next((q for q in scenario.catalogue.questions if q.question_id == event["question_id"]), None)
        if question is None or question.course_id != event["course_id"]:
            return "unknown question"
        letters = "".join(event["response"])
        if not letters or not set(letters) <= set("ABCDEF"[: len(question.options)]):
            return "response outside the options"
        if kind == "answer":
            if event["correct"] not in (None, letters == question.answer_key):
                return "graded against the key"
            if event["duration_ms"] <= 0:
                return "no time spent"
            if "score" in event and not 0 <= event["score"] <= event["max_score"] == question.max_score:
                return "score out of range"
        in_contest = kind == "answer" and event.get("exam_id") in ("contest-1", "contest-2")
        if "exam_id" in event and not in_contest and event["exam_id"] not in question.exam_ids:
            return "question not in the exam"
    if kind == "withdraw" and not event["reason"]:
        return "no reason"
    return None


def test_every_good_line_keeps_the_contract(scenario: Scenario, flushes: list[Flush]) -> None:
    seen: dict[str, str] = {}
    for flush in flushes:
        spoiled = dict(flush.spoiled)
        assert flush.lines
        assert flush.received_at.utcoffset() is not None
        for number, line in enumerate(flush.lines):
            assert b"\n" not in line
            if number in spoiled:
                continue
            event = json.loads(line.decode("utf-8"))
            assert event["member_id"] == flush.member_id
            assert _problem(event, scenario, seen) is None, event
            assert datetime.fromisoformat(event["occurred_at"]) <= flush.received_at.replace(microsecond=999_999) or (
                "sent_at" in event
            ), "only a client's own clock may run ahead"
            assert seen.setdefault(event["event_id"], line.decode()) == line.decode(), "one id, one body"


def test_references_point_at_events_of_the_same_member(flushes: list[Flush]) -> None:
    owner: dict[str, str] = {}
    pointing: list[tuple[str, str]] = []
    for flush in flushes:
        spoiled = dict(flush.spoiled)
        for number, line in enumerate(flush.lines):
            if number not in spoiled:
                event = json.loads(line)
                owner[event["event_id"]] = flush.member_id
                pointing += [
                    (event[name], flush.member_id)
                    for name in ("replaces", "answer_id", "target_event_id")
                    if name in event
                ]
    assert len(pointing) > 100
    assert all(owner[target] == member for target, member in pointing)


def test_the_decoder_agrees_line_by_line(scenario: Scenario, flushes: list[Flush]) -> None:
    """Spoiled lines are refused for their reason; unknown members and conflicts need more than the line."""
    expected = {
        **dict.fromkeys(("truncated", "not_utf8"), "malformed"),
        **dict.fromkeys(("no_course", "negative_duration", "no_offset", "bad_uuid"), "invalid"),
        "newer_schema": "unsupported_version",
        "unknown_member": "",
        "conflict": "",
        "": "",
    }
    causes: Counter[str] = Counter()
    for offset, flush in enumerate(flushes):
        spoiled = dict(flush.spoiled)
        received = round(flush.received_at.timestamp() * 1000)
        for number, line in enumerate(flush.lines):
            cause = spoiled.get(number, "")
            verdict = decode_line(line, Position("test", "events", 0, offset, number), received)
            assert (verdict.reason if isinstance(verdict, Refusal) else "") == expected.get(cause, cause)
            causes[cause] += bool(cause)
    assert {"unknown_member", "from_the_future"} < set(causes)
    assert len(causes) > 6


def test_unknown_members_are_not_in_the_roster(scenario: Scenario, flushes: list[Flush]) -> None:
    roster = {person.member_id for person in scenario.members}
    roster |= {ORGANISATION + o.org_id for o in scenario.organisations}
    for flush in flushes:
        strange = any(cause == "unknown_member" for _, cause in flush.spoiled)
        assert (flush.member_id not in roster) == strange
