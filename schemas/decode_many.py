"""Many lines at once: what ``decode_line`` says of each of them, at a fraction of the time.

Lines that are plainly valid – by a condition that is stricter than the contract – are decoded here; each other one is
asked of ``decode_line``, which alone defines what is valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .decode import FUTURE_MS, MAX_LINE_BYTES, Arrival, Position, Refusal, decode_line, epoch_us, event_decoder
from .events import FIRST_YEAR, LAST_YEAR, SCHEMA_VERSION, Answer, Error, Study

PLAIN_TYPES = (Study, Answer, Error)
"""Types of which all rules are checked here; an event of another family is asked of ``decode_line``."""
_BACKSLASH = ord("\\")
# A day inside the range, so that the year is right in every zone.
_EARLIEST = epoch_us(datetime(FIRST_YEAR, 1, 2, tzinfo=UTC))
_LATEST = epoch_us(datetime(LAST_YEAR, 12, 31, tzinfo=UTC))


@dataclass(slots=True)
class Decoded:
    """Verdicts by line number. Where a line is refused, its entries in the columns mean nothing."""

    events: list[Any]
    """the event, or None for a refused line"""
    at_ms: NDArray[np.int64]
    hashes: NDArray[np.void]
    """16 bytes each"""
    refusals: dict[int, Refusal]


def decode_lines(
    lines: Sequence[bytes],
    position: Callable[[int], Position],
    received_ms: NDArray[np.int64],
    skew_ms: NDArray[np.int64],
) -> Decoded:
    """``decode_line`` of each line; ``position`` gives the position of a line by its number."""
    events, others = _decode(lines)
    plain, moments = _plain(events, lines, others)
    digests: list[bytes] = [bytes(16)] * len(lines)
    at = np.zeros(len(lines), np.int64)
    micros = [epoch_us(m) for m in moments]
    for i, digest in zip(plain, _hashes([events[i] for i in plain], micros), strict=True):
        digests[i] = digest
    chosen = np.array(plain, np.intp)
    us = np.array(micros, np.int64)
    at[chosen] = us // 1000 + skew_ms[chosen]
    doubtful = (us < _EARLIEST) | (us >= _LATEST) | (at[chosen] > received_ms[chosen] + FUTURE_MS)
    refusals: dict[int, Refusal] = {}
    for i in (*others, *chosen[doubtful].tolist()):
        found = decode_line(lines[i], position(i), int(received_ms[i]), int(skew_ms[i]))
        if isinstance(found, Arrival):
            events[i], at[i], digests[i] = found.event, found.at_ms, found.body_hash
        else:
            events[i] = None
            refusals[i] = found
    hashes = np.frombuffer(b"".join(digests), np.dtype("V16"))
    return Decoded(events, at, hashes, refusals)


def _decode(lines: Sequence[bytes]) -> tuple[list[Any], list[int]]:
    """Events by line, and the numbers of the lines that gave none."""
    decode = event_decoder.decode
    events: list[Any] = []
    others: list[int] = []
    longest = max(map(len, lines), default=0)
    for line in lines:
        try:
            if longest > MAX_LINE_BYTES and len(line) > MAX_LINE_BYTES:
                raise ValueError
            events.append(decode(line))
        except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
            # Not an error swallowed: ``decode_line`` is asked why.
            others.append(len(events))
            events.append(None)
    return events, others


def _plain(events: Sequence[Any], lines: Sequence[bytes], others: list[int]) -> tuple[list[int], list[datetime]]:
    """Numbers and moments of the events that break no rule, but for those of time; the rest goes to ``others``."""
    plain: list[int] = []
    moments: list[datetime] = []
    for i, event in enumerate(events):
        if event is None:
            continue
        kind = type(event)
        if (
            kind not in PLAIN_TYPES
            or event.replaces is not None
            or event.schema_version > SCHEMA_VERSION
            or _BACKSLASH in lines[i]
        ):
            others.append(i)
            continue
        if kind is Study and (
            (event.duration_ms is None) == (event.beat_ms is None)
            or (event.beat_ms is not None and not (event.device_id and event.session_id))
        ):
            others.append(i)
            continue
        plain.append(i)
        moments.append(event.occurred_at)
    return plain, moments


def _hashes(events: Sequence[Any], micros: Sequence[int]) -> list[bytes]:
    """``body_hash`` of each: the canonical form is that of ``canonical``, of all at once."""
    kept = [(event.occurred_at, event.sent_at) for event in events]
    for event, us in zip(events, micros, strict=True):
        event.occurred_at = us
        event.sent_at = None
    try:
        # One event a line: JSON has no bare line break.
        forms = _encoder.encode_lines(events).split(b"\n")
    finally:
        for event, (moment, sent) in zip(events, kept, strict=True):
            event.occurred_at, event.sent_at = moment, sent
    sha256 = hashlib.sha256
    return [sha256(form).digest()[:16] for form in forms[: len(events)]]


_encoder = msgspec.json.Encoder()
