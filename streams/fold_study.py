"""Study time of a local day as a pure function of a set of study facts. Integers (ms) throughout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.days import LocalDays

from .facts import Fact
from .rules import Rules


class Interval(NamedTuple):
    """A stretch of study ``[start, end)``; ``active`` is the reported time in focus, -1 where not reported."""

    start: int
    end: int
    course: str
    active: int
    event_id: int
    capped: bool


class DayStudy(NamedTuple):
    """Study on one day, of one course or over all."""

    study_ms: int
    overlap_ms: int
    active_ms: int
    open_ms: int
    sessions: int
    capped: int
    hour_ms: list[int]
    first: int | None
    last: int | None


NO_STUDY = DayStudy(0, 0, 0, 0, 0, 0, [0] * 24, None, None)


def intervals(facts: Iterable[Fact], rules: Rules) -> list[Interval]:
    """The intervals that study facts stand for, in order of start.

    An explicit interval without length counts nothing; one above ``longest_interval`` keeps its end. A
    heartbeat lasts until the next one of its device and session if that comes within ``beat_gap``, else
    one period (at most ``beat_gap``, so that a day's window stays bounded).
    """
    found: list[Interval] = []
    beats: dict[str, list[Fact]] = {}
    for f in facts:
        if f.beat:
            beats.setdefault(f.stream, []).append(f)
        elif f.at > f.start:
            start = max(f.start, f.at - rules.longest_interval)
            active = f.active if f.active < 0 else min(f.active, f.at - start)
            found.append(Interval(start, f.at, f.course, active, f.event_id, start > f.start))
    for stream in beats.values():
        stream.sort(key=lambda f: (f.at, f.event_id))
        for f, after in zip(stream, [*stream[1:], None], strict=True):
            length = min(f.beat, rules.beat_gap)
            if after is not None and after.at - f.at <= rules.beat_gap:
                length = after.at - f.at
            if length:
                active = f.active if f.active < 0 else min(f.active, length)
                found.append(Interval(f.at, f.at + length, f.course, active, f.event_id, False))
    found.sort()
    return found


def union(ordered: Iterable[Interval]) -> list[tuple[int, int]]:
    """Union of intervals sorted by start, as disjoint segments; touching ones are joined."""
    segments: list[tuple[int, int]] = []
    start = end = -1
    for i in ordered:
        if i.start > end or not segments:
            segments.append((i.start, i.end))
            start, end = i.start, i.end
        elif i.end > end:
            end = i.end
            segments[-1] = (start, end)
    return segments


def session_starts(segments: Sequence[tuple[int, int]], gap: int) -> list[int]:
    """Where sessions begin: a segment that starts more than ``gap`` after the one before ended."""
    starts, end = [], None
    for a, b in segments:
        if end is None or a - end > gap:
            starts.append(a)
        end = b
    return starts


def fold_day(ordered: Sequence[Interval], day: int, days: LocalDays, rules: Rules) -> DayStudy:
    """Study on local ``day`` of intervals sorted by start (those of the day's window suffice)."""
    lower, upper = days.bounds(day)
    segments = union(ordered)
    # Not all that lies around it: a day that the zone left out has no length, and nothing is on it.
    inside = [(max(a, lower), min(b, upper)) for a, b in segments if max(a, lower) < min(b, upper)]
    total = active = opened = capped = 0
    for i in ordered:
        part = min(i.end, upper) - max(i.start, lower)
        if part <= 0:
            continue
        total += part
        capped += i.capped and i.end <= upper
        if i.active >= 0:
            opened += part
            # Split over midnight in proportion; both parts round so that they sum to the whole.
            length, before = i.end - i.start, max(lower - i.start, 0)
            active += i.active * (before + part) // length - i.active * before // length
    study = sum(b - a for a, b in inside)
    sessions = sum(lower <= s < upper for s in session_starts(segments, rules.session_gap))
    first = inside[0][0] if inside else None
    last = inside[-1][1] if inside else None
    return DayStudy(study, total - study, active, opened, sessions, capped, _by_hour(inside, day, days), first, last)


def _by_hour(inside: Iterable[tuple[int, int]], day: int, days: LocalDays) -> list[int]:
    by_hour = [0] * 24
    hours = days.hours(day)
    for a, b in inside:
        for start, end, hour in hours:
            if start < b and end > a:
                by_hour[hour] += min(b, end) - max(a, start)
    return by_hour
