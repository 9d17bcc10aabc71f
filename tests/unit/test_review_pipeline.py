"""What a review of the pipeline asked for, on the in-memory store."""

from __future__ import annotations

from datetime import date

import polars as pl
import pyarrow as pa
import pytest

from commands.outbox import Contributions
from schemas.days import day_number
from schemas.reference import Roster
from schemas.tables import BRANCH_DAY, EVENTS, REJECTED
from sinks.reconcile.recompute import counting
from streams.branch import BranchPipeline
from streams.contributions import SCHEMA, again, encode
from streams.records import Record, RecordBatch
from tests.support.harness import RECEIVED, Harness, event, small_roster

AT = "2026-03-01T10:10:00+08:00"


class ImportedMeanwhile:
    """A roster that an import replaces after it was asked for so many times."""

    def __init__(self, asked: int) -> None:
        self.left = asked

    def current(self) -> tuple[int, Roster]:
        self.left -= 1
        return small_roster(["m1"] if self.left >= 0 else ["m1", "m9"], version=1 if self.left >= 0 else 2).current()


def test_a_member_who_is_imported_while_a_batch_is_at_work_is_not_left_among_the_unknown() -> None:
    """The import looks for rejected lines before this one is written, and the batch has asked the roster before."""
    h = Harness(rosters=ImportedMeanwhile(1))
    line = event(1, "study", AT, member="m9", duration_ms=60_000)
    h.send([line, event(2, "study", AT, duration_ms=60_000)])
    assert h.outbox.forwarded == [("m9", line)]
    assert [(r["reason"], r["status"]) for r in h.sink.rows(REJECTED)] == [("unknown_member", "retried")]
    h.send([line])
    assert h.day("2026-03-01", member="m9")["study_ms"] == 60_000


def test_members_who_stay_unknown_are_rejected_once_and_not_sent_again() -> None:
    h = Harness(rosters=ImportedMeanwhile(1))
    h.send([event(1, "study", AT, member="m8", duration_ms=60_000)])
    assert h.outbox.forwarded == []
    assert [(r["reason"], r["status"]) for r in h.sink.rows(REJECTED)] == [("unknown_member", "open")]


def test_a_rejected_line_keeps_the_clock_error_that_it_came_with() -> None:
    """Else a retry would put the event at another time than if its member had been known at once."""
    h = Harness()
    headers = (("xj-received", str(RECEIVED).encode()), ("xj-skew", b"-90000"))
    lines = [event(1, "study", AT, member="m9", duration_ms=60_000), event(2, "study", AT, duration_ms=60_000)]
    records = [Record(i, RECEIVED, b"m", line, headers) for i, line in enumerate(lines)]
    h.deliver(RecordBatch("events", 0, records))
    assert [r["skew_ms"] for r in h.sink.rows(REJECTED)] == [-90_000]
    assert [r["skew_ms"] for r in h.sink.rows(EVENTS)] == [-90_000]


class Messages:
    """A producer that keeps what it is given."""

    partitions = 1

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def put(self, key: str, value: bytes, partition: int) -> None:
        assert key
        assert partition == 0
        self.values.append(value)


def test_a_day_of_very_many_courses_is_sent_in_messages_that_the_broker_takes() -> None:
    """One event to a course, as where a client puts a random id there: the broker takes 1.5 MB."""
    h, sent = Harness(), Messages()
    h.outbox.contribute = Contributions(sent).send  # type: ignore[method-assign, arg-type]
    for n in (0, 2000):
        h.send([event(n + i, "study", AT, course=f"{'课' * 58}{n + i:06}", duration_ms=60_000) for i in range(2000)])
    assert max(map(len, sent.values)) < 900_000
    h.branches.process([RecordBatch("days", 0, [Record(n, 0, b"", v) for n, v in enumerate(sent.values)])])
    live = [r for r in h.sink.rows(BRANCH_DAY) if r["events"]]
    assert len(live) == 4001
    assert {r["events"] for r in live if r["course_id"]} == {1}


def test_many_branch_days_are_written_in_steps_and_few_stay_in_memory() -> None:
    days = [f"2026-03-{d:02}T10:00:00+08:00" for d in range(1, 21)]
    lines = [event(n, "study", at, member=m, duration_ms=60_000) for m in ("m1", "m2") for n, at in enumerate(days)]
    whole, stepwise = Harness(), Harness()
    stepwise.branches = BranchPipeline(stepwise.sink, stepwise.rosters, max_kept=7, step=4)
    for h in (whole, stepwise):
        h.send(lines)
        h.branches.process([asked_again("b1", 20)])
    assert stepwise.figures() == whole.figures()
    assert len(stepwise.sink.rows(BRANCH_DAY)) == 40
    assert len(stepwise.branches._days) <= 7


