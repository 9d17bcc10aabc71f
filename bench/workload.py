"""Synthetic events for benchmarks: many members (Zipf), one evening, a mix of study, answers and errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import numpy as np

START_MS = 1_772_366_400_000
"""2026-03-01T20:00:00+08:00."""


def member(n: int) -> str:
    """Id of member number ``n``."""
    return f"m{n:07d}"


def body(i: int, m: int) -> bytes:
    """Event number ``i`` as a wire line of about 300 bytes: half study, 45 % answers, 5 % errors."""
    event = {
        "event_id": f"{i & 0xFFFFFFFF:08x}-0000-7000-8000-{i:012x}",
        "member_id": member(m),
        "course_id": f"course-{m % 20:02d}",
        "occurred_at": datetime.fromtimestamp((START_MS + i * 7) / 1000, UTC).isoformat(timespec="milliseconds"),
        "device_id": f"device-{m % 100_000:06d}",
        "source": "bench/1.0",
    }
    kind = i % 20
    if kind < 10:
        event |= {"event_type": "study", "duration_ms": 60_000, "active_ms": 50_000, "unit_id": "unit-1"}
        event |= {"session_id": f"session-{m:07d}"}
    elif kind < 19:
        event |= {"event_type": "answer", "question_id": f"q{(i * 7 + m) % 5000:05d}", "correct": i % 3 > 0}
        event |= {"duration_ms": 12_000, "response": "ABCD"[i % 4], "knowledge_points": ["kp-1"]}
    else:
        event |= {"event_type": "error", "question_id": f"q{((i - 1) * 7 + m) % 5000:05d}", "response": "B"}
    return msgspec.json.encode(event)


def messages(events: int, per_message: int, members: int, seed: int = 7) -> Iterator[tuple[str, list[bytes]]]:
    """``(member_id, lines)`` of ``events`` events in all; members by Zipf with exponent 1."""
    weights = 1 / np.arange(1, members + 1)
    count = events // per_message
    chosen = np.random.default_rng(seed).choice(members, count, p=weights / weights.sum())
    i = 0
    for m in chosen.tolist():
        yield member(m), [body(i + k, m) for k in range(per_message)]
        i += per_message
