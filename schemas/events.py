"""The wire contract: what a client app may put on the topic ``xuejing.events``.

One frozen-by-convention struct per event type, told apart by ``event_type``. A Kafka message holds one
event as UTF-8 JSON, or several of one member as NDJSON; its key is ``member_id``. Fields that start with
``x_`` are private to the sender: they stay in the archived body and mean nothing here.

Further families of events are declared in ``families/`` (see docs/event-families.md).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union
from uuid import UUID

from msgspec import Meta

from .envelope import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_MS,
    MAX_SCORE,
    SCHEMA_VERSION,
    Beat,
    Event,
    Id,
    MaxScore,
    Millis,
    Score,
    Text,
)
from .families import ANONYMOUS, FAMILIES, Attendance

__all__ = [
    "EVENT_TYPES",
    "FIRST_YEAR",
    "LAST_YEAR",
    "MAX_MS",
    "MAX_SCORE",
    "SCHEMA_VERSION",
    "TAGS",
    "Answer",
    "AnyEvent",
    "Attendance",
    "Error",
    "Event",
    "Study",
    "Withdraw",
    "check",
]

ErrorKind = Annotated[str, Meta(pattern="^(knowledge|careless|misread|other)$")]


class Study(Event, tag="study", kw_only=True, omit_defaults=True, gc=False):
    """An interval of study ``[occurred_at - duration_ms, occurred_at)``, or a heartbeat."""

    duration_ms: Annotated[Millis | None, Meta(description="length of the interval")] = None
    beat_ms: Annotated[
        Beat | None,
        Meta(description="a heartbeat: extends forward by the gap rule; needs device_id and session_id"),
    ] = None
    active_ms: Annotated[Millis | None, Meta(description="part of the interval in focus and not idle")] = None
    unit_id: Annotated[Id | None, Meta(description="unit of the course")] = None
    session_id: Annotated[Id | None, Meta(description="client session that a heartbeat belongs to")] = None


class Answer(Event, tag="answer", kw_only=True, omit_defaults=True, gc=False):
    """A submitted answer, graded or not."""

    question_id: Annotated[Id, Meta(description="unique over all courses")]
    correct: Annotated[bool | None, Meta(description="null: not graded yet")]
    exam_id: Annotated[Id | None, Meta(description="absent: practice")] = None
    attempt: Annotated[int, Meta(ge=1, le=1_000_000, description="which try at the exam or question")] = 1
    duration_ms: Annotated[Millis | None, Meta(description="time spent on the question")] = None
    response: Annotated[Text | list[Text] | None, Meta(description="chosen option or options")] = None
    score: Annotated[Score | None, Meta(description="points given; absent: 1 of 1 when right, else 0")] = None
    max_score: Annotated[MaxScore | None, Meta(description="points possible; absent: 1")] = None
    knowledge_points: Annotated[list[Id] | None, Meta(description="else from the catalogue")] = None


class Error(Event, tag="error", kw_only=True, omit_defaults=True, gc=False):
    """An answer was found wrong, possibly days after it was given."""

    question_id: Annotated[Id, Meta(description="unique over all courses")]
    exam_id: Annotated[Id | None, Meta(description="absent: practice")] = None
    attempt: Annotated[int, Meta(ge=1, le=1_000_000, description="which try at the exam or question")] = 1
    response: Annotated[Text | list[Text] | None, Meta(description="what was answered")] = None
    knowledge_points: Annotated[list[Id] | None, Meta(description="else from the catalogue")] = None
    answer_id: Annotated[UUID | None, Meta(description="the answer event that it belongs to")] = None
    expected: Annotated[Text | None, Meta(description="the right answer")] = None
    kind: Annotated[ErrorKind | None, Meta(description="kind of error")] = None


class Withdraw(Event, tag="withdraw", kw_only=True, omit_defaults=True, gc=False):
    """Takes an event of the same member back, also when it arrives first."""

    target_event_id: Annotated[UUID, Meta(description="the event that is taken back")]
    course_id: Annotated[str, Meta(max_length=64, description="course of that event, if it has one")] = ""
    reason: Annotated[str, Meta(min_length=1, max_length=4096, description="why, for the record")]


EVENT_TYPES: tuple[type[Event], ...] = (Study, Answer, Error, Withdraw, *(f.event for f in FAMILIES.values()))
if TYPE_CHECKING:
    AnyEvent: TypeAlias = Event
else:
    AnyEvent = Union[EVENT_TYPES]  # noqa: UP007 - one type of all of them, however many are declared
TAGS: tuple[str, ...] = tuple(str(t.__struct_config__.tag) for t in EVENT_TYPES)


def _half_hour(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def check(event: Any) -> tuple[str, object, str] | None:
    """Rules that span fields. Returns ``(field, value, rule)`` of the first broken one, else None."""
    year = event.occurred_at.year
    # The edges of the range in another zone would leave it in UTC: keep one year of margin inside datetime.
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return "occurred_at", event.occurred_at.isoformat(), f"must lie in {FIRST_YEAR}-{LAST_YEAR}"
    if event.replaces is not None and event.replaces == event.event_id:
        return "replaces", str(event.replaces), "must name another event"
    kind = type(event)
    if kind is Study:
        if (event.duration_ms is None) == (event.beat_ms is None):
            return "duration_ms", event.duration_ms, "exactly one of duration_ms and beat_ms is required"
        if event.beat_ms is not None:
            for name in ("device_id", "session_id"):
                if not getattr(event, name):
                    return name, getattr(event, name), "is required with beat_ms"
    elif kind in ANONYMOUS and event.occurred_at != _half_hour(event.occurred_at):
        return "occurred_at", event.occurred_at.isoformat(), "must be rounded to the half hour: it is anonymous"
    elif kind is Withdraw and event.target_event_id == event.event_id:
        return "target_event_id", str(event.target_event_id), "must name another event"
    return None