def stream(rows: pa.Table) -> bytes:
    """Rows of any columns as a message."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def asked_again(org_id: str, days: int) -> RecordBatch:
    """Requests for the first days of March."""
    wanted = again((1, org_id, day_number(date(2026, 3, 1 + d))) for d in range(days))
    return RecordBatch("contributions", 0, [Record(0, RECEIVED, b"", encode(wanted))])


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"[]",
        b"\xff\xff\xff\xff",
        encode(again([(1, "b1", 20_000)]))[:-40],
        encode(again([(1, "b1", 20_000)]))[:300],
        encode(again([(1, "b1", 20_000)])).replace(b"org_id", b"orgs_d"),
        stream(pa.table({"org_id": ["b1"]})),
        stream(again([(1, "b1", 20_000)]).set_column(1, SCHEMA.field("org_id"), pa.array([None], pa.string()))),
    ],
)
def test_a_foreign_message_among_contributions_stops_nothing(value: bytes) -> None:
    h = Harness()
    h.branches.process([RecordBatch("contributions", 0, [Record(0, RECEIVED, b"", value)])])
    assert h.sink.rows(BRANCH_DAY) == []


def test_a_branch_day_is_written_by_the_roster_that_an_import_leaves() -> None:
    """The import is recorded after the day's members were read, and before its row is written."""
    h = Harness(rosters=small_roster(["m1", "m9"]))
    h.members.process(
        [h.batch([[event(n, "study", AT, member=m, duration_ms=60_000) for n, m in ((1, "m1"), (2, "m9"))]])]
    )
    BranchPipeline(h.sink, ImportedMeanwhile(2)).process([asked_again("b1", 1)])
    assert [(r["members"], r["active_members"]) for r in h.sink.rows(BRANCH_DAY) if not r["course_id"]] == [(2, 2)]


def test_reconciling_picks_the_same_clock_error_as_the_folds() -> None:
    """One event, flushed by way of two collectors that estimate +5 s and -5 s."""
    for order in ((b"5000", b"-5000"), (b"-5000", b"5000")):
        h = Harness()
        line = event(1, "study", AT, duration_ms=60_000)
        headers = (("xj-received", str(RECEIVED).encode()),)
        records = [Record(n, RECEIVED, b"m", line, (*headers, ("xj-skew", skew))) for n, skew in enumerate(order)]
        h.deliver(RecordBatch("events", 0, records))
        at = h.day("2026-03-01")["last_at"]
        columns = ["member_id", "at", "event_id", "body_hash", "skew_ms", "target_id"]
        won = counting(pl.DataFrame(pl.from_arrow(EVENTS.rows(h.sink.rows(EVENTS)).select(columns))))
        assert won["at"].to_list() == [at]


def test_an_error_that_names_no_answer_does_not_name_that_of_the_nil_uuid() -> None:
    h = Harness()
    h.send([event(0, "answer", AT, question_id="q1", correct=True)], [event(2, "error", AT, question_id="q1")])
    day = h.day("2026-03-01")
    assert (day["answers"], day["correct"], day["wrong_questions"]) == (2, 1, 1)


def test_a_batch_of_many_cold_members_is_not_in_memory_all_at_once() -> None:
    """A worker that starts: nobody is in memory, and each member has a long history."""
    names = [f"m{n}" for n in range(40)]
    whole, parts = (Harness(rosters=small_roster(names), max_facts=n) for n in (10**6, 100))
    most: list[int] = []
    trim = parts.cache.trim

    def watched() -> None:
        most.append(parts.cache.facts)
        trim()

    for h in (whole, parts):
        for first in range(0, 40, 10):
            h.send(
                [
                    event(n, "study", AT, member=m, duration_ms=n)
                    for m in names[first : first + 10]
                    for n in range(1, 31)
                ]
            )
    parts.cache.trim = watched  # type: ignore[method-assign]
    for h in (whole, parts):
        h.send([event(99, "study", AT, member=m, duration_ms=60_000) for m in names])
    assert parts.figures() == whole.figures()
    assert {r["version"] for r in parts.member_days()} == {31}
    assert len(most) > 5
    assert max(most) < 250
