"""Lines that have crashed decoders, by name. Made, not stored: some are megabytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.families import FAMILIES

ID = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"
ENVELOPE = {"event_id": ID, "member_id": "m1", "course_id": "c1", "occurred_at": "2026-03-01T10:10:00+08:00"}
SAMPLES = Path(__file__).parents[2] / "schemas" / "samples" / "v1"


def _fullest(name: str) -> dict[str, Any]:
    """The longest sample of an event type, without what the envelope says of it."""
    lines = (SAMPLES / f"{name}.ndjson").read_bytes().splitlines()
    own = {"event_type", *FAMILIES[name].fields, *(("member_id", "occurred_at") if FAMILIES[name].anonymous else ())}
    return {k: v for k, v in json.loads(max(lines, key=len)).items() if k in own}


EVENTS: dict[str, dict[str, Any]] = {
    "study": ENVELOPE | {"event_type": "study", "duration_ms": 60_000, "active_ms": 50_000, "source": "app/1"},
    "beat": ENVELOPE | {"event_type": "study", "beat_ms": 30_000, "device_id": "d", "session_id": "s"},
    "answer": ENVELOPE
    | {
        "event_type": "answer",
        "question_id": "q1",
        "correct": True,
        "response": ["A", "B"],
        "score": 1.5,
        "max_score": 2,
        "knowledge_points": ["k1"],
        "duration_ms": 1000,
    },
    "error": ENVELOPE
    | {"event_type": "error", "question_id": "q1", "answer_id": OTHER, "expected": "A", "kind": "careless"},
    "withdraw": ENVELOPE | {"event_type": "withdraw", "target_event_id": OTHER, "reason": "r"},
    # Of each further family the sample that has most to say.
    **{name: ENVELOPE | _fullest(name) for name in FAMILIES},
}
"""A valid event of each shape."""

_MARK = '"@@"'


def with_raw(event: dict[str, Any], name: str, value: bytes) -> bytes:
    """The event as a line in which a field's value is these bytes."""
    return json.dumps(event | {name: "@@"}).encode().replace(_MARK.encode(), value)


RAW_VALUES: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "empty text": b'""',
    "list": b"[]",
    "object": b"{}",
    "nul escaped": b'"\\u0000"',
    "nul inside": b'"a\\u0000b"',
    "nul raw": b'"a\0b"',
    "newline escaped": b'"a\\nb"',
    "delete": b'"a\x7fb"',
    "lone high surrogate": b'"\\ud800"',
    "lone low surrogate": b'"\\udc00x"',
    "reversed surrogates": b'"\\udc00\\ud800"',
    "surrogate pair": b'"\\ud83d\\ude00"',
    "surrogate as utf-8": b'"\xed\xa0\x80"',
    "invalid utf-8": b'"\xff\xfe"',
    "overlong utf-8": b'"\xc0\xaf"',
    "truncated utf-8": b'"\xe5\xad',
    "gb18030": '"学镜"'.encode("gb18030"),
    "byte order mark": b'"\xef\xbb\xbfx"',
    "escape cut off": b'"\\u12"',
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "float overflow": b"1e400",
    "float underflow": b"1e-400",
    "minus zero": b"-0.0",
    "exponent": b"1" + b"0" * 30 + b"e-30",
    "2^31": b"2147483648",
    "2^53 + 1": b"9007199254740993",
    "2^63 - 1": b"9223372036854775807",
    "2^63": b"9223372036854775808",
    "2^64": b"18446744073709551616",
    "-2^63": b"-9223372036854775808",
    "negative": b"-1",
    "hundred digits": b"9" * 100,
    "4301 digits": b"9" * 4301,
    "million digits": b"9" * 1_000_000,
    "65 characters": b'"' + b"x" * 65 + b'"',
    "half a megabyte": b'"' + b"x" * 500_000 + b'"',
    "half a megabyte of escapes": b'"' + b"\\u5b66" * 80_000 + b'"',
    "million entries": b"[" + b"1," * 400_000 + b"1]",
    "year 1": b'"0001-01-01T00:00:00Z"',
    "year 1, east": b'"0001-01-01T00:00:00+14:00"',
    "year 1999": b'"1999-12-31T23:59:59Z"',
    "year 2000": b'"2000-01-01T00:00:00+14:00"',
    "year 2100": b'"2100-12-31T23:59:59-12:00"',
    "year 9999": b'"9999-12-31T23:59:59Z"',
    "year 9999, west": b'"9999-12-31T23:59:59-14:00"',
    "leap second": b'"2016-12-31T23:59:60Z"',
    "30 February": b'"2026-02-30T00:00:00Z"',
    "nanoseconds": b'"2026-03-01T10:10:00.123456789Z"',
    "local time": b'"2026-03-01T10:10:00"',
    "offset of a day": b'"2026-03-01T10:10:00+24:00"',
    "time as number": b"1772331000",
    "uuid without hyphens": b'"00000000000000000000000000000001"',
    "uuid in braces": b'"{00000000-0000-0000-0000-000000000001}"',
}


