"""From events to flushes: batching, offline queues, retries, and the lines that a collector has to reject."""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import Any

import msgspec

from producers.simulate.clock import DAY_MS, HOUR_MS, MINUTE_MS, Stamper, instant
from producers.simulate.model import Flush, Messiness
from producers.simulate.roster import unknown_member_id
from producers.simulate.state import MemberState

Event = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_FLUSH_LINES = 12
_OFFLINE_LINES = 40
_FLUSH_SPAN_MS = 10 * MINUTE_MS
_HI62 = 1 << 63
_LO62 = (1 << 62) - 1


def event_id(ms: int, rng: Random) -> str:
    """A version 7 UUID from the moment and the generator's bits."""
    bits = rng.getrandbits(74)
    when, low = f"{ms:012x}", f"{_HI62 | bits & _LO62:016x}"
    return f"{when[:8]}-{when[8:]}-7{bits >> 62:03x}-{low[:4]}-{low[4:]}"


class Outbox:
    """Flushes on their way; ``due(now)`` hands over those received by then, in order of receipt."""

    def __init__(self, messiness: Messiness, stamp: Stamper, seed: int) -> None:
        self._messiness, self._stamp, self._seed = messiness, stamp, seed
        self._pending: list[tuple[int, int, Flush]] = []
        self._count = 0
        m = messiness
        self._spoilers = (m.malformed, m.unknown_member, m.future, m.conflict)
        self._spoil = sum(self._spoilers)

    def send(
        self,
        member: MemberState,
        events: list[tuple[int, Event]],
        rng: Random,
        *,
        device: str = "",
        lag: int = 0,
    ) -> None:
        """Queue events, given as (true time in ms, event) in order of time, as flushes of one client.

        ``lag`` is how long the client was offline after its last event. Without a device the sender is a
        server: no client clock, one flush an event.
        """
        size = _OFFLINE_LINES if lag else _FLUSH_LINES if device else 1
        offline_at = events[-1][0] + lag if events else 0
        begin = 0
        while begin < len(events):
            end, limit = begin + 1, events[begin][0] + (_FLUSH_SPAN_MS if not lag else DAY_MS)
            while end < len(events) and end - begin < size and events[end][0] <= limit:
                end += 1
            sent = (offline_at + 400 * (begin // size) if lag else events[end - 1][0]) + int(rng.random() * 210) + 40
            latency = int(rng.random() * 150) + 30
            if member.traits.fixed_latency:
                latency = 120  # a constant delay makes the estimate of a large skew the same at every flush
            group = [event for _, event in events[begin:end]]
            if device and self._messiness.sent_at:
                text = self._stamp(sent + member.traits.skew_ms)
                for event in group:
                    event["sent_at"] = text
            self._deliver(member.member_id, group, sent + latency, rng)
            begin = end

    def _deliver(self, member_id: str, group: list[Event], received: int, rng: Random) -> None:
        lines = [_encode(event) for event in group]
        spoiled: tuple[tuple[int, str], ...] = ()
        chance = rng.random()
        if chance < self._messiness.duplicate:
            again = rng.choice((5_000, 40_000, 3 * HOUR_MS, 26 * HOUR_MS)) + int(rng.random() * MINUTE_MS)
            # A client that lost an acknowledgement sends the same bytes again, sometimes only what it kept.
            first = 0 if rng.random() < 0.7 else int(rng.random() * len(lines))
            self._push(received + again, Flush(member_id, instant(received + again), lines[first:]))
        elif chance < self._messiness.duplicate + self._spoil * len(lines):
            cause = rng.choices(("malformed", "unknown_member", "future", "conflict"), self._spoilers)[0]
            if cause == "unknown_member":
                self._stranger(group[0], received, rng)
            elif cause == "conflict":
                other = dict(group[0], source="xuejing-app/2.2.0", x_retry=1)
                later = received + 1_000 + int(rng.random() * HOUR_MS)
                self._push(later, Flush(member_id, instant(later), [_encode(other)], ((0, "conflict"),)))
            else:
                line, cause = _spoil(group[-1], cause, rng, received)
                spoiled = ((len(lines), cause),)
                lines.append(line)
        self._push(received, Flush(member_id, instant(received), lines, spoiled))

    def _stranger(self, sample: Event, received: int, rng: Random) -> None:
        stranger = unknown_member_id(self._seed, rng.randrange(3))
        event: Event = dict(sample, event_id=event_id(received, rng), member_id=stranger)
        for absent in ("device_id", "replaces", "answer_id", "target_event_id", "sent_at"):
            event.pop(absent, None)
        if event["event_type"] != "answer":
            event = {k: event[k] for k in ("event_id", "member_id", "course_id", "occurred_at")}
            event |= {"event_type": "study", "duration_ms": 60_000 * rng.randrange(2, 20)}
        self._push(
            received + 700,
            Flush(stranger, instant(received + 700), [_encode(event)], ((0, "unknown_member"),)),
        )

    def _push(self, received: int, flush: Flush) -> None:
        self._count += 1
        heappush(self._pending, (received, self._count, flush))

    def due(self, now: int | None) -> list[Flush]:
        """Flushes received before ``now`` (epoch ms); all that are left when it is None."""
        out: list[Flush] = []
        pending = self._pending
        while pending and (now is None or pending[0][0] < now):
            out.append(heappop(pending)[2])
        return out


def _spoil(sample: Event, cause: str, rng: Random, received: int) -> tuple[bytes, str]:
    """A line that the contract refuses, made from a good one, and what is wrong with it."""
    event: Event = {
        "event_id": event_id(received, rng),
        "event_type": "study",
        "member_id": sample["member_id"],
        "course_id": sample["course_id"],
        "occurred_at": sample["occurred_at"],
        "source": sample.get("source", "xuejing-app/2.2.0"),
        "duration_ms": 60_000 * rng.randrange(1, 15),
    }
    if cause == "future":
        event["occurred_at"] = "2099-06-01" + str(event["occurred_at"])[10:]
        return _encode(event), "from_the_future"
    kind = rng.choice(
        (
            "truncated",
            "no_course",
            "negative_duration",
            "unknown_type",
            "newer_schema",
            "no_offset",
            "bad_uuid",
            "not_utf8",
        )
    )
    match kind:
        case "truncated":
            return _encode(event)[: rng.randrange(20, 120)], kind
        case "no_course":
            del event["course_id"]
        case "negative_duration":
            event["duration_ms"] = -event["duration_ms"]
        case "unknown_type":
            event["event_type"] = "stduy"
        case "newer_schema":
            event["schema_version"] = 99
        case "no_offset":
            event["occurred_at"] = str(event["occurred_at"])[:19]
        case "bad_uuid":
            event["event_id"] = f"evt-{rng.randrange(10**8):08d}"
        case _:
            return _encode(event).replace(b"xuejing", "学镜".encode("gb18030")), kind
    return _encode(event), kind
