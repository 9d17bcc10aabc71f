"""Arrivals as rows of the archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.decode import Arrival, Refusal
from schemas.events import Answer, Error, Study, Withdraw
from schemas.families import FAMILY_OF, Family
from schemas.tables import EVENTS

from .facts import micro
from .lines import Arrivals

EARLIEST = 2**63
"""``keep`` is this minus the time of archiving in µs: ReplacingMergeTree keeps the largest, the earliest row."""


Getter = Callable[[Arrivals, Sequence[Any]], Any]
"""Values of one column for arrivals and their events, which all have one type: a list, or an array."""


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
    return lambda arrivals, _: get(arrivals)


def _of_message(name: str) -> Getter:
    get = attrgetter(name)
    return lambda arrivals, _: get(arrivals.lines)[arrivals.message]


def _of_place(number: int) -> Getter:
    def values(arrivals: Arrivals, _: Sequence[Any]) -> pa.Array:
        found = pa.array([place[number] for place in arrivals.lines.places])
        return found.take(pa.array(arrivals.lines.place[arrivals.message]))

    return values


def _ids(_: Arrivals, events: Sequence[Any]) -> pa.Array:
    return _bytes16(b"".join([e.event_id.int.to_bytes(16, "big") for e in events]))


def _bytes16(joined: bytes) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(joined) // 16, [None, pa.py_buffer(joined)])


_ENVELOPE: dict[str, Getter] = {
    "member_id": _of_event("member_id"),
    "at": _of_arrival("at"),
    "event_id": _ids,
    "body_hash": lambda arrivals, _: _bytes16(arrivals.hashes.tobytes()),
    "skew_ms": _of_message("skew"),
    "course_id": _of_event("course_id"),
    "received_at": _of_message("received"),
    "source": _of_event("source", ""),
    "device_id": _of_event("device_id", ""),
    "target_id": _converted("replaces", _uuid),
    "cluster": lambda arrivals, _: pa.repeat(pa.scalar(arrivals.lines.cluster), len(arrivals)),
    "topic": _of_place(0),
    "partition": _of_place(1),
    "offset": _of_message("offset"),
    "line": _of_arrival("number"),
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


def archive_table(arrivals: Arrivals, archived_us: int) -> pa.Table:
    """Rows of ``events`` for arrivals, in one Arrow table; ``archived_us`` is µs since the epoch, UTC."""
    by_type: dict[type, list[int]] = {}
    for i, event in enumerate(arrivals.events):
        by_type.setdefault(type(event), []).append(i)
    parts = [_of_one_type(kind, arrivals.take(np.array(of, np.intp)), archived_us) for kind, of in by_type.items()]
    return pa.concat_tables(parts) if parts else EVENTS.rows([])


def _of_one_type(kind: Any, arrivals: Arrivals, archived_us: int) -> pa.Table:
    getters = _ENVELOPE | _OF_TYPE.get(kind, {})
    n, events = len(arrivals), arrivals.events
    columns: list[Any] = []
    for column in EVENTS.columns:
        arrow = column.arrow
        if get := getters.get(column.name):
            columns.append(_array(get(arrivals, events), arrow))
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
    return pa.table(columns, names=[c.name for c in EVENTS.columns])


def _array(values: Any, arrow: pa.DataType) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, arrow)
    found = pa.array(values) if isinstance(values, np.ndarray) else values
    return found if found.type == arrow else found.cast(arrow)


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
        # Of somebody who was erased there is nothing to decide about.
        "status": "discarded" if refusal.reason == "erased" else "open",
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
