"""Arrivals as rows of the archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from schemas.decode import Arrival, Refusal
from schemas.events import Answer, Error, Study, Withdraw
from schemas.tables import EVENTS

from .facts import micro

EARLIEST = 2**63
"""``keep`` is this minus the time of archiving in µs: ReplacingMergeTree keeps the largest, the earliest row."""


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def _uuid(value: Any) -> bytes | None:
    return None if value is None else value.bytes


_ENVELOPE: dict[str, Callable[[Arrival], Any]] = {
    "member_id": lambda a: a.event.member_id,
    "at": lambda a: a.at_ms,
    "event_id": lambda a: a.event.event_id.bytes,
    "body_hash": lambda a: a.body_hash,
    "skew_ms": lambda a: a.skew_ms,
    "event_type": lambda a: a.event.__struct_config__.tag,
    "course_id": lambda a: a.event.course_id,
    "received_at": lambda a: a.received_ms,
    "source": lambda a: a.event.source or "",
    "device_id": lambda a: a.event.device_id or "",
    "target_id": lambda a: _uuid(a.event.replaces),
    "cluster": lambda a: a.position.cluster,
    "topic": lambda a: a.position.topic,
    "partition": lambda a: a.position.partition,
    "offset": lambda a: a.position.offset,
    "line": lambda a: a.position.line,
    "raw": lambda a: a.raw,
}
_QUESTION: dict[str, Callable[[Arrival], Any]] = {
    "question_id": lambda a: a.event.question_id,
    "exam_id": lambda a: a.event.exam_id or "",
    "attempt": lambda a: a.event.attempt,
    "response": lambda a: _listed(a.event.response),
    "knowledge_points": lambda a: a.event.knowledge_points or [],
}
_OF_TYPE: dict[type, dict[str, Callable[[Arrival], Any]]] = {
    Study: {
        "duration_ms": lambda a: a.event.duration_ms,
        "beat_ms": lambda a: a.event.beat_ms,
        "active_ms": lambda a: a.event.active_ms,
        "unit_id": lambda a: a.event.unit_id or "",
        "session_id": lambda a: a.event.session_id or "",
    },
    Answer: _QUESTION
    | {
        "duration_ms": lambda a: a.event.duration_ms,
        "correct": lambda a: a.event.correct,
        "score_micro": lambda a: micro(a.event.score),
        "max_micro": lambda a: micro(a.event.max_score),
    },
    Error: _QUESTION
    | {
        "answer_id": lambda a: _uuid(a.event.answer_id),
        "expected": lambda a: a.event.expected or "",
        "kind": lambda a: a.event.kind or "",
    },
    Withdraw: {"target_id": lambda a: a.event.target_event_id.bytes, "reason": lambda a: a.event.reason},
}
_EMPTY: dict[str, Any] = {"string": "", "uint32": 0, "int64": 0}


def archive_table(arrivals: Sequence[Arrival], archived_us: int) -> pa.Table:
    """Rows of ``events`` for arrivals, in one Arrow table; ``archived_us`` is µs since the epoch, UTC."""
    by_type: dict[type, list[Arrival]] = {}
    for arrival in arrivals:
        by_type.setdefault(type(arrival.event), []).append(arrival)
    parts = []
    for kind, group in by_type.items():
        getters = _ENVELOPE | _OF_TYPE.get(kind, {})
        n = len(group)
        columns: list[Any] = []
        for column in EVENTS.columns:
            arrow = column.arrow
            if get := getters.get(column.name):
                columns.append(pa.array([get(a) for a in group], arrow))
            elif column.name == "archived_at":
                columns.append(pa.repeat(pa.scalar(archived_us, arrow), n))
            elif column.name == "keep":
                columns.append(pa.repeat(pa.scalar(EARLIEST - archived_us, arrow), n))
            elif column.nullable:
                columns.append(pa.nulls(n, arrow))
            elif pa.types.is_list(arrow):
                columns.append(pa.array([[]] * n, arrow))
            else:
                columns.append(pa.repeat(pa.scalar(_EMPTY[str(arrow)], arrow), n))
        parts.append(pa.table(columns, names=[c.name for c in EVENTS.columns]))
    return pa.concat_tables(parts) if parts else EVENTS.rows([])


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    """A rejected line as a row of ``rejected_events``."""
    p = refusal.position
    return {
        "cluster": p.cluster,
        "topic": p.topic,
        "partition": p.partition,
        "offset": p.offset,
        "line": p.line,
        "reason": refusal.reason,
        "detail": refusal.detail,
        "raw": refusal.raw,
        "member_id": refusal.member_id,
        "event_id": refusal.event_id,
        "received_at": refusal.received_ms,
        "status": "open",
        "version": 0,
    }


def duplicate_row(arrival: Arrival) -> dict[str, Any]:
    """A repeated line as a row of ``duplicates``."""
    p = arrival.position
    return {
        "member_id": arrival.event.member_id,
        "event_id": arrival.event.event_id.bytes,
        "body_hash": arrival.body_hash,
        "cluster": p.cluster,
        "topic": p.topic,
        "partition": p.partition,
        "offset": p.offset,
        "line": p.line,
        "received_at": arrival.received_ms,
    }
