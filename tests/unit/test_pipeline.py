"""The pipeline on the in-memory store, one promise at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest

from schemas.ports import Refused
from schemas.tables import ANSWERS, BRANCH_DAY, DUPLICATES, EVENTS, LEDGER, REJECTED, Table
from sinks.memory import MemorySink
from streams.admission import Homes
from tests.support.harness import Harness, event, uid

AT = "2026-03-01T10:10:00+08:00"


def study(n: int, at: str = AT, minutes: float = 10, **fields: object) -> bytes:
    return event(n, "study", at, duration_ms=int(minutes * 60_000), **fields)


def answer(n: int, at: str = AT, correct: bool | None = False, question: str = "q1", **fields: object) -> bytes:
    return event(n, "answer", at, question_id=question, correct=correct, **fields)


def error(n: int, at: str = AT, question: str = "q1", **fields: object) -> bytes:
    return event(n, "error", at, question_id=question, **fields)


def test_union_over_devices_and_courses() -> None:
    h = Harness()
    h.send([study(1)], [study(2, "2026-03-01T10:15:00+08:00", course="c2")])
    assert h.day("2026-03-01")["study_ms"] == 15 * 60_000
    assert h.day("2026-03-01")["overlap_ms"] == 5 * 60_000
    assert h.day("2026-03-01", "c2")["study_ms"] == 10 * 60_000


def test_session_over_midnight_belongs_to_the_day_it_starts() -> None:
    h = Harness()
    h.send([study(1, "2026-03-02T00:20:00+08:00", 30)])
    assert [(r["study_ms"], r["sessions"]) for r in h.member_days() if not r["course_id"]] == [
        (600_000, 1),
        (1_200_000, 0),
    ]


def test_study_shortly_before_midnight_takes_the_session_from_the_next_day() -> None:
    h = Harness()
    h.send([study(1, "2026-03-02T00:20:00+08:00", 5)])
    assert h.day("2026-03-02")["sessions"] == 1
    h.send([study(2, "2026-03-01T23:50:00+08:00", 5)])
    assert h.day("2026-03-02")["sessions"] == 0
    assert h.day("2026-03-02")["version"] == 2


def test_a_course_has_sessions_of_its_own_also_after_another_one_before_midnight() -> None:
    h = Harness()
    h.send([study(1, "2026-03-01T23:55:00+08:00", 5, course="c2"), study(2, "2026-03-02T00:20:00+08:00", 5)])
    assert h.day("2026-03-02")["sessions"] == 0
    assert h.day("2026-03-02", "c1")["sessions"] == 1


def test_an_interval_without_length_counts_nothing() -> None:
    h = Harness()
    h.send([study(1, minutes=0, course="c2"), study(2, "2026-03-02T10:00:00+08:00", minutes=0), study(3)])
    assert [(r["course_id"], r["events"]) for r in h.member_days()] == [("", 1), ("c1", 1)]
    assert [r["active_members"] for r in h.sink.rows(BRANCH_DAY)] == [1, 1]


def test_error_days_after_its_answer_changes_the_answers_day_only() -> None:
    h = Harness()
    h.send([answer(1, correct=None)], [error(2, "2026-03-05T10:00:00+08:00", answer_id=uid(1))])
    day = h.day("2026-03-01")
    assert (day["answers"], day["graded"], day["correct"], day["wrong_questions"]) == (1, 1, 0, 1)
    assert h.day("2026-03-05")["answers"] == 0


def test_error_without_answer_is_a_wrong_answer_until_the_answer_comes() -> None:
    h = Harness()
    h.send([error(2, "2026-03-05T10:00:00+08:00")])
    assert h.day("2026-03-05")["wrong_questions"] == 1
    h.send([answer(1)])
    assert h.day("2026-03-05")["wrong_questions"] == 0
    assert h.day("2026-03-01")["wrong_questions"] == 1


def test_error_does_not_find_an_answer_after_it_or_of_another_attempt() -> None:
    h = Harness()
    h.send([answer(1, attempt=2)], [error(2)], [answer(3, "2026-03-01T11:00:00+08:00")])
    assert h.day("2026-03-01")["answers"] == 3


def test_last_answer_of_an_exam_attempt_counts_and_every_one_in_practice() -> None:
    h = Harness()
    later = "2026-03-02T00:10:00+08:00"
    h.send([answer(1, exam_id="e")], [answer(2, later, True, exam_id="e")])
    assert h.day("2026-03-01")["answers"] == 0
    assert (h.day("2026-03-02")["answers"], h.day("2026-03-02")["correct"]) == (1, 1)
    h.send([answer(3)], [answer(4, later, True)])
    assert h.day("2026-03-01")["answers"] == 1
    assert h.day("2026-03-02")["answers"] == 2


def test_withdrawal_first_or_last_leaves_zero_rows() -> None:
    for order in ((0, 1), (1, 0)):
        h = Harness()
        lines = [study(1), event(9, "withdraw", "2026-03-09T00:00:00+08:00", target_event_id=uid(1), reason="test")]
        for i in order:
            h.send([lines[i]])
        day = h.day("2026-03-01")
        assert (day["study_ms"], day["events"], day["version"]) == (0, 0, 2)


def test_replacement_stands_for_the_event() -> None:
    h = Harness()
    h.send([answer(1, correct=None)], [answer(2, correct=True, replaces=uid(1))])
    assert (h.day("2026-03-01")["answers"], h.day("2026-03-01")["correct"]) == (1, 1)


def test_two_bodies_under_one_id_give_the_same_rows_in_any_order() -> None:
    lines = [study(1, minutes=10), study(1, "2026-03-03T10:00:00+08:00", minutes=20), study(1, minutes=10)]
    results, rejected = [], []
    for order in ((0, 1, 2), (1, 0, 2), (0, 2, 1)):
        h = Harness()
        for i in order:
            h.send([lines[i]])
        results.append(h.figures())
        rejected.append(sorted(json.loads(r["raw"])["duration_ms"] for r in h.sink.rows(REJECTED)))
        assert {r["reason"] for r in h.sink.rows(REJECTED)} == {"conflict"}
    assert results[0] == results[1] == results[2]
    assert rejected[0] == rejected[1] == rejected[2]


def test_redelivery_is_no_duplicate_and_a_resend_is_one() -> None:
    h = Harness()
    batch = h.batch([[study(1)], [study(1)]])
    h.deliver(batch)
    h.deliver(batch)
    h.restart()
    h.deliver(batch)
    assert len(h.sink.rows(EVENTS)) == 1
    assert [r["offset"] for r in h.sink.rows(DUPLICATES)] == [1]
    assert sum(r["valid"] for r in h.sink.rows(LEDGER)) == 2


def test_a_resend_of_one_of_two_bodies_is_a_duplicate() -> None:
    h = Harness()
    bodies = [study(1), study(1, minutes=20)]
    h.send(bodies[:1], bodies[1:])
    before = h.figures()
    h.send(bodies[:1], bodies[1:])
    assert len(h.sink.rows(EVENTS)) == 2
    assert sorted(r["offset"] for r in h.sink.rows(DUPLICATES)) == [2, 3]
    assert h.figures() == before


def test_interrupted_batch_is_completed_by_its_repetition() -> None:
    h = Harness()
    batch = h.batch([[study(1)]])
    h.members.process([batch])
    h.sink.tables.pop("member_day")
    h.outbox.contributions.clear()
    h.restart()
    h.deliver(batch)
    assert h.day("2026-03-01")["study_ms"] == 600_000
    assert h.sink.rows(BRANCH_DAY)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "malformed"),
        (b"[" * 50_000, "malformed"),
        (b'"\xff\xfe"', "malformed"),
        (b"null", "malformed"),
        (study(1).replace(b'"study"', b'"dance"'), "unknown_type"),
        (study(1, schema_version=2), "unsupported_version"),
        (study(1, at="2026-03-01T10:10:00"), "invalid"),
        (study(1, at="9999-12-31T23:59:59-14:00"), "invalid"),
        (study(1, at="2026-12-01T00:00:00+08:00"), "from_the_future"),
        (study(1, beat_ms=30_000), "invalid"),
        (study(1, member="nobody"), "unknown_member"),
        (study(1, member="m\0"), "invalid"),
        (study(1, x_big="a" * 2**20), "too_large"),
        (answer(1, score=float("nan")), "malformed"),
    ],
)
def test_bad_lines_are_kept_with_their_reason_and_stop_nothing(line: bytes, reason: str) -> None:
    h = Harness()
    h.send([line, study(77)])
    kept = h.sink.rows(REJECTED)
    assert [(r["reason"], r["raw"]) for r in kept] == [(reason, line)]
    assert h.day("2026-03-01")["events"] == 1
    (ledger,) = h.sink.rows(LEDGER)
    assert (ledger["lines"], ledger["valid"], ledger["rejected"]) == (2, 1, 1)


def test_detail_names_field_value_and_rule() -> None:
    h = Harness()
    h.send([answer(1, correct="yes")])
    (row,) = h.sink.rows(REJECTED)
    assert row["detail"] == "correct: 'yes' Expected `bool | null`, got `str`"
    assert (row["member_id"], row["event_id"]) == ("m1", uid(1))


def test_misplaced_line_is_forwarded_and_not_counted() -> None:
    h = Harness()
    h.members.homes = Homes(lambda m: 0 if m == "m1" else 1)
    h.send([study(1), study(2, member="m2")])
    assert [m for m, _ in h.outbox.forwarded] == ["m2"]
    (ledger,) = h.sink.rows(LEDGER)
    assert (ledger["valid"], ledger["forwarded"]) == (1, 1)


def test_answers_table_says_what_each_answer_counts_for() -> None:
    h = Harness()
    h.send([answer(1, correct=None, duration_ms=5000, response="A")], [error(2, answer_id=uid(1), response="A")])
    rows = h.sink.rows(ANSWERS)
    assert [(r["counted"], r["correct"], r["from_error"], r["response_ms"]) for r in rows] == [
        (True, False, False, 5000),
        (False, False, True, None),
    ]


class Fussy(MemorySink):
    """Refuses some events, each for itself."""

    def __init__(self, offsets: set[int]) -> None:
        super().__init__()
        self.offsets = offsets

    def insert(self, table: Table, rows: pa.Table) -> Sequence[Refused]:
        bad = [i for i, r in enumerate(rows.to_pylist()) if table is EVENTS and r["offset"] in self.offsets]
        super().insert(table, rows.take([i for i in range(rows.num_rows) if i not in bad]))
        return [(i, "Code: 27. Cannot parse") for i in bad]


def test_an_event_that_the_store_refuses_is_rejected_and_in_no_figure() -> None:
    h = Harness(Fussy({1}))
    repeated = study(2, "2026-03-01T12:00:00+08:00")
    batch = h.batch([[study(1)], [repeated], [repeated], [answer(3)]])
    h.deliver(batch)
    kept = h.sink.rows(REJECTED)
    assert [(r["offset"], r["reason"], r["raw"], r["event_id"]) for r in kept] == [
        (1, "store_refused", repeated, uid(2)),
        (2, "store_refused", repeated, uid(2)),
    ]
    assert (h.day("2026-03-01")["study_ms"], h.day("2026-03-01")["answers"]) == (600_000, 1)
    assert [(r["valid"], r["rejected"]) for r in h.sink.rows(LEDGER)] == [(1, 0), (0, 1), (0, 1), (1, 0)]
    rebuilt = Harness()
    rebuilt.send([r["raw"] for r in h.sink.rows(EVENTS)])
    assert rebuilt.figures() == h.figures()
    h.sink.offsets = set()
    h.send([repeated])
    assert h.day("2026-03-01")["study_ms"] == 1_200_000


def test_a_branch_whose_reading_failed_does_not_take_a_part_for_the_whole() -> None:
    h = Harness()
    h.send([study(1)])
    h.branches.forget()
    read = h.sink.member_days
    h.sink.member_days = None
    with pytest.raises(TypeError):
        h.send([study(2, "2026-03-01T12:00:00+08:00", member="m2")])
    h.sink.member_days = read
    h.deliver(h.batch([[study(2, "2026-03-01T12:00:00+08:00", member="m2")]]))
    assert h.sink.rows(BRANCH_DAY)[0]["study_ms"] == 1_200_000
