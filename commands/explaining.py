"""Where a figure comes from: pure functions from a member's set of facts to the intervals and answers behind it.

They use the folds that made the figure and add up what they list by a way of their own, so that a list that does
not add up to the figure is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from schemas.errors import XuejingError
from streams.facts import STUDY, Fact
from streams.fold_study import DayStudy, Interval, fold_day, intervals, session_starts, union
from streams.member import MemberFacts
from streams.rules import Generation


class Unexplained(XuejingError):
    """What is listed does not add up to the figure in the store."""


class IntervalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One study event and what it adds to the day. Lengths in ms; moments as ms since the epoch, UTC.

    ``sent_*``: as the client said (with its clock corrected); ``start``/``end``: what counts of it on the day,
    None where nothing does. ``verdict``: counted, other_day (shown because it bears on when a session begins),
    dropped (without length), withdrawn, replaced_body (another body under the same id counts), other_course.
    ``new_ms`` is what it adds to the union, in order of start; ``merged_ms`` what others had covered before.
    """

    event_id: str
    course_id: str
    kind: str
    stream: str
    sent_start: int
    sent_end: int
    verdict: str
    start: int | None = None
    end: int | None = None
    counted_ms: int = 0
    new_ms: int = 0
    merged_ms: int = 0
    capped_ms: int = 0
    cut_at_midnight: bool = False
    taken_by: str = ""
    repeats: int = 0
    note_zh: str = ""
    note_en: str = ""


class StudyExplained(msgspec.Struct, frozen=True, kw_only=True):
    """A member's study time on one local day (of one course, or over all), interval by interval."""

    member_id: str
    day: str
    course_id: str
    timezone: str
    generation: int
    day_start: int
    day_end: int
    intervals: tuple[IntervalLine, ...]
    segments: tuple[tuple[int, int], ...]
    """the union on the day"""
    session_starts: tuple[int, ...]
    study_ms: int
    sum_ms: int
    overlap_ms: int
    sessions: int
    capped: int


def event_text(event_id: int) -> str:
    """An id as it is written in events."""
    return str(UUID(int=event_id))


def explain_study(
    facts: MemberFacts,
    member_id: str,
    day: int,
    generation: Generation,
    course: str = "",
    repeats: Mapping[int, int] | None = None,
) -> StudyExplained:
    """Every study event that bears on local ``day`` (days since 1970-01-01), and the totals that follow.

    ``repeats``: event id → how often it was delivered again. Raises Unexplained when the lines do not add up
    to the fold's figures.
    """
    _, index = facts.index[generation.number]
    bodies = [f for i in sorted(index.study.get(day, ())) for f in facts.bodies[i] if f.kind == STUDY]
    live = [f for f in bodies if facts.counts(f)]
    # A beat ends where the next of its session begins, whatever its course: filter afterwards.
    ordered = [i for i in intervals(live, generation.rules) if course in ("", i.course)]
    folded = fold_day(ordered, day, generation.days, generation.rules)
    bounds = generation.days.bounds(day)
    lines = _lines(facts, bodies, ordered, bounds, course, repeats or {})
    segments = union(ordered)
    inside = tuple((max(a, bounds[0]), min(b, bounds[1])) for a, b in segments if a < bounds[1] and b > bounds[0])
    starts = session_starts(segments, generation.rules.session_gap)
    found = StudyExplained(
        member_id=member_id,
        day=generation.days.date_of(bounds[0]).isoformat(),
        course_id=course,
        timezone=generation.days.name,
        generation=generation.number,
        day_start=bounds[0],
        day_end=bounds[1],
        intervals=lines,
        segments=inside,
        session_starts=tuple(s for s in starts if bounds[0] <= s < bounds[1]),
        study_ms=sum(line.new_ms for line in lines),
        sum_ms=sum(line.counted_ms for line in lines),
        overlap_ms=sum(line.merged_ms for line in lines),
        sessions=sum(bounds[0] <= s < bounds[1] for s in starts),
        capped=folded.capped,
    )
    _same("the fold", found, folded)
    return found


def _same(where: str, found: StudyExplained, folded: DayStudy) -> None:
    listed = found.study_ms, found.overlap_ms, found.sessions
    if listed != (folded.study_ms, folded.overlap_ms, folded.sessions):
        raise Unexplained(f"the intervals give {listed}, {where} {folded[:2]} and {folded.sessions} sessions")