def _nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


def whole_lines() -> Iterator[tuple[str, bytes]]:
    """Lines that are broken as a whole."""
    study = json.dumps(EVENTS["study"]).encode()
    yield "empty", b""
    yield "blank", b"   "
    yield "nul", b"\0"
    yield "nul padding", study + b"\0" * 20
    yield "byte order mark", b"\xef\xbb\xbf" + study
    yield "utf-16", study.decode().encode("utf-16")
    yield "10 MB of x", b"x" * (10 << 20)
    yield "10 MB of brackets", b"[" * (10 << 20)
    yield "10 MB field", with_raw(EVENTS["study"], "x_big", b'"' + b"a" * (10 << 20) + b'"')
    yield "just too large", study[:-1] + b" " * ((1 << 20) - len(study) + 1) + b"}"
    yield "just not too large", study[:-1] + b" " * ((1 << 20) - len(study)) + b"}"
    yield "two objects", study + study
    yield "trailing comma", study[:-1] + b",}"
    yield "single quotes", study.replace(b'"', b"'")
    yield "comment", b"/* */" + study
    yield "carriage return", study + b"\r"
    for n in range(0, len(study), 7):
        yield f"cut at {n}", study[:n]
    for name in ("null", "true", "1", '"text"', "[]", "[{}]", "{}", "NaN"):
        yield f"only {name}", name.encode()
    for depth in (10, 100, 500, *range(900, 1010, 3), 5_000, 400_000):
        yield f"list {depth} deep", _nested(depth)
        yield f"object {depth} deep", _nested(depth, b'{"a":', b"}").replace(b":}", b":1}", 1)
        for field in ("course_id", "x_deep", "response"):
            yield f"{field} {depth} deep", with_raw(EVENTS["answer"], field, _nested(depth))
    for field, value in EVENTS["answer"].items():
        twice = json.dumps(EVENTS["answer"])[:-1] + f', "{field}": {json.dumps(value)}}}'
        yield f"{field} twice", twice.encode()
        yield f"{field} twice, differently", (json.dumps(EVENTS["answer"])[:-1] + f', "{field}": 7}}').encode()
    yield "surrogate as a key", study[:-1] + b', "\\ud800": 1}'
    yield "nul as a key", study[:-1] + b', "a\\u0000": 1}'
    yield "invalid utf-8 in a private field", study[:-1] + b', "x_a": "\xff"}'
    yield "surrogate in a private field", study[:-1] + b', "x_a": ["\\ud800", {"\\udfff": "\\ud800"}]}'
    yield "surrogate in an unknown field", study[:-1] + b', "unknown": "\\ud800"}'
    yield "unknown type with surrogate", study.replace(b'"study"', b'"\\ud800"')
    yield "type as number", study.replace(b'"study"', b"1")
    yield "type as list", study.replace(b'"study"', b"[[]]")
    yield "newer version, unreadable", study[:-1] + b', "schema_version": 2, "duration_ms": "soon"}'
    yield (
        "newer version, surrogates",
        (study.replace(b'"m1"', b'"\\ud800"').replace(b'"c1"', b'"\\udc00"')[:-1] + b', "schema_version": 2}'),
    )
    yield "version of 4000 digits", study[:-1] + b', "schema_version": ' + b"9" * 4000 + b"}"
    yield "version 1.0", study[:-1] + b', "schema_version": 1.0}'
    yield "hundred thousand fields", study[:-1] + b"".join(b', "x%d": %d' % (i, i) for i in range(50_000)) + b"}"


def corpus() -> Iterator[tuple[str, bytes]]:
    """Every case: whole lines, and each broken value in each field of each shape of event."""
    yield from whole_lines()
    for shape, event in EVENTS.items():
        for field in (*event, "replaces", "sent_at", "schema_version", "exam_id", "attempt", "unit_id", "x_private"):
            for name, value in RAW_VALUES.items():
                if len(value) < 10_000 or field in ("course_id", "duration_ms", "response", "x_private"):
                    yield f"{shape}.{field}: {name}", with_raw(event, field, value)
