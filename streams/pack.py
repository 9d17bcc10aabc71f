"""From events that arrive, and from rows of the archive, to packed records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.events import Answer, Error, Study, Withdraw
from schemas.families import FAMILIES, FAMILY_OF

from .facts import ANSWER, ERROR, id_of, micro
from .lines import Arrivals
from .packed import (
    LINE_BITS,
    NO_ACTIVE,
    OFFSET_BITS,
    RECORD,
    Details,
    Flags,
    Ints,
    Records,
    Taking,
    family_key,
    question_key,
    study_key,
)

_WIDEST = 2**32 - 1


def pack_arrivals(arrivals: Arrivals, details: Details) -> tuple[Records, Flags]:
    """Records of arrivals in their order, and which of them could be packed; the others' records mean nothing."""
    lines, events = arrivals.lines, arrivals.events
    records, fits = np.zeros(len(events), RECORD), np.ones(len(events), np.bool_)
    ids = b"".join([e.event_id.int.to_bytes(16, "big") for e in events])
    places = np.array([details.places.of((lines.cluster, *p)) for p in lines.places] or [0], np.int64)
    message = arrivals.message
    _identify(records, ids, arrivals.hashes.tobytes())
    _locate(records, fits, arrivals.at, arrivals.number, places[lines.place[message]], lines.offset[message])
    by_type: dict[type, list[int]] = {}
    for i, event in enumerate(events):
        by_type.setdefault(type(event), []).append(i)
    for kind, group in by_type.items():
        some = [events[i] for i in group] if len(by_type) > 1 else events
        where = np.array(group, np.intp)
        keys, span, active = _OF_TYPE.get(kind, _of_family)(some)
        for i, e in enumerate(some):
            if e.replaces is not None and kind is not Withdraw:
                keys[i] = Taking(keys[i], e.replaces.int)
        _say(records, fits, where, details.of(keys), span, active)
    return records, fits


Said = tuple[list[Any], "Ints | int", "Ints | int"]
"""(keys of details, span, active)"""


def _of_study(events: Sequence[Any]) -> Said:
    keys = [
        e.course_id if e.beat_ms is None else study_key(e.course_id, e.beat_ms, e.device_id or "", e.session_id or "")
        for e in events
    ]
    span = np.array([e.duration_ms if e.beat_ms is None else e.beat_ms for e in events], np.int64)
    return keys, span, np.array([NO_ACTIVE if (a := e.active_ms) is None else a for e in events], np.int64)


