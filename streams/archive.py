"""Arrivals as rows of the archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import pyarrow as pa

from schemas.decode import Arrival, Refusal
from schemas.events import Answer, Error, Study, Withdraw
from schemas.families import FAMILY_OF, Family
from schemas.tables import EVENTS

from .facts import micro

EARLIEST = 2**63
"""``keep`` is this minus the time of archiving in µs: ReplacingMergeTree keeps the largest, the earliest row."""


Getter = Callable[[Sequence[Arrival], Sequence[Any]], list[Any]]
"""Values of one column for arrivals and their events, which all have one type."""


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def _uuid(value: Any) -> bytes | None:
    return None if value is None else value.bytes


def _of_event(name: str, empty: Any = None) -> Getter:
    get = attrgetter(name)
    if empty is None:
        return lambda _, events: list(map(get, events))
    return lambda _, events: [v or empty for v in map(get, events)]


def _converted(name: str, convert: Callable[[Any], Any]) -> Getter:
    get = attrgetter(name)
    return lambda _, events: [convert(v) for v in map(get, events)]


def _of_arrival(name: str) -> Getter:
    get = attrgetter(name)
    return lambda arrivals, _: list(map(get, arrivals))


_ENVELOPE: dict[str, Getter] = {
    "member_id": _of_event("member_id"),
    "at": _of_arrival("at_ms"),
    "event_id": _converted("event_id", lambda v: v.bytes),
    "body_hash": _of_arrival("body_hash"),
    "skew_ms": _of_arrival("skew_ms"),
    "course_id": _of_event("course_id"),
    "received_at": _of_arrival("received_ms"),
    "source": _of_event("source", ""),
    "device_id": _of_event("device_id", ""),
    "target_id": _converted("replaces", _uuid),
    "cluster": _of_arrival("position.cluster"),
    "topic": _of_arrival("position.topic"),
    "partition": _of_arrival("position.partition"),
    "offset": _of_arrival("position.offset"),
    "line": _of_arrival("position.line"),
    "raw": _of_arrival("raw"),
}
_QUESTION: dict[str, Getter] = {
    "question_id": _of_event("question_id"),
    "exam_id": _of_event("exam_id", ""),
    "attempt": _of_event("attempt"),
    "response": _converted("response", _listed),
    "knowledge_points": _converted("knowledge_points", _listed),
}
_OF_TYPE: dict[type, dict[str, Getter]] = {
    Study: {
        "duration_ms": _of_event("duration_ms"),
        "beat_ms": _of_event("beat_ms"),
        "active_ms": _of_event("active_ms"),
        "unit_id": _of_event("unit_id", ""),
        "session_id": _of_event("session_id", ""),
    },
    Answer: _QUESTION
    | {
        "duration_ms": _of_event("duration_ms"),
        "correct": _of_event("correct"),
        "score_micro": _converted("score", micro),
        "max_micro": _converted("max_score", micro),
    },
    Error: _QUESTION
    | {
        "answer_id": _converted("answer_id", _uuid),
        "expected": _of_event("expected", ""),
        "kind": _of_event("kind", ""),
    },
    Withdraw: {"target_id": _converted("target_event_id", _uuid), "reason": _of_event("reason")},
}


def _of_family(family: Family) -> dict[str, Getter]:
    """What a further family is about and says, and those of its fields that the archive has a column for."""
    types = {c.name: c for c in EVENTS.columns}
    named = {name: _of_event(name, None if types[name].nullable else "") for name in family.fields if name in types}
    return named | {
        "subject_id": lambda _, events: [family.subject_of(e) for e in events],
        "detail": lambda _, events: [family.detail_of(e) for e in events],
    }


_OF_TYPE |= {event: _of_family(family) for event, family in FAMILY_OF.items()}
_EMPTY: dict[str, Any] = {"string": "", "uint32": 0, "int64": 0}


def archive_table(arrivals: Sequence[Arrival], archived_us: int) -> pa.Table:
    """Rows of ``events`` for arrivals, in one Arrow table; ``archived_us`` is µs since the epoch, UTC."""
    by_type: dict[Any, list[Arrival]] = {}
    for arrival in arrivals:
        by_type.setdefault(type(arrival.event), []).append(arrival)
    parts = []
    for kind, group in by_type.items():
        getters = _ENVELOPE | _OF_TYPE.get(kind, {})
        n, events = len(group), [a.event for a in group]
        columns: list[Any] = []
        for column in EVENTS.columns:
            arrow = column.arrow
            if get := getters.get(column.name):
                columns.append(pa.array(get(group, events), arrow))
            elif column.name == "event_type":
                columns.append(pa.repeat(pa.scalar(str(kind.__struct_config__.tag), arrow), n))
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
        "skew_ms": refusal.skew_ms,
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
