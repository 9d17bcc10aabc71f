"""What a review of the pipeline asked for, on the in-memory store."""

from __future__ import annotations

from schemas.reference import Roster
from schemas.tables import EVENTS, REJECTED
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