def check_against(found: StudyExplained, row: Mapping[str, Any] | None) -> None:
    """Raise Unexplained unless the totals equal the ``member_day`` row (None: there is none, so all must be 0)."""
    names = ("study_ms", "overlap_ms", "sessions", "capped")
    stored = tuple(int(row[n]) if row else 0 for n in names)
    listed = tuple(getattr(found, n) for n in names)
    if listed != stored:
        raise Unexplained(
            f"the archive gives {dict(zip(names, listed, strict=True))}, member_day has "
            f"{dict(zip(names, stored, strict=True))}",
            where=f"{found.member_id} {found.day} {found.course_id or 'all courses'}",
            hint="is a worker behind? wait until it has caught up; else run `xuejing reconcile`",
        )


def _lines(
    facts: MemberFacts,
    bodies: Sequence[Fact],
    ordered: Sequence[Interval],
    bounds: tuple[int, int],
    course: str,
    repeats: Mapping[int, int],
) -> tuple[IntervalLine, ...]:
    by_id = {f.event_id: f for f in bodies if facts.counts(f)}
    lines: list[tuple[tuple[int, int], IntervalLine]] = []
    reached = bounds[0]
    counted: set[int] = set()
    for i in ordered:
        fact = by_id[i.event_id]
        counted.add(i.event_id)
        start, end = max(i.start, bounds[0]), min(i.end, bounds[1])
        inside = start < end
        new = max(0, end - max(start, reached)) if inside else 0
        reached = max(reached, end) if inside else reached
        line = _line(
            fact,
            "counted" if inside else "other_day",
            repeats,
            start=start if inside else None,
            end=end if inside else None,
            counted_ms=end - start if inside else 0,
            new_ms=new,
            merged_ms=end - start - new if inside else 0,
            capped_ms=i.start - fact.start if i.capped else 0,
            cut_at_midnight=inside and (i.start < bounds[0] or i.end > bounds[1]),
            length=i.end - i.start,
        )
        lines.append(((i.start, i.event_id), line))
    for f in bodies:
        if f.event_id in counted and facts.counts(f):
            continue
        verdict, taker = "dropped", ""
        if facts.bodies[f.event_id][0] is not f:
            verdict = "replaced_body"
        elif facts.taken(f.event_id):
            takers = [t for t in facts.takers[f.event_id] if facts.bodies[t.event_id][0] is t]
            verdict, taker = "withdrawn", event_text(min(t.event_id for t in takers))
        elif course not in ("", f.course):
            verdict = "other_course"
        lines.append(((f.start, f.event_id), _line(f, verdict, repeats, taken_by=taker)))
    return tuple(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def _line(fact: Fact, verdict: str, repeats: Mapping[int, int], *, length: int = 0, **values: Any) -> IntervalLine:
    zh, en = _notes(fact, verdict, length, values)
    return IntervalLine(
        event_id=event_text(fact.event_id),
        course_id=fact.course,
        kind="heartbeat" if fact.beat else "interval",
        stream=fact.stream.replace("\0", "/"),
        sent_start=fact.start,
        sent_end=fact.at,
        verdict=verdict,
        repeats=repeats.get(fact.event_id, 0),
        note_zh=zh,
        note_en=en,
        **values,
    )


_VERDICTS = {
    "other_day": ("不在当日，只影响学习次数的划分", "not on this day; bears on where a session begins"),
    "dropped": ("没有时长，不计", "without length, not counted"),
    "withdrawn": ("已撤回或被替换，不计", "taken back or replaced, not counted"),
    "replaced_body": ("同一编号有另一内容，以另一内容为准", "another body under the same id counts"),
    "other_course": ("属于其他课程", "belongs to another course"),
}


def _notes(fact: Fact, verdict: str, length: int, values: Mapping[str, Any]) -> tuple[str, str]:
    if verdict != "counted":
        return _VERDICTS[verdict]
    zh, en = [], []
    if fact.beat:
        kept = length > fact.beat or length != fact.beat
        zh.append(f"心跳：到下一次为止 {length / 1000:g} 秒" if kept else f"心跳：计一个周期 {length / 1000:g} 秒")
        en.append(f"beat: {length / 1000:g} s to the next" if kept else f"beat: one period of {length / 1000:g} s")
    if values.get("capped_ms"):
        zh.append(f"超过 4 小时，略去前 {values['capped_ms'] / 60000:g} 分钟")
        en.append(f"above 4 h, the first {values['capped_ms'] / 60000:g} min left out")
    if values.get("cut_at_midnight"):
        zh.append("跨零点，只计当日部分")
        en.append("cut at midnight")
    if values.get("merged_ms"):
        zh.append(f"与其他区间重叠 {values['merged_ms'] / 1000:g} 秒，只计一次")
        en.append(f"{values['merged_ms'] / 1000:g} s overlap with others, counted once")
    return "；".join(zh), "; ".join(en)


def moment(ms: int | None, generation: Generation) -> str:
    """Local clock time of an instant, with its day and offset; '' for None."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, generation.days.zone).isoformat(timespec="milliseconds")
