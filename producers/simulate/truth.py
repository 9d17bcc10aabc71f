"""What an estimate should find: the parameters that were drawn, and exact study time and line counts.

Study time is computed here a second time, from the lines alone and in the plainest way, so that it can be
held against the pipeline's figures; it shares no code with the folds.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from producers.simulate.clock import midnight_ms
from producers.simulate.engine import Simulation
from producers.simulate.life import HAPPENINGS
from producers.simulate.model import Flush, Scenario

_CAP_MS = 4 * 3_600_000
_BEAT_GAP_MS = 120_000
_SKEW_TOLERANCE_MS = 2_000
_SKEW_WINDOW = 20
# What a collector calls the causes that have no name of their own there.
_REASONS = {
    "truncated": "malformed",
    "not_utf8": "malformed",
    "no_course": "invalid",
    "negative_duration": "invalid",
    "no_offset": "invalid",
    "bad_uuid": "invalid",
    "newer_schema": "unsupported_version",
}
Interval = tuple[int, int]
Truth = dict[str, Any]


def truth(scenario: Scenario) -> Truth:
    """Run the scenario and return its truth (see ``TruthCollector.result``); keeps study events in memory."""
    run = Simulation(scenario)
    collector = TruthCollector(scenario)
    for flush in run.flushes():
        collector.add(flush)
    return collector.result(run)


class TruthCollector:
    """Takes every flush in order of receipt, then states what is true of them."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._study: dict[str, tuple[str, str, str, int, int, int]] = {}
        self._types: dict[str, str] = {}
        self._gone: set[str] = set()
        self._attended: dict[str, tuple[str, str, str]] = {}
        self._happened: dict[str, tuple[str, str]] = {}
        self._skews: dict[tuple[str, str], deque[int]] = defaultdict(lambda: deque(maxlen=_SKEW_WINDOW))
        self._counts: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()

    def add(self, flush: Flush) -> None:
        """Count the lines of a flush and remember its study events."""
        spoiled = dict(flush.spoiled)
        received = _ms(flush.received_at)
        shift: dict[str, int] = {}
        for number, line in enumerate(flush.lines):
            self._counts["lines"] += 1
            if number in spoiled:
                self._counts["rejected"] += 1
                self._causes[spoiled[number]] += 1
                continue
            event = json.loads(line)
            device = event.get("device_id", "")
            if "sent_at" in event and device not in shift:
                window = self._skews[event["member_id"], device]
                window.append(received - _ms(datetime.fromisoformat(event["sent_at"])))
                shift[device] = min(window) if abs(min(window)) > _SKEW_TOLERANCE_MS else 0
            self._valid(event, shift.get(device, 0))

    def _valid(self, event: Mapping[str, Any], shift: int) -> None:
        self._counts["valid"] += 1
        ident = event["event_id"]
        if ident in self._types:
            self._counts["duplicates"] += 1
            return
        self._types[ident] = event["event_type"]
        for field in ("target_event_id", "replaces"):
            if field in event:
                self._gone.add(event[field])
        if event["event_type"] == "attendance":
            # The local day is the one that the text names: times carry the scenario's own offset.
            self._attended[ident] = (event["member_id"], event["occurred_at"][:10], event["session_id"])
        if event["event_type"] in HAPPENINGS:
            self._happened[ident] = event["event_type"], event["member_id"]
        if event["event_type"] == "study":
            at = _ms(datetime.fromisoformat(event["occurred_at"])) + shift
            beats = (f"{event['device_id']}/{event['session_id']}", event["beat_ms"]) if "beat_ms" in event else ("", 0)
            self._study[ident] = (
                event["member_id"],
                event["course_id"],
                beats[0],
                at,
                event.get("duration_ms", 0),
                beats[1],
            )

    def result(self, run: Simulation) -> Truth:
        """The truth as plain JSON values.

        ``members`` by id: parameters and ``mastery`` at the end (knowledge point → bool, only points met);
        ``items``, ``knowledge_points``, ``exams`` by id; ``study_ms`` by member and local day (union over
        courses and devices); ``study_ms_by_course`` by member, course and day; ``attendance`` by member: [local day,
        session]; ``happened`` by further family and member: events that count; ``events``: counts of lines.
        """
        overall: dict[str, list[Interval]] = defaultdict(list)
        courses: dict[tuple[str, str], list[Interval]] = defaultdict(list)
        for member, course, interval in self._intervals():
            overall[member].append(interval)
            courses[member, course].append(interval)
        by_course: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
        for (member, course), intervals in sorted(courses.items()):
            by_course[member][course] = self._days(intervals)
        return {
            **_parameters(run),
            "study_ms": {member: self._days(intervals) for member, intervals in sorted(overall.items())},
            "study_ms_by_course": dict(by_course),
            "attendance": self._attendance(),
            "happened": self._families(),
            "events": {
                **{name: self._counts[name] for name in ("lines", "valid", "rejected", "duplicates")},
                "distinct": len(self._types),
                "taken_back": len(self._gone & self._types.keys()),
                "by_type": dict(sorted(Counter(self._types.values()).items())),
                "rejected_by_cause": dict(sorted(self._causes.items())),
                "rejected_by_reason": dict(sorted(self._reasons().items())),
            },
        }

    def _attendance(self) -> dict[str, list[list[str]]]:
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for ident, (member, day, session) in self._attended.items():
            if ident not in self._gone:
                found[member].add((day, session))
        return {member: [list(pair) for pair in sorted(pairs)] for member, pairs in sorted(found.items())}

    def _families(self) -> dict[str, dict[str, int]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for ident, (family, member) in self._happened.items():
            if ident not in self._gone:
                found[family][member] += 1
        return {family: dict(sorted(counts.items())) for family, counts in sorted(found.items())}

    def _reasons(self) -> Counter[str]:
        reasons: Counter[str] = Counter()
        for cause, count in self._causes.items():
            reasons[_REASONS.get(cause, cause)] += count
        return reasons

    def _intervals(self) -> Iterable[tuple[str, str, Interval]]:
        beats: dict[tuple[str, str, str], list[Interval]] = defaultdict(list)
        for ident, (member, course, session, at, duration, beat) in self._study.items():
            if ident in self._gone:
                continue
            if beat:
                beats[member, course, session].append((at, beat))
            elif duration > 0:
                yield member, course, (at - min(duration, _CAP_MS), at)
        for (member, course, _), found in beats.items():
            found.sort()
            for (at, beat), (following, _) in zip(found, [*found[1:], (1 << 62, 0)], strict=True):
                gap = following - at
                yield member, course, (at, at + (gap if gap <= _BEAT_GAP_MS else beat))

    def _days(self, intervals: list[Interval]) -> dict[str, int]:
        zone = ZoneInfo(self._scenario.timezone)
        days: Counter[date] = Counter()
        reached = 0
        for start, end in sorted(intervals):
            start = max(start, reached)
            while start < end:
                day = datetime.fromtimestamp(start / 1000, zone).date()
                stop = min(end, midnight_ms(day + timedelta(days=1), zone))
                days[day] += stop - start
                start = stop
            reached = max(reached, end)
        return {day.isoformat(): ms for day, ms in sorted(days.items()) if ms}


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def _parameters(run: Simulation) -> Truth:
    scenario = run.scenario
    points = [point.point_id for point in run.compiled.points]
    members: Truth = {}
    for person, state in zip(scenario.members, run.members, strict=True):
        traits = person.traits
        members[person.member_id] = {
            "category": person.category,
            "began": bool(person.activity),
            "ability": traits.ability,
            "speed": traits.speed,
            "rapid_rate": traits.rapid_rate,
            "cramming": traits.cramming,
            "start_delay": traits.start_delay,
            "regular": traits.regular,
            "review": traits.review,
            "skew_ms": traits.skew_ms,
            "heartbeat": traits.heartbeat,
            "mastery": {p: bool(state.known >> i & 1) for i, p in enumerate(points) if state.met >> i & 1},
        }
    return {
        "scenario": {
            "seed": scenario.seed,
            "timezone": scenario.timezone,
            "start": scenario.start.isoformat(),
            "days": scenario.days,
        },
        "members": members,
        "items": {
            ident: {"a": item.discrimination, "b": item.difficulty, "log_time": item.log_time}
            for ident, item in scenario.items.items()
        },
        "knowledge_points": {
            ident: {"prior": p.prior, "transit": p.transit, "slip": p.slip, "guess": p.guess}
            for ident, p in scenario.points.items()
        },
        "exams": {exam.exam_id: {"shift": exam.shift} for exam in scenario.catalogue.exams},
    }
