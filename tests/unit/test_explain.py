"""What `explain` lists adds up to the figures, for the published cases and for any set of events."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from commands.explaining import IntervalLine, StudyExplained, Unexplained, check_against, explain_study
from commands.explaining_answers import AnswerLine, check_answers, explain_answers
from commands.tabular import show_whole
from schemas.days import day_number
from schemas.tables import ANSWERS, MICRO
from streams.facts import FACT_COLUMNS, facts_from_archive
from streams.member import MemberFacts
from tests.support.harness import Harness, event, small_roster, uid


def facts_of(harness: Harness, member: str = "m1") -> MemberFacts:
    facts = MemberFacts([harness.generation])
    for _, fact in facts_from_archive(harness.sink.facts([member], FACT_COLUMNS)):
        facts.add(fact)
    return facts


def explained(harness: Harness, day: str, course: str = "", member: str = "m1") -> StudyExplained:
    found = explain_study(
        facts_of(harness, member), member, day_number(date.fromisoformat(day)), harness.generation, course
    )
    try:
        row = harness.day(day, course, member)
    except KeyError:
        row = None
    check_against(found, row)
    return found


def golden_cases(golden_dir: Path) -> dict[str, tuple[str, list[dict[str, str]]]]:
    cases: dict[str, tuple[str, list[dict[str, str]]]] = {}
    with (golden_dir / "computed/time_on_task_cases.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            cases.setdefault(row["case"], (row["tz"], []))[1].append(row)
    return cases


def golden_event(row: dict[str, str]) -> dict[str, Any]:
    """A row of the published cases as an event; the backwards interval has no duration that could be sent."""
    body: dict[str, Any] = {"member": "m1", "device_id": row["device"], "session_id": "s"}
    start = datetime.fromisoformat(row["start_or_hb_utc"])
    if row["kind"] == "hb":
        return {**body, "at": start.isoformat(), "beat_ms": 30_000}
    end = datetime.fromisoformat(row["end_utc"])
    return {**body, "at": end.isoformat(), "duration_ms": max(0, round((end - start).total_seconds() * 1000))}


def golden_line(row: dict[str, str]) -> bytes:
    body = golden_event(row)
    number = uuid5(NAMESPACE_URL, row["event_id"]).int
    return event(number, "study", body.pop("at"), member=body.pop("member"), **body)


def test_time_on_task_cases_through_the_pipeline(golden_dir: Path) -> None:
    cases = golden_cases(golden_dir)
    expected: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (golden_dir / "computed/time_on_task_expected.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            expected[row["case"]].append(row)
    assert len(cases) == len(expected) == 9
    for name, (zone, rows) in cases.items():
        harness = Harness(zone=zone)
        harness.send(*([golden_line(row)] for row in rows))
        days = {r["day"].isoformat() for r in harness.member_days() if r["course_id"] == "" and r["study_ms"]}
        assert days == {r["local_date"] for r in expected[name] if int(r["union_s"])}, name
        for row in expected[name]:
            found = explained(harness, row["local_date"])
            assert found.study_ms == int(row["union_s"]) * 1000, name
            assert found.sum_ms == int(row["sum_s"]) * 1000, name
            assert found.sessions == int(row["sessions_gap1800"]), name


def lines_by_event(found: StudyExplained) -> dict[str, IntervalLine]:
    return {line.event_id: line for line in found.intervals}


def test_each_interval_says_what_became_of_it() -> None:
    harness = Harness()
    harness.send(
        [event(1, "study", "2026-03-02T10:00:00+08:00", duration_ms=600_000)],
        [event(2, "study", "2026-03-02T10:05:00+08:00", course="c2", duration_ms=600_000)],
        [event(3, "study", "2026-03-02T11:00:00+08:00", duration_ms=0)],
        [event(4, "study", "2026-03-02T12:00:00+08:00", duration_ms=600_000)],
        [event(5, "withdraw", "2026-03-02T13:00:00+08:00", target_event_id=uid(4), reason="test")],
        [event(6, "study", "2026-03-02T20:00:00+08:00", duration_ms=5 * 3_600_000)],
        [event(7, "study", "2026-03-03T00:10:00+08:00", duration_ms=1_200_000)],
    )
    found = explained(harness, "2026-03-02")
    got = lines_by_event(found)
    assert {n: got[uid(n)].verdict for n in (1, 2, 3, 4, 6, 7)} == {
        1: "counted", 2: "counted", 3: "dropped", 4: "withdrawn", 6: "counted", 7: "counted",
    }  # fmt: skip
    assert (got[uid(1)].merged_ms, got[uid(1)].new_ms) == (0, 600_000)
    assert (got[uid(2)].merged_ms, got[uid(2)].new_ms) == (300_000, 300_000)
    assert got[uid(4)].taken_by == uid(5)
    assert (got[uid(6)].capped_ms, got[uid(6)].counted_ms) == (3_600_000, 4 * 3_600_000)
    assert got[uid(7)].cut_at_midnight
    assert got[uid(7)].counted_ms == 600_000
    assert found.capped == 1
    assert lines_by_event(explained(harness, "2026-03-03"))[uid(7)].counted_ms == 600_000
    only = explained(harness, "2026-03-02", "c2")
    assert lines_by_event(only)[uid(1)].verdict == "other_course"
    assert only.study_ms == 600_000


def test_a_row_that_differs_is_an_error() -> None:
    harness = Harness()
    harness.send([event(1, "study", "2026-03-02T10:00:00+08:00", duration_ms=600_000)])
    found = explained(harness, "2026-03-02")
    row = harness.day("2026-03-02")
    with pytest.raises(Unexplained):
        check_against(found, {**row, "study_ms": row["study_ms"] + 1})
    with pytest.raises(Unexplained):
        check_against(found, None)


START = datetime.fromisoformat("2026-03-02T20:00:00+08:00")


@st.composite
def studies(draw: st.DrawFn) -> list[bytes]:
    lines = []
    for n in range(1, draw(st.integers(1, 12)) + 1):
        at = (START + timedelta(seconds=draw(st.integers(0, 8 * 3600)))).isoformat()
        course = draw(st.sampled_from(["c1", "c2"]))
        if draw(st.booleans()):
            line = event(n, "study", at, course=course, duration_ms=draw(st.integers(0, 6 * 3_600_000)))
        else:
            line = event(n, "study", at, course=course, beat_ms=30_000, device_id="d", session_id="s")
        lines.append(line)
        if draw(st.integers(0, 5)) == 0:
            lines.append(event(100 + n, "withdraw", at, target_event_id=uid(draw(st.integers(1, 12))), reason="r"))
    return lines


@settings(max_examples=60)
@given(studies())
def test_whatever_is_sent_adds_up(lines: list[bytes]) -> None:
    harness = Harness()
    harness.send(*([line] for line in lines))
    for day in ("2026-03-02", "2026-03-03"):
        for course in ("", "c1", "c2"):
            explained(harness, day, course)


def answers_explained(harness: Harness, question: str = "q1") -> dict[str, AnswerLine]:
    found = explain_answers(facts_of(harness), question, harness.generation)
    rows = [
        {"event_id": _text(r["event_id"]), "correct": r["correct"], "score": r["score_micro"] / MICRO}
        for r in harness.sink.rows(ANSWERS)
        if r["counted"] and r["question_id"] == question
    ]
    check_answers(found, rows, "m1")
    return {line.event_id: line for line in found}


def _text(event_id: bytes) -> str:
    return uid(int.from_bytes(event_id, "big"))


def test_answers_say_which_count_and_why() -> None:
    harness = Harness()
    at = "2026-03-02T10:0{}:00+08:00"
    exam = {"question_id": "q1", "exam_id": "e1", "duration_ms": 5000}
    harness.send(
        [event(1, "answer", at.format(0), correct=True, response="A", **exam)],
        [event(2, "answer", at.format(1), correct=False, response="B", **exam)],
        [event(3, "error", at.format(2), question_id="q1", exam_id="e1")],
        [event(4, "answer", at.format(3), question_id="q1", correct=True)],
        [event(5, "error", at.format(4), question_id="q1", answer_id=uid(4))],
        [event(6, "error", at.format(5), question_id="q1", exam_id="e9")],
        [event(7, "answer", at.format(6), question_id="q1", correct=None)],
    )
    got = answers_explained(harness)
    assert {n: got[uid(n)].counted for n in range(1, 8)} == {
        1: False, 2: True, 3: False, 4: True, 5: False, 6: True, 7: True,
    }  # fmt: skip
    assert uid(2) in got[uid(1)].why_en
    assert got[uid(3)].matched == (uid(2),)
    assert got[uid(2)].matched == (uid(3),)
    assert (got[uid(4)].sent_correct, got[uid(4)].correct) == (True, False)
    assert "no answer found" in got[uid(6)].why_en
    assert got[uid(7)].correct is None
    with pytest.raises(Unexplained):
        check_answers(tuple(got.values()), [], "m1")


def test_members_of_the_harness_do_not_mix() -> None:
    harness = Harness(rosters=small_roster(("m1", "m2")))
    harness.send([event(1, "study", "2026-03-02T10:00:00+08:00", member="m2", duration_ms=600_000)])
    assert explained(harness, "2026-03-02", member="m2").study_ms == 600_000
    assert explained(harness, "2026-03-02").intervals == ()


@pytest.mark.parametrize(("width", "terminal"), [(80, True), (300, True), (80, False)])
def test_nothing_is_cut_off_in_a_narrow_terminal(width: int, terminal: bool) -> None:
    rows = [("course", "start", "why", "event"), ("C01", "2025-03-03T13:58:00+08:00", "", "076aee2a" * 5)]
    out = io.StringIO()
    show_whole(rows, Console(file=out, width=width, force_terminal=terminal, color_system=None))
    assert all(value in out.getvalue() for value in rows[1])
    assert "…" not in out.getvalue()
