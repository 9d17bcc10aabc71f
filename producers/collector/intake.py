"""A verdict for each event of a flush: the decoder's, then whose it is and what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from schemas.decode import REASONS, Arrival, Position, decode_line, epoch_ms
from schemas.decode_many import decode_lines
from schemas.events import Withdraw
from schemas.families import FAMILIES

from .keys import App

MANY = 16
"""From so many events on, decoding them as columns is faster."""
NOWHERE = Position("", "", 0, 0, 0)

RECORDED = frozenset({Withdraw, *(f.event for f in FAMILIES.values() if not f.from_members)})
"""Events that only programs on servers may send: what an organisation records of its members, and what takes an event
back, as that may be a wrong answer or such a record."""
STEPS: dict[type, frozenset[str]] = {f.event: f.steps_of_others for f in FAMILIES.values() if f.steps_of_others}
"""Of other events the steps that are not the member's."""
HERE: dict[str, tuple[str, bool]] = {
    "other_member": ("the token is another member's", False),
    "for_servers": ("with a member's token nothing is taken back and nothing said that organisations record", False),
    "course_not_allowed": ("the app key is not for this course", False),
}
"""Reasons that only the collector knows → text, whether the same bytes may pass later."""


class Message(msgspec.Struct, array_like=True, gc=False):
    """Events of one member on their way to Kafka: NDJSON, with what was found out at the receipt."""

    member: str
    received_ms: int
    skew_ms: int
    value: bytes


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one event, in the order of the request."""

    status: str
    event_id: str = ""
    reason: str = ""
    detail: str = ""
    retryable: bool = False


class Head(msgspec.Struct):
    """What an event says of its flush."""

    device_id: str | None = None
    sent_at: datetime | None = None


_head = msgspec.json.Decoder(Head).decode


def clock_of(line: bytes, sent_at: datetime | None) -> tuple[str, int | None]:
    """Device and the time of sending (ms UTC) of a flush, from its first event where the request does not say."""
    try:
        head = _head(line)
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        head = Head()  # the decoder tells what is wrong with it
    sent = sent_at or head.sent_at
    if sent is None or sent.tzinfo is None or not 1970 < sent.year < 9999:
        return head.device_id or "", None
    return head.device_id or "", epoch_ms(sent)


def judge(
    lines: Sequence[bytes], app: App, member: str | None, received_ms: int, skew_ms: int
) -> tuple[list[Result], list[Message]]:
    """Results by event, and what is to be kept. ``member`` None: the sender may speak for all."""
    results: list[Result] = []
    groups: dict[str, list[bytes]] = {}
    every_course = "*" in app.courses
    for line, verdict in zip(lines, _verdicts(lines, received_ms, skew_ms), strict=True):
        if not isinstance(verdict, tuple):
            event = verdict
            if member is not None and event.member_id != member:
                verdict = ("other_member", "", str(event.event_id))
            elif member is not None and _for_servers(event):
                verdict = ("for_servers", "", str(event.event_id))
            elif not every_course and event.course_id and not app.allows_course(event.course_id):
                verdict = ("course_not_allowed", "", str(event.event_id))
            else:
                results.append(Result("accepted", str(event.event_id)))
                groups.setdefault(event.member_id, []).append(line)
                continue
        reason, detail, event_id = verdict
        text, again = HERE[reason] if reason in HERE else ("", REASONS[reason][2])
        results.append(Result("rejected", event_id, reason, detail or text, again))
    return results, [Message(m, received_ms, skew_ms, b"\n".join(found)) for m, found in groups.items()]


def _for_servers(event: Any) -> bool:
    """Whether it is not for a member's own page to send."""
    kind = type(event)
    return kind in RECORDED or event.replaces is not None or (kind in STEPS and event.step in STEPS[kind])


def _verdicts(lines: Sequence[bytes], received_ms: int, skew_ms: int) -> list[Any]:
    """The event, or (reason, detail, event id) of its refusal, by line."""
    if len(lines) < MANY:
        found = [decode_line(line, NOWHERE, received_ms, skew_ms) for line in lines]
        return [f.event if isinstance(f, Arrival) else (f.reason, f.detail, f.event_id) for f in found]
    many = decode_lines(
        lines,
        lambda _: NOWHERE,
        np.full(len(lines), received_ms, np.int64),
        np.full(len(lines), skew_ms, np.int64),
    )
    verdicts: list[Any] = many.events
    for i, f in many.refusals.items():
        verdicts[i] = (f.reason, f.detail, f.event_id)
    return verdicts
