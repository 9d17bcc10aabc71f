"""From Kafka messages to lines that count, lines that are refused, and lines of another partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.decode import (
    MAX_LINE_BYTES,
    PROBE_HEADER,
    RECEIVED_HEADER,
    SIZE_HEADER,
    SKEW_HEADER,
    Arrival,
    Position,
    Refusal,
    decode_line,
    split_lines,
)
from schemas.reference import Roster

from .records import Record, RecordBatch

Body = tuple[str, bytes, bytes]
"""(member_id, event_id, body_hash)"""

LATE_MS = 24 * 3_600_000
LAST_RECEIPT = 5_648_745_600_000
"""2149-01-01 in ms: what lies far after it, ClickHouse's days cannot hold."""
LARGEST_SKEW = 366 * 86_400_000
"""Clocks that are off by more than a year are not corrected: the event's own time stands."""


_NO_HEADERS: dict[str, bytes] = {}


@dataclass(slots=True)
class Message:
    """One Kafka message, decoded: its lines, and what became of them once they are admitted."""

    ledger: dict[str, Any]
    found: list[Arrival | Refusal] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    forwards: list[Arrival] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)


def decode_record(cluster: str, batch: RecordBatch, record: Record) -> Message:
    """Decode and validate a message. Depends on nothing but its bytes and its first receipt."""
    headers = dict(record.headers) if record.headers else _NO_HEADERS
    stamped = min(max(record.timestamp_ms, 0), LAST_RECEIPT)
    received = _integer(headers.get(RECEIVED_HEADER), stamped, 0, LAST_RECEIPT)
    skew = _integer(headers.get(SKEW_HEADER), 0, -LARGEST_SKEW, LARGEST_SKEW)
    message = Message(
        {
            "cluster": cluster,
            "topic": batch.topic,
            "partition": batch.partition,
            "offset": record.offset,
            "lines": 0,
            "valid": 0,
            "rejected": 0,
            "forwarded": 0,
            "late": 0,
            "received_at": received,
        }
    )
    if probe := headers.get(PROBE_HEADER):
        # Travels like an event and is nobody's: it only leaves the time at which its batch was visible.
        message.probes.append({"probe": probe.decode("ascii", "replace"), "partition": batch.partition})
        return message
    for number, line in split_lines(record.value or b""):
        message.ledger["lines"] += 1
        position = Position(cluster, batch.topic, batch.partition, record.offset, number)
        if size := headers.get(SIZE_HEADER):
            detail = f"{size.decode('ascii', 'replace')} bytes, at most {MAX_LINE_BYTES}; only its beginning is kept"
            found: Arrival | Refusal = Refusal("too_large", detail, line, position, received)
        else:
            found = decode_line(line, position, received, skew)
        if isinstance(found, Refusal):
            found.skew_ms = skew
        message.found.append(found)
    return message


def admit(
    message: Message,
    partition_for: Callable[[str], int],
    roster: Roster,
    open_from: int,
    refused: Mapping[Body, str],
) -> None:
    """Sort a message's lines into those that count, are refused, or belong to another partition."""
    message.arrivals, message.refusals, message.forwards = [], [], []
    late = 0
    for found in message.found:
        if isinstance(found, Arrival):
            member = found.event.member_id
            if partition_for(member) != found.position.partition:
                message.forwards.append(found)
                continue
            if found.at_ms < open_from:
                detail = f"occurred_at: {found.event.occurred_at.isoformat()} lies in a closed period"
                found = _refusal("period_closed", detail, found)
            elif not roster.known(member):
                found = _refusal("unknown_member", f"member_id: {member!r} is not in the roster", found)
            elif refused and (text := refused.get((member, found.event.event_id.bytes, found.body_hash))) is not None:
                found = _refusal("store_refused", text, found)
        if isinstance(found, Refusal):
            message.refusals.append(found)
        else:
            message.arrivals.append(found)
            late += found.received_ms - found.at_ms > LATE_MS
    message.ledger |= {
        "valid": len(message.arrivals),
        "rejected": len(message.refusals),
        "forwarded": len(message.forwards),
        "late": late,
    }


def _refusal(reason: str, detail: str, a: Arrival) -> Refusal:
    return Refusal(
        reason, detail, a.raw, a.position, a.received_ms, a.event.member_id, str(a.event.event_id), a.skew_ms
    )


def _integer(header: bytes | None, default: int, least: int, most: int) -> int:
    """A header's number. One that makes no sense is as good as none: it must not stop a partition."""
    try:
        found = int(header) if header is not None else default
    except ValueError:
        return default
    return found if least <= found <= most else default
