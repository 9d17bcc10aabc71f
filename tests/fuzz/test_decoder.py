"""The decoder is total: any bytes give an arrival that can be stored and counted, or a refusal that can be stored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.decode import REASONS, Arrival, Position, Refusal, decode_line, split_lines
from schemas.decode_many import decode_lines
from schemas.tables import DUPLICATES, REJECTED
from streams.archive import archive_table, duplicate_row, refusal_row
from streams.facts import FACT_COLUMNS, fact_of, facts_from_archive
from streams.lines import Arrivals, Lines
from streams.pack import pack_archive, pack_arrivals
from streams.packed import Details
from tests.fuzz.corpus import EVENTS, RAW_VALUES, corpus, with_raw
from tests.support.harness import RECEIVED, Harness, event

POSITION = Position("cluster", "topic", 0, 7, 0)
CORPUS = dict(corpus())


def accept(line: bytes, skew_ms: int = 0) -> Arrival | Refusal:
    """Decode a line and do with the verdict what the pipeline does."""
    found = decode_line(line, POSITION, RECEIVED, skew_ms)
    lines = one_line(line, skew_ms)
    many = lines.decoded.refusals[0] if lines.decoded.refusals else lines.arrival(0)
    # Whether a line can be read that is nested very deep depends on the stack.
    assert many == found or line.count(b"[") + line.count(b"{") > 500
    if isinstance(many, Arrival):
        table = archive_table(Arrivals(lines, np.array([0])), RECEIVED * 1000)
        table.validate(full=True)
        packed_alike(lines, table)
        DUPLICATES.rows([duplicate_row(many)]).validate(full=True)
        ((member_id, fact),) = facts_from_archive(table.select(FACT_COLUMNS))
        assert (member_id, fact) == (many.event.member_id, fact_of(many))
    if isinstance(found, Refusal):
        assert found.reason in REASONS
        assert found.raw == line
        assert len(found.detail) <= 1000
        REJECTED.rows([refusal_row(found)]).validate(full=True)
    return found


def one_line(line: bytes, skew_ms: int) -> Lines:
    """The line as the only one of a batch, decoded as the worker decodes batches."""
    received, skew, zero = np.array([RECEIVED]), np.array([skew_ms]), np.array([0])
    decoded = decode_lines([line], lambda _: POSITION, received, skew)
    places = [(POSITION.topic, POSITION.partition)]
    offset = np.array([POSITION.offset])
    return Lines(POSITION.cluster, places, zero, offset, received, skew, [line], zero, zero, [], decoded)


def packed_alike(lines: Lines, table: pa.Table) -> None:
    """A fact in memory is the same, fresh or from the archive."""
    details = Details()
    fresh, fits = pack_arrivals(Arrivals(lines, np.array([0])), details)
    archived, also = pack_archive(table.select(FACT_COLUMNS), details)
    assert fits[0] == also[0]
    if fits[0]:
        assert fresh.tobytes() == archived.tobytes()


def deeper(frames: int, line: bytes) -> Arrival | Refusal:
    """Accept a line with this many frames on the stack already."""
    return accept(line) if not frames else deeper(frames - 1, line)


def test_valid_events_are_accepted() -> None:
    for line in EVENTS.values():
        assert isinstance(accept(json.dumps(line).encode()), Arrival)


def test_every_line_of_the_corpus_gets_a_verdict_that_can_be_stored() -> None:
    verdicts: dict[str, int] = {}
    for name, line in CORPUS.items():
        try:
            found = accept(line)
        except Exception as error:
            raise AssertionError(f"{name}: {line[:200]!r}") from error
        reason = found.reason if isinstance(found, Refusal) else "accepted"
        verdicts[reason] = verdicts.get(reason, 0) + 1
    # The corpus must reach every verdict that bytes alone can lead to.
    assert set(verdicts) == {
        "accepted",
        "malformed",
        "invalid",
        "unknown_type",
        "unsupported_version",
        "too_large",
        "from_the_future",
    }
    assert len(CORPUS) > 3000


@pytest.mark.parametrize("frames", range(100, 400, 23))
def test_nesting_is_refused_however_deep_the_stack_is_already(frames: int) -> None:
    for depth in range(450, 950, 7):
        for field in ("course_id", "x_deep"):
            deeper(frames, with_raw(EVENTS["study"], field, b"[" * depth + b"]" * depth))


def test_the_corpus_stops_no_partition() -> None:
    """Everything at once through the pipeline, and again: whole lines are kept, good events counted."""
    harness = Harness()
    lines = [line for line in CORPUS.values() if len(line) < 100_000]
    batch = harness.batch([[line] for line in lines] + [[event(77, "study", "2026-03-05T10:00:00Z", duration_ms=1000)]])
    harness.deliver(batch)
    before = harness.figures()
    harness.restart()
    harness.deliver(batch)
    assert harness.figures() == before
    assert harness.day("2026-03-05")["study_ms"] == 1000
    split = [part for line in lines for _, part in split_lines(line)]
    ledger = harness.sink.tables["ledger"].values()
    assert sum(row["lines"] for row in ledger) == len(split) + 1
    assert all(row["lines"] == row["valid"] + row["rejected"] for row in ledger)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
@example(b"{")
def test_any_bytes(line: bytes) -> None:
    accept(line)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(list(EVENTS.values())),
    st.data(),
    st.integers(-(2**40), 2**40),
)
def test_mutated_events(event: dict[str, Any], data: st.DataObject, skew_ms: int) -> None:
    line = bytearray(json.dumps(event).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line) - 1))
        kind = data.draw(st.sampled_from(["flip", "insert", "delete", "splice"]))
        if kind == "flip":
            line[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            line[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif kind == "delete" and len(line) > 1:
            del line[at : at + data.draw(st.integers(1, 20))]
            line = line or bytearray(b" ")
        else:
            line[at:at] = data.draw(st.sampled_from(list(RAW_VALUES.values())))[:200]
    accept(bytes(line), 0 if abs(skew_ms) > 366 * 86_400_000 else skew_ms)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, categories=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(list(EVENTS.values())), st.data())
def test_any_value_in_any_field(event: dict[str, Any], data: st.DataObject) -> None:
    body = dict(event)
    for field in data.draw(st.lists(st.sampled_from([*event, "x_a", "exam_id", "attempt", "replaces"]), max_size=3)):
        body[field] = data.draw(JSON)
    accept(json.dumps(body).encode())


HEADERS = st.sampled_from(
    [b"", b"x", b"-1", b"0", b"1" * 30, b"-" + b"9" * 30, b"9223372036854775807", b"\xff", b"1e9"]
)


@settings(max_examples=80, deadline=None)
@given(HEADERS, HEADERS, st.sampled_from([-1, 0, RECEIVED, 2**62, 2**63 - 1]))
def test_headers_and_timestamps_that_make_no_sense(received: bytes, skew: bytes, timestamp: int) -> None:
    from streams.records import Record, RecordBatch

    harness = Harness()
    line = json.dumps(EVENTS["study"]).encode()
    for headers in ((("xj-received", received), ("xj-skew", skew)), (("xj-skew", skew),), (("xj-size", received),)):
        harness.deliver(RecordBatch("events", 0, [Record(harness.offset, timestamp, b"m", line, headers)]))
        harness.offset += 1
    for name in ("ledger", "events", "rejected_events", "member_day"):
        for row in harness.sink.tables.get(name, {}).values():
            for value in row.values():
                # Years that ClickHouse can hold in every column type.
                assert not hasattr(value, "year") or 1970 <= value.year <= 2149


def test_lengths_and_scores_at_their_limits_can_be_summed() -> None:
    """The largest values the contract admits, a thousand times in one day, fit the columns of every table."""
    from schemas.events import MAX_MS, MAX_SCORE

    harness = Harness()
    lines = []
    for n in range(1, 1001):
        answer = {"question_id": f"q{n}", "correct": False, "score": MAX_SCORE, "max_score": MAX_SCORE}
        member = f"m{n % 2 + 1}"
        lines.append(event(n, "answer", "2026-03-01T10:00:00Z", member, duration_ms=MAX_MS, **answer))
        lines.append(event(n + 5000, "study", "2026-03-01T10:00:00Z", member, duration_ms=MAX_MS, active_ms=MAX_MS))
    harness.send(lines)
    (branch,) = (r for r in harness.figures()["branch_day"] if r["day"].day == 1 and not r["course_id"])
    assert branch["response_ms"] == 1000 * MAX_MS
    assert branch["score_micro"] == 1000 * round(MAX_SCORE * 1_000_000)
    too_long = event(1, "answer", "2026-03-01T10:00:00Z", question_id="q", correct=True, duration_ms=MAX_MS + 1)
    assert isinstance(found := accept(too_long), Refusal)
    assert found.reason == "invalid"
