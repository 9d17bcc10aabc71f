"""From bytes to typed events, one verdict per line.

``decode_line`` is total: every byte string gives either an ``Arrival`` or a ``Refusal``; nothing raises.
Admission depends only on the bytes, the time of first receipt and the roster, never on arrival order.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from .events import SCHEMA_VERSION, TAGS, AnyEvent, check

MAX_LINE_BYTES = 1 << 20
"""A line above this is ``too_large``: no event of the contract needs a megabyte."""

RECEIVED_HEADER, SKEW_HEADER, SIZE_HEADER, PROBE_HEADER = "xj-received", "xj-skew", "xj-size", "xj-probe"
"""Kafka headers: time of first receipt (ms UTC) of a replayed, retried or forwarded message, or of one on a
broker without LogAppendTime; clock error in ms as the collector estimated it; size of a line that was too large
to be sent whole; name of a probe, which measures the pipeline and is no event."""

FUTURE_MS = 5 * 60_000
"""An event may lie this far after its first receipt before it is ``from_the_future``."""

REASONS: dict[str, tuple[str, str, bool]] = {
    "malformed": ("不是有效的 JSON 对象", "not a JSON object", False),
    "invalid": ("字段不符合约定", "a field breaks its rule", False),
    "unknown_type": ("未知的事件类型", "event type not known to this version", True),
    "unsupported_version": ("版本高于本程序支持的版本", "newer schema version than this program reads", True),
    "too_large": ("单行超过 1 MiB", "line above 1 MiB", False),
    "erased": ("成员已被删除，不保留内容", "the member was erased; nothing of the line is kept", False),
    "unknown_member": ("名册中没有该成员", "member is not in the roster", True),
    "from_the_future": ("发生时间晚于接收时间 5 分钟以上", "occurred more than 5 minutes after receipt", False),
    "conflict": ("同一编号有两种内容，保留摘要最小者", "same id, other body: the smallest hash counts", False),
    "store_refused": ("存储拒绝写入", "the store refused the row", True),
    "period_closed": ("原始数据已过保存期，该日已封存", "raw events of that day have expired", False),
}
"""Reason id → Chinese text, English text, whether a retry can succeed."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where a line was received. ``cluster`` names one life of a broker: one that forgets its log on exit
    gets a new name at each start, so that a position never names two lines."""

    cluster: str
    topic: str
    partition: int
    offset: int
    line: int


class Arrival(msgspec.Struct, gc=False):
    """A decoded, valid line. Times are ms since the epoch, UTC."""

    event: Any
    body_hash: bytes
    at_ms: int
    received_ms: int
    skew_ms: int
    raw: bytes
    position: Position


class Refusal(msgspec.Struct, gc=False):
    """A line that is kept but not counted; ``reason`` is a key of ``REASONS``."""

    reason: str
    detail: str
    raw: bytes
    position: Position
    received_ms: int
    member_id: str = ""
    event_id: str = ""
    skew_ms: int = 0
    """The clock error that the line was received with; ``decode_line`` leaves it to the caller."""


event_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
"""Decodes a line into the struct of its type; what spans fields is checked by ``decode_line``."""
_generic = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


def canonical(event: Any) -> bytes:
    """The bytes that identify a body: contract fields only, in declared order, defaults left out, the
    instant as whole microseconds UTC, without ``sent_at`` (a client that flushes twice sends the same event)."""
    sent, moment = event.sent_at, event.occurred_at
    event.sent_at = None
    event.occurred_at = epoch_us(moment)
    try:
        return _encode(event)
    finally:
        event.sent_at, event.occurred_at = sent, moment


def body_hash(event: Any) -> bytes:
    """First 16 bytes of the SHA-256 of the canonical form; the smallest one under an id counts."""
    return hashlib.sha256(canonical(event)).digest()[:16]


def epoch_us(moment: datetime) -> int:
    """Microseconds since the epoch."""
    # Exact: microseconds since 1970 fit a float's 53 bits until the year 2255.
    return round(moment.timestamp() * 1_000_000)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down."""
    return epoch_us(moment) // 1000


