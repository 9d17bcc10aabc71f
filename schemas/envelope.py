"""What all events have in common: the envelope, and the types of fields."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

SCHEMA_VERSION = 1
"""Newest version this program reads; a newer one is rejected as ``unsupported_version``, retryable."""

MAX_MS = 2**40
"""Longest length, 34 years: sums over millions of events must fit 64 bits."""
MAX_SCORE = 1e6
"""Most points of one answer, for the same reason: they are summed in millionths."""
FIRST_YEAR, LAST_YEAR = 2000, 2100
ORGANISATION = "org:"
"""What stands before an organisation's id in ``member_id`` of anonymous events."""

Id = Annotated[str, Meta(min_length=1, max_length=64, description="opaque id, 1-64 characters")]
Text = Annotated[str, Meta(max_length=4096)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with offset, 2000-2100")]
Millis = Annotated[int, Meta(ge=0, le=MAX_MS, description="milliseconds")]
Beat = Annotated[int, Meta(gt=0, le=MAX_MS, description="milliseconds")]
Score = Annotated[float, Meta(ge=-MAX_SCORE, le=MAX_SCORE)]
MaxScore = Annotated[float, Meta(ge=0, le=MAX_SCORE)]


class Event(Struct, tag_field="event_type", kw_only=True, omit_defaults=True, gc=False):
    """What all events have in common."""

    event_id: Annotated[UUID, Meta(description="made by the producer; the same id means the same event")]
    member_id: Id
    course_id: Id
    occurred_at: Annotated[
        Moment, Meta(description="when it ended (study), was submitted (answer), was found wrong (error)")
    ]
    schema_version: Annotated[int, Meta(ge=1, description="additive only")] = SCHEMA_VERSION
    source: Annotated[Text | None, Meta(description="app and its version")] = None
    device_id: Annotated[Text | None, Meta(description="opaque id of the device")] = None
    sent_at: Annotated[Moment | None, Meta(description="client clock at the flush; not part of identity")] = None
    replaces: Annotated[UUID | None, Meta(description="takes that event back and stands for it")] = None
