"""Facts: what the folds keep of an event. Integers and ids only; equal whether fresh or from the archive."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from schemas.decode import Arrival, Position
from schemas.events import Answer, Error, Study, Withdraw
from schemas.families import FAMILIES, FAMILY_OF
from schemas.tables import MICRO

STUDY, ANSWER, ERROR, WITHDRAW, OTHER = range(5)
KINDS = {"study": STUDY, "answer": ANSWER, "error": ERROR, "withdraw": WITHDRAW}

FACT_COLUMNS = [
    "member_id",
    "at",
    "event_id",
    "body_hash",
    "skew_ms",
    "event_type",
    "course_id",
    "duration_ms",
    "beat_ms",
    "active_ms",
    "device_id",
    "session_id",
    "question_id",
    "exam_id",
    "attempt",
    "response",
    "correct",
    "score_micro",
    "max_micro",
    "knowledge_points",
    "answer_id",
    "target_id",
    "cluster",
    "topic",
    "partition",
    "offset",
    "line",
    "subject_id",
    "detail",
]
"""Columns of ``events`` that a fact is made of."""


class Fact(msgspec.Struct, gc=False):
    """One body of one event. Times in ms UTC, ids as 128-bit integers, scores in millionths."""

    event_id: int
    rank: bytes
    kind: int
    course: str
    at: int
    position: Position
    start: int = 0
    """study: start of the interval, or the beat itself."""
    beat: int = 0
    """study: heartbeat period, 0 for an interval."""
    stream: str = ""
    """study: device and session that a beat belongs to."""
    active: int = -1
    question: str = ""
    exam: str = ""
    attempt: int = 0
    correct: int = -1
    """answer: 1, 0, or -1 while not graded."""
    score: int | None = None
    best: int = MICRO
    spent: int = 0
    """answer: time on the question; 0 is unknown."""
    response: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    answer_id: int = 0
    target: int = 0
    """event that this one takes back, 0 for none."""
    family: str = ""
    """further family that it belongs to, what it is about, and the family's own fields as JSON."""
    subject: str = ""
    detail: str = ""


_NO_SKEW = bytes(9)


def rank(body_hash: bytes, skew_ms: int) -> bytes:
    """Order of the bodies under one id: the smallest counts. Skew only tells equal bodies apart."""
    if not skew_ms:
        return body_hash + _NO_SKEW
    return body_hash + struct.pack(">QB", abs(skew_ms), skew_ms < 0)


def _responses(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def micro(value: float | None) -> int | None:
    """Points to millionths of a point."""
    return None if value is None else round(value * MICRO)


def _positive(value: int | None) -> int:
    return value if value is not None and value > 0 else 0


def fact_of(arrival: Arrival) -> Fact:
    """The fact of an arrival."""
    e = arrival.event
    at = arrival.at_ms
    fact = Fact(e.event_id.int, rank(arrival.body_hash, arrival.skew_ms), OTHER, e.course_id, at, arrival.position)
    if e.replaces is not None:
        fact.target = e.replaces.int
    kind = type(e)
    if kind is Study:
        fact.kind = STUDY
        _study(fact, e.duration_ms, e.beat_ms, e.active_ms, e.device_id or "", e.session_id or "")
    elif kind is Answer:
        fact.kind, fact.question, fact.exam, fact.attempt = ANSWER, e.question_id, e.exam_id or "", e.attempt
        fact.correct = -1 if e.correct is None else int(e.correct)
        fact.score, fact.spent = micro(e.score), _positive(e.duration_ms)
        if e.max_score is not None:
            fact.best = round(e.max_score * MICRO)
        fact.response, fact.points = _responses(e.response), tuple(e.knowledge_points or ())
    elif kind is Error:
        fact.kind, fact.question, fact.exam, fact.attempt = ERROR, e.question_id, e.exam_id or "", e.attempt
        fact.response, fact.points = _responses(e.response), tuple(e.knowledge_points or ())
        fact.answer_id = e.answer_id.int if e.answer_id else 0
    elif kind is Withdraw:
        fact.kind, fact.target = WITHDRAW, e.target_event_id.int
    elif (family := FAMILY_OF.get(kind)) is not None:
        fact.family, fact.subject, fact.detail = family.name, family.subject_of(e), family.detail_of(e)
    return fact


def _study(fact: Fact, duration: int | None, beat: int | None, active: int | None, device: str, session: str) -> None:
    fact.start = fact.at - (duration or 0)
    if beat is not None:
        fact.beat, fact.start, fact.stream = beat, fact.at, f"{device}\0{session}"
    fact.active = -1 if active is None else active


def facts_from_archive(table: pa.Table) -> Iterator[tuple[str, Fact]]:
    """``(member_id, fact)`` for each row of ``events`` (columns ``FACT_COLUMNS``)."""
    columns = [_values(table[name]) for name in FACT_COLUMNS]
    for (
        member, at, event_id, body, skew, kind, course, duration, beat, active, device, session, question, exam,
        attempt, response, correct, score, best, points, answer_id, target, cluster, topic, partition, offset, line,
        subject, detail,
    ) in zip(*columns, strict=True):  # fmt: skip
        position = Position(cluster, topic, partition, offset, line)
        fact = Fact(id_of(event_id), rank(body, skew), KINDS.get(kind, OTHER), course, at, position)
        fact.target = id_of(target)
        if fact.kind == STUDY:
            _study(fact, duration, beat, active, device, session)
        elif fact.kind in (ANSWER, ERROR):
            fact.question, fact.exam, fact.attempt = question, exam, attempt
            fact.response, fact.points = tuple(response), tuple(points)
            fact.answer_id = id_of(answer_id)
            if fact.kind == ANSWER:
                fact.correct = -1 if correct is None else int(correct)
                fact.score, fact.spent = score, _positive(duration)
                fact.best = MICRO if best is None else best
        elif kind in FAMILIES:
            fact.family, fact.subject, fact.detail = kind, subject, detail
        yield member, fact


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    return column.to_pylist()  # type: ignore[no-any-return]


def id_of(value: Any) -> int:
    """A UUID column value (UUID or 16 bytes) as an integer, 0 for NULL."""
    if value is None:
        return 0
    return value.int if isinstance(value, UUID) else int.from_bytes(value, "big")
