"""What record batches brought, as columns: one entry a message, one entry a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.decode import (
    MAX_LINE_BYTES,
    PROBE_HEADER,
    RECEIVED_HEADER,
    SIZE_HEADER,
    SKEW_HEADER,
    Arrival,
    Position,
    Refusal,
    split_lines,
)
from schemas.decode_many import Decoded, decode_lines

from .records import RecordBatch

Ints = NDArray[np.int64]

LAST_RECEIPT = 5_648_745_600_000
"""2149-01-01 in ms: what lies far after it, ClickHouse's days cannot hold."""
LARGEST_SKEW = 366 * 86_400_000
"""Clocks that are off by more than a year are not corrected: the event's own time stands."""


@dataclass(slots=True)
class Lines:
    """Decoded lines of messages; ``place``, ``offset``, ``received`` and ``skew`` have an entry a message, ``message``
    and ``number`` an entry a line."""

    cluster: str
    places: list[tuple[str, int]]
    """(topic, partition)"""
    place: Ints
    offset: Ints
    received: Ints
    """first receipt, ms UTC"""
    skew: Ints
    raw: list[bytes]
    message: Ints
    number: Ints
    probes: list[dict[str, Any]]
    decoded: Decoded
    key: list[bytes | None] = field(default_factory=list)
    """as sent, an entry a message"""

    def key_of(self, line: int) -> str:
        """The member that a line's message was sent for, as far as it says."""
        key = self.key[self.message[line]]
        return key.decode("utf-8", "replace") if key else ""

    def position(self, line: int) -> Position:
        """Where a line was received."""
        message = self.message[line]
        topic, partition = self.places[self.place[message]]
        return Position(self.cluster, topic, partition, int(self.offset[message]), int(self.number[line]))

    def arrival(self, line: int) -> Arrival:
        """A valid line by itself."""
        d, message = self.decoded, self.message[line]
        return Arrival(
            d.events[line],
            d.hashes[line].tobytes(),
            int(d.at_ms[line]),
            int(self.received[message]),
            int(self.skew[message]),
            self.raw[line],
            self.position(line),
        )

    def refusal(self, line: int, reason: str, detail: str) -> Refusal:
        """A valid line that is not to count."""
        a = self.arrival(line)
        member_id, event_id = a.event.member_id, str(a.event.event_id)
        return Refusal(reason, detail, a.raw, a.position, a.received_ms, member_id, event_id, a.skew_ms)


@dataclass(slots=True)
class Arrivals:
    """Some of the lines, all of them valid."""

    lines: Lines
    chosen: Ints
    """numbers of the lines, ascending"""

    def take(self, places: Ints) -> Arrivals:
        """Those at ``places``, ascending."""
        return self if len(places) == len(self.chosen) else Arrivals(self.lines, self.chosen[places])

    def arrival(self, place: int) -> Arrival:
        """One by itself."""
        return self.lines.arrival(int(self.chosen[place]))

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def events(self) -> list[Any]:
        """Typed events."""
        found = self.lines.decoded.events
        return found if len(found) == len(self.chosen) else [found[i] for i in self.chosen.tolist()]

    @property
    def raw(self) -> list[bytes]:
        """Lines as received."""
        found = self.lines.raw
        return found if len(found) == len(self.chosen) else [found[i] for i in self.chosen.tolist()]

    @property
    def at(self) -> Ints:
        """Instants, ms UTC."""
        return self.lines.decoded.at_ms[self.chosen]

    @property
    def hashes(self) -> NDArray[np.void]:
        """16 bytes each."""
        return self.lines.decoded.hashes[self.chosen]

    @property
    def number(self) -> Ints:
        """Numbers of the lines in their messages."""
        return self.lines.number[self.chosen]

    @property
    def message(self) -> Ints:
        """Numbers of the messages, for the columns of ``lines`` that have an entry a message."""
        return self.lines.message[self.chosen]


@dataclass(slots=True)
class _Messages:
    """Columns while they grow."""

    places: list[tuple[str, int]] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    skew: list[int] = field(default_factory=list)
    key: list[bytes | None] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)
    cut: dict[int, str] = field(default_factory=dict)
    """message → why its lines are not whole"""


def read(cluster: str, batches: Sequence[RecordBatch]) -> Lines:
    """Decode and validate all lines. Depends on nothing but their bytes and their first receipt."""
    found = _Messages()
    for batch in batches:
        found.places.append((batch.topic, batch.partition))
        _read_batch(found, batch)
    place, received, skew = (np.array(c, np.int64) for c in (found.place, found.received, found.skew))
    message = np.repeat(np.arange(len(found.count)), np.array(found.count, np.int64))
    number, offset = np.array(found.number, np.int64), np.array(found.offset, np.int64)
    empty = Decoded([], np.zeros(0, np.int64), np.zeros(0, "V16"), {})
    lines = Lines(
        cluster, found.places, place, offset, received, skew, found.raw, message, number, found.probes, empty, found.key
    )
    lines.decoded = decode_lines(lines.raw, lines.position, received[message], skew[message])
    if found.cut:
        for i, m in enumerate(message.tolist()):
            if detail := found.cut.get(m):
                lines.decoded.events[i] = None
                lines.decoded.refusals[i] = Refusal("too_large", detail, lines.raw[i], lines.position(i), 0)
    for i, refusal in lines.decoded.refusals.items():
        refusal.received_ms, refusal.skew_ms = int(received[message[i]]), int(skew[message[i]])
    return lines


def _read_batch(found: _Messages, batch: RecordBatch) -> None:
    place, partition = len(found.places) - 1, batch.partition
    for offset, stamp, key, value, headers in batch.records:
        received, skew = min(max(stamp, 0), LAST_RECEIPT), 0
        parts: Sequence[tuple[int, bytes]] | None = None
        if headers:
            by_name = dict(headers)
            received = _integer(by_name.get(RECEIVED_HEADER), received, 0, LAST_RECEIPT)
            skew = _integer(by_name.get(SKEW_HEADER), 0, -LARGEST_SKEW, LARGEST_SKEW)
            if probe := by_name.get(PROBE_HEADER):
                # Travels like an event and is nobody's: it only leaves the time at which its batch was visible.
                found.probes.append({"probe": probe.decode("ascii", "replace"), "partition": partition})
                parts = ()
            elif size := by_name.get(SIZE_HEADER):
                text = size.decode("ascii", "replace")
                found.cut[len(found.place)] = f"{text} bytes, at most {MAX_LINE_BYTES}; only its beginning is kept"
        found.place.append(place)
        found.offset.append(offset)
        found.received.append(received)
        found.skew.append(skew)
        found.key.append(key)
        if parts is None:
            parts = split_lines(value) if value else ()
        found.count.append(len(parts))
        for number, line in parts:
            found.number.append(number)
            found.raw.append(line)


def _integer(header: bytes | None, default: int, least: int, most: int) -> int:
    """A header's number. One that makes no sense is as good as none: it must not stop a partition."""
    try:
        found = int(header) if header is not None else default
    except ValueError:
        return default
    return found if least <= found <= most else default
