"""What the events of further families count for, from the definitions: plain, sharing nothing with streams/.

One entry a family in each of ``FIELDS`` (in the order of the contract) and ``DEFINITIONS``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Protocol

Figures = dict[str, Any]


class Sent(Protocol):
    """One event that counts."""

    event: dict[str, Any]
    at: int


Definition = Callable[[Sequence[Sent], Callable[[int], date]], dict[date, Figures]]
"""From the events of one member and subject that count, by time (then id), to figures by local day."""

FIELDS: dict[str, list[str]] = {
    "attendance": ["session_id", "meeting", "method", "duration_ms", "make_up"],
    "reflection": ["reflection_id", "step"],
    "discussion": ["thread_id", "step", "question_id"],
    "contest": ["contest_id", "step", "questions", "limit_ms", "board"],
    "push": ["content_id", "step"],
    "service": ["request_id", "step"],
    "dues": ["due_id", "status"],
    "appraisal": ["appraisal_id", "stage"],
    "survey": ["item_id", "survey_id", "choice"],
    "improvement": (
        "improvement_id step target_org problem about from_org period_first period_last due action".split()
    ),
}
"""Fields of each family beyond the envelope; the first says what an event is about."""
DEFAULTS: dict[str, Any] = {"make_up": False, "question_id": "", "board": False, "about": "", "from_org": ""}


def ids(found: Sequence[Sent]) -> list[str]:
    return sorted(s.event["event_id"].lower() for s in found)


def times(found: Sequence[Sent], step: str, since: int = -(10**18)) -> list[int]:
    return sorted(s.at for s in found if s.event["step"] == step and s.at >= since)


def course(found: Sequence[Sent]) -> str:
    return next((s.event["course_id"] for s in found if s.event.get("course_id")), "")


def attendance(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """One attendance a day and session. Its length is the longest that is given, else the time from the first record
    to the last, unknown when that is nothing; the first record (then the smallest id) says what kind it was."""
    by_day: dict[date, list[Sent]] = defaultdict(list)
    for s in found:
        by_day[day_of(s.at)].append(s)
    result = {}
    for day, records in by_day.items():
        lengths = [s.event["duration_ms"] for s in records if s.event.get("duration_ms") is not None]
        result[day] = {
            "meeting": records[0].event["meeting"],
            "methods": sorted({s.event["method"] for s in records if s.event.get("method")}),
            "make_up": all(s.event.get("make_up", False) for s in records),
            "at": records[0].at,
            "duration_ms": max(lengths) if lengths else (records[-1].at - records[0].at) or None,
            "course_id": records[0].event.get("course_id", ""),
            "event_ids": ids(records),
        }
    return result


def reflection(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """One reflection, when it was first submitted; replied to if somebody replied then or later."""
    submitted = times(found, "submitted")
    at = submitted[0] if submitted else found[0].at
    replies = times(found, "replied", at) if submitted else []
    return {
        day_of(at): {
            "submitted": bool(submitted),
            "replied": bool(replies),
            "at": at,
            "reply_ms": replies[0] - at if replies else None,
            "course_id": course(found),
            "event_ids": ids(found),
        }
    }


def discussion(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """Contributions and replies, day by day."""
    result = {}
    for day in {day_of(s.at) for s in found}:
        those = [s for s in found if day_of(s.at) == day]
        result[day] = {
            "posted": len(times(those, "posted")),
            "replied": len(times(those, "replied")),
            "at": min(s.at for s in those),
            "course_id": course(those),
            "question_id": next((s.event["question_id"] for s in those if s.event.get("question_id")), ""),
            "event_ids": ids(those),
        }
    return result


def contest(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """Taking part, when it was entered first, until it was finished or the time allowed was over."""
    entered = times(found, "entered")
    at = entered[0] if entered else found[0].at
    ends = times(found, "finished", at)
    limits = [s.event["limit_ms"] for s in found if s.event.get("limit_ms") is not None]
    length = None
    if entered and ends:
        length = min([ends[0] - at, *limits])
    return {
        day_of(at): {
            "entered": True,
            "finished": bool(ends),
            "at": at,
            "duration_ms": length,
            "questions": next((s.event["questions"] for s in found if s.event.get("questions") is not None), None),
            "board": found[-1].event.get("board", False),
            "course_id": course(found),
            "event_ids": ids(found),
        }
    }


def push(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """One delivery; an opening proves it."""
    delivered = times(found, "delivered")
    at = delivered[0] if delivered else found[0].at
    said = {"delivered": True, "opened": bool(times(found, "opened")), "at": at}
    return {day_of(at): said | {"course_id": course(found), "event_ids": ids(found)}}


def service(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """One request, when it was opened; what came before that is no answer to it."""
    opened = times(found, "opened")
    at = opened[0] if opened else found[0].at
    answers, ends = (times(found, step, at) if opened else [] for step in ("answered", "closed"))
    return {
        day_of(at): {
            "opened": bool(opened),
            "answered": bool(answers),
            "closed": bool(ends),
            "at": at,
            "answer_ms": answers[0] - at if answers else None,
            "close_ms": ends[0] - at if ends else None,
            "course_id": course(found),
            "event_ids": ids(found),
        }
    }


def dues(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """The latest status, on the day of the first."""
    status = found[-1].event["status"]
    said = {"status": status, "owed": status in ("paid", "unpaid"), "paid": status == "paid", "at": found[-1].at}
    return {day_of(found[0].at): said | {"event_ids": ids(found)}}


def appraisal(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """Each stage on the first day on which it was completed."""
    firsts = {stage: min(day_of(s.at) for s in found if s.event["stage"] == stage) for stage in
              {s.event["stage"] for s in found}}  # fmt: skip
    result = {}
    for day in {day_of(s.at) for s in found}:
        stages = sorted(stage for stage, first in firsts.items() if first == day)
        those = [s for s in found if day_of(s.at) == day]
        result[day] = {"stages": stages, "completed": len(stages), "event_ids": ids(those)}
    return result


def survey(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """How often each option was chosen, day by day."""
    result = {}
    for day in {day_of(s.at) for s in found}:
        those = [s for s in found if day_of(s.at) == day]
        chosen = [s.event["choice"] for s in those]
        result[day] = {
            "survey_id": those[0].event["survey_id"],
            "choices": sorted(set(chosen)),
            "answers": [chosen.count(c) for c in sorted(set(chosen))],
            "event_ids": ids(those),
        }
    return result


def improvement(found: Sequence[Sent], day_of: Callable[[int], date]) -> dict[date, Figures]:
    """What was done, day by day; the first step of a day says what it is about."""
    result = {}
    for day in {day_of(s.at) for s in found}:
        those = [s for s in found if day_of(s.at) == day]
        about = {n: those[0].event.get(n, "") for n in ("from_org", "about", "period_first", "period_last")}
        result[day] = about | {
            "target_org": those[0].event["target_org"],
            "problem": those[0].event["problem"],
            "course_id": course(those),
            "steps": [s.event["step"] for s in those],
            "moments": [s.at for s in those],
            "dues": [s.event.get("due", "") for s in those],
            "actions": [s.event.get("action", "") for s in those],
            "event_ids": ids(those),
        }
    return result


DEFINITIONS: dict[str, Definition] = {
    "attendance": attendance,
    "reflection": reflection,
    "discussion": discussion,
    "contest": contest,
    "push": push,
    "service": service,
    "dues": dues,
    "appraisal": appraisal,
    "survey": survey,
    "improvement": improvement,
}