def decode_line(raw: bytes, position: Position, received_ms: int, skew_ms: int = 0) -> Arrival | Refusal:
    """Decode and validate one line. ``received_ms`` is the time of first receipt, ``skew_ms`` the clock
    error that the collector estimated (added to the event's times)."""
    if len(raw) > MAX_LINE_BYTES:
        return Refusal("too_large", f"{len(raw)} bytes, at most {MAX_LINE_BYTES}", raw, position, received_ms)
    try:
        event = event_decoder.decode(raw)
        broken = check(event)
        if broken is None and event.schema_version <= SCHEMA_VERSION:
            at = epoch_ms(event.occurred_at) + skew_ms
            if at > received_ms + FUTURE_MS:
                ahead = (at - received_ms) // 1000
                detail = f"occurred_at: {event.occurred_at.isoformat()} is {ahead} s after receipt"
                return _refuse("from_the_future", detail, raw, position, received_ms, event)
            # A lone \u0000 or surrogate is legal JSON, but neither an id nor storable text.
            if b"\\u" in raw and (fault := _bad_text(event)):
                return _refuse("invalid", fault, raw, position, received_ms, event)
            return Arrival(event, body_hash(event), at, received_ms, skew_ms, raw, position)
        if event.schema_version > SCHEMA_VERSION:
            detail = f"schema_version: {_show(event.schema_version)}, this program reads up to {SCHEMA_VERSION}"
            return _refuse("unsupported_version", detail, raw, position, received_ms, event)
        assert broken is not None
        detail = f"{broken[0]}: {_show(broken[1])} {broken[2]}"
        return _refuse("invalid", detail, raw, position, received_ms, event)
    except msgspec.ValidationError as error:
        return _explain(raw, str(error), position, received_ms)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError, OverflowError) as error:
        return Refusal("malformed", str(error)[:500], raw, position, received_ms)


def split_lines(value: bytes) -> list[tuple[int, bytes]]:
    """The non-empty lines of a message with their numbers, from 0. Blank lines are no lines."""
    if b"\n" not in value:
        return [(0, value)] if value.strip() else []
    return [(n, line) for n, line in enumerate(value.split(b"\n")) if line.strip()]


def _refuse(reason: str, detail: str, raw: bytes, position: Position, received_ms: int, event: Any) -> Refusal:
    # Ids go into text columns next to the bytes: keep only what can be stored as text.
    member = event.member_id.encode("utf-8", "replace").decode()
    return Refusal(reason, detail, raw, position, received_ms, member, str(event.event_id))


def _bad_text(event: Any) -> str:
    for name in event.__struct_fields__:
        value = getattr(event, name)
        for text in value if isinstance(value, list) else (value,):
            if not isinstance(text, str):
                continue
            if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 or ord(c) == 127 for c in text if c not in "\t\n\r"):
                return f"{name}: {_show(text)} must hold no control characters or lone surrogates"
    return ""


def _explain(raw: bytes, message: str, position: Position, received_ms: int) -> Refusal:
    """Turn msgspec's message into field, value and rule, and find out whether a newer version could read it."""
    try:
        body = _generic.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        return Refusal("malformed", str(error)[:500], raw, position, received_ms)
    if not isinstance(body, dict):
        return Refusal("malformed", f"expected a JSON object, got {type(body).__name__}", raw, position, received_ms)
    member, event_id = body.get("member_id"), body.get("event_id")
    refusal = Refusal("invalid", "", raw, position, received_ms, _text(member), _text(event_id))
    version, tag = body.get("schema_version", 1), body.get("event_type")
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA_VERSION:
        refusal.reason = "unsupported_version"
        refusal.detail = f"schema_version: {_show(version)}, this program reads up to {SCHEMA_VERSION}"
    elif isinstance(tag, str) and tag not in TAGS:
        refusal.reason = "unknown_type"
        refusal.detail = f"event_type: {_show(tag)} must be one of {', '.join(TAGS)}"
    else:
        rule, _, path = message.partition(" - at `$")
        field = path.strip("`.").split("[")[0].split(".")[0]
        value = f" {_show(body.get(field))}" if field else ""
        refusal.detail = f"{field or 'event'}:{value} {rule}"[:1000]
    return refusal


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode()[:64] if isinstance(value, str) else ""


def _show(value: object) -> str:
    # Never repr() of what may be nested or endless: that can raise, and a line must not.
    if isinstance(value, list | dict):
        return f"{'an array' if isinstance(value, list) else 'an object'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str):
        value = value[:120]
        return ascii(value)[:120] if not value.isprintable() else repr(value)[:120]
    return repr(value)[:120]