def _responses(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _of_answers(events: Sequence[Any]) -> Said:
    keys = [
        question_key(
            ANSWER,
            e.course_id,
            e.question_id,
            e.exam_id or "",
            e.attempt,
            e.correct,
            micro(e.score),
            micro(e.max_score),
            _responses(e.response),
            tuple(e.knowledge_points or ()),
            0,
        )
        for e in events
    ]
    return keys, np.array([e.duration_ms or 0 for e in events], np.int64), 0


def _of_errors(events: Sequence[Any]) -> Said:
    keys = [
        question_key(
            ERROR,
            e.course_id,
            e.question_id,
            e.exam_id or "",
            e.attempt,
            None,
            None,
            None,
            _responses(e.response),
            tuple(e.knowledge_points or ()),
            e.answer_id.int if e.answer_id else 0,
        )
        for e in events
    ]
    return keys, 0, 0


def _of_family(events: Sequence[Any]) -> Said:
    family = FAMILY_OF[type(events[0])]
    return [family_key(e.course_id, family.name, family.subject_of(e), family.detail_of(e)) for e in events], 0, 0


def _of_withdrawals(events: Sequence[Any]) -> Said:
    return [Taking(None, e.target_event_id.int) for e in events], 0, 0


_OF_TYPE: dict[type, Callable[[Sequence[Any]], Said]] = {
    Study: _of_study,
    Answer: _of_answers,
    Error: _of_errors,
    Withdraw: _of_withdrawals,
}


def _identify(records: Records, ids: bytes, hashes: bytes) -> None:
    pairs = np.frombuffer(ids, ">u8").reshape(-1, 2)
    records["id_high"], records["id_low"] = pairs[:, 0], pairs[:, 1]
    records["hash"] = np.frombuffer(hashes, ">u8").reshape(-1, 2)[:, 0]


def _locate(records: Records, fits: Flags, at: Ints, line: Ints, place: Ints, offset: Ints) -> None:
    records["when"] = (at << LINE_BITS) | line
    records["where"] = (place.astype(np.uint64) << np.uint64(OFFSET_BITS)) | offset.astype(np.uint64)
    fits &= (line < 1 << LINE_BITS) & (offset < 1 << OFFSET_BITS) & (place < 1 << (64 - OFFSET_BITS))
    fits &= (at >= 0) & (at < 1 << (63 - LINE_BITS))


def _say(
    records: Records, fits: Flags, where: NDArray[np.intp], details: list[int], span: Ints | int, active: Ints | int
) -> None:
    records["detail"][where] = details
    fits[where] &= np.less_equal(span, _WIDEST) & np.less_equal(active, _WIDEST)
    records["span"][where] = np.minimum(span, _WIDEST)
    records["active"][where] = np.minimum(active, _WIDEST)


def pack_archive(table: pa.Table, details: Details) -> tuple[Records, Flags]:
    """Records of rows of ``events`` (``facts.FACT_COLUMNS``), and which of them could be packed."""
    count = table.num_rows
    records, fits = np.zeros(count, RECORD), np.ones(count, np.bool_)
    _identify(records, _words(table["event_id"]), _words(table["body_hash"]))
    place = _coded(table, ["cluster", "topic", "partition"], details.places.of)
    at = _numbers(table["at"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()))
    _locate(records, fits, at, _numbers(table["line"]), place, _numbers(table["offset"]))
    kinds = _plain(table["event_type"])
    for kind in pc.unique(kinds).to_pylist():
        mask = pc.equal(kinds, kind)
        where = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        rows = table.filter(mask)
        keys, span, active = _ARCHIVED.get(kind, _archived_family)(rows)
        if rows["target_id"].null_count < len(where):
            for i, target in enumerate(map(id_of, rows["target_id"].to_pylist())):
                if target:
                    keys[i] = Taking(keys[i], target)
        _say(records, fits, where, details.of(keys), span, active)
    return records, fits


def _archived_study(rows: pa.Table) -> Said:
    names = ("course_id", "beat_ms", "device_id", "session_id")
    keys = [study_key(*values) for values in zip(*(rows[n].to_pylist() for n in names), strict=True)]
    span = _numbers(pc.coalesce(rows["beat_ms"], rows["duration_ms"], 0))
    return keys, span, _numbers(rows["active_ms"].fill_null(NO_ACTIVE))


def _archived_answers(rows: pa.Table) -> Said:
    span = np.maximum(_numbers(rows["duration_ms"].fill_null(0)), 0)
    return [question_key(ANSWER, *values) for values in _question_columns(rows)], span, 0


def _archived_errors(rows: pa.Table) -> Said:
    # An error judges nothing: neither is kept with its fact.
    keys = [
        question_key(ERROR, course, question, exam, attempt, None, None, None, response, points, answer_id)
        for course, question, exam, attempt, _, _, _, response, points, answer_id in _question_columns(rows)
    ]
    return keys, 0, 0


def _question_columns(rows: pa.Table) -> zip[Any]:
    names = ("course_id", "question_id", "exam_id", "attempt", "correct", "score_micro", "max_micro")
    return zip(
        *(rows[n].to_pylist() for n in names),
        map(tuple, rows["response"].to_pylist()),
        map(tuple, rows["knowledge_points"].to_pylist()),
        map(id_of, rows["answer_id"].to_pylist()),
        strict=True,
    )


def _archived_family(rows: pa.Table) -> Said:
    names = ("course_id", "event_type", "subject_id", "detail")
    keys = [
        family_key(course, *((kind, subject, detail) if kind in FAMILIES else ("", "", "")))
        for course, kind, subject, detail in zip(*(rows[n].to_pylist() for n in names), strict=True)
    ]
    return keys, 0, 0


_ARCHIVED: dict[str, Callable[[pa.Table], Said]] = {
    "study": _archived_study,
    "answer": _archived_answers,
    "error": _archived_errors,
    "withdraw": lambda rows: ([None] * rows.num_rows, 0, 0),
}


def _coded(table: pa.Table, names: list[str], of: Callable[[Any], int]) -> Ints:
    """A number for each combination of some columns that have few."""
    code = np.zeros(table.num_rows, np.int64)
    parts = []
    for name in names:
        column = table[name].combine_chunks().dictionary_encode()
        parts.append(column.dictionary.to_pylist())
        code = code * max(len(parts[-1]), 1) + column.indices.to_numpy()
    distinct, number = np.unique(code, return_inverse=True)
    found = np.zeros(len(distinct), np.int64)
    for i, rest in enumerate(distinct.tolist()):
        values = []
        for part in reversed(parts):
            rest, at = divmod(rest, max(len(part), 1))
            values.append(part[at])
        found[i] = of(tuple(reversed(values)))
    return found[number]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _numbers(column: pa.ChunkedArray) -> Ints:
    found: Ints = column.cast(pa.int64()).to_numpy()
    return found


def _words(column: pa.ChunkedArray) -> bytes:
    return b"".join([v if isinstance(v, bytes) else v.bytes for v in column.to_pylist()])
