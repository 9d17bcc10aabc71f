"""What the figures must be, from wire lines: slow, plain, from the definitions, sharing nothing with streams/.

It takes everything that was sent, in any order, with repetitions, and works over whole lives of members: no
windows, no versions, no state, no indexes. Times are ms UTC; days are local dates of ``zone``.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.support import oracle_families

MINUTE = 60_000
SESSION_GAP, BEAT_GAP, LONGEST = 30 * MINUTE, 2 * MINUTE, 240 * MINUTE
POINT = 1_000_000

_HEAD = ["event_id", "member_id", "course_id", "occurred_at", "schema_version", "source", "device_id", "replaces"]
_FIELDS = {
    "study": ["duration_ms", "beat_ms", "active_ms", "unit_id", "session_id"],
    "answer": "question_id correct exam_id attempt duration_ms response score max_score knowledge_points".split(),
    "error": ["question_id", "exam_id", "attempt", "response", "knowledge_points", "answer_id", "expected", "kind"],
    "withdraw": ["target_event_id", "reason"],
    **oracle_families.FIELDS,
}
_NEVER_LEFT_OUT = {"correct"}
_UUIDS = {"event_id", "replaces", "answer_id", "target_event_id"}
_DEFAULTS = {"schema_version": 1, "attempt": 1, "course_id": "", **oracle_families.DEFAULTS}

Figures = dict[str, Any]
DayKey = tuple[str, date, str]
"""(member_id, local day, course_id or '')"""


@dataclass(slots=True)
class Sent:
    """One body of one event."""

    event: dict[str, Any]
    at: int
    digest: bytes


@dataclass(slots=True)
class Piece:
    """A stretch of study."""

    start: int
    end: int
    course: str
    active: int | None
    capped: bool


@dataclass(slots=True)
class Result:
    """Everything that can be compared with tables. Rows in which nothing counts are left out."""

    member_days: dict[DayKey, Figures] = field(default_factory=dict)
    answers: dict[tuple[str, str], Figures] = field(default_factory=dict)
    """(member_id, event_id) → what it counts for; only what counts"""
    families: dict[str, dict[DayKey, Figures]] = field(default_factory=lambda: {n: {} for n in oracle_families.FIELDS})
    """by family: (member_id, local day, subject) → what it counts for, only what counts"""
    bodies: set[tuple[str, str, bytes]] = field(default_factory=set)
    """(member_id, event_id, digest) of every distinct body"""

    @property
    def attendance(self) -> dict[DayKey, Figures]:
        return self.families["attendance"]


def instant(text: str) -> int:
    """ms since the epoch, rounded down."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return moment // timedelta(milliseconds=1)


def digest(event: dict[str, Any]) -> bytes:
    """The order of bodies under one id: first half of the SHA-256 of the fields of the contract, in their order,
    without those that are at their default, the moment in whole µs, without ``sent_at``."""
    body: dict[str, Any] = {"event_type": event["event_type"]}
    for name in [*_HEAD, *_FIELDS[event["event_type"]]]:
        value = event.get(name)
        if name in _UUIDS:
            value = value and value.lower()
        if name == "occurred_at":
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            value = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        elif name in ("score", "max_score") and value is not None:
            value = float(value)
        if name in _NEVER_LEFT_OUT or value not in (None, _DEFAULTS.get(name)):
            body[name] = value
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:16]


class Days:
    """Local days by their first instants."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._starts: dict[date, int] = {}

    def start(self, day: date) -> int:
        if day not in self._starts:
            midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
            self._starts[day] = int(midnight.astimezone(UTC).timestamp()) * 1000
        return self._starts[day]

    def end(self, day: date) -> int:
        return self.start(day + timedelta(days=1))

    def of(self, at: int) -> date:
        return datetime.fromtimestamp(at / 1000, self.zone).date()

    def between(self, start: int, end: int) -> Iterable[date]:
        """The days that ``[start, end)`` touches: not one that the zone left out."""
        day = self.of(start)
        while self.start(day) < end:
            if self.start(day) < self.end(day):
                yield day
            day += timedelta(days=1)

    def hour(self, at: int) -> int:
        return datetime.fromtimestamp(at / 1000, self.zone).hour


def compute(lines: Iterable[bytes], zone: str, admitted: Callable[[dict[str, Any]], bool] = lambda _: True) -> Result:
    """Figures of the lines; ``admitted`` says whether a decoded event is one that counts at all (its member is
    known, it is not from the future). Lines must be valid events."""
    result, days = Result(), Days(zone)
    members: dict[str, dict[str, dict[bytes, Sent]]] = defaultdict(lambda: defaultdict(dict))
    for line in set(lines):
        event = json.loads(line)
        if admitted(event):
            sent = Sent(event, instant(event["occurred_at"]), digest(event))
            members[event["member_id"]][event["event_id"].lower()][sent.digest] = sent
            result.bodies.add((event["member_id"], event["event_id"].lower(), sent.digest))
    for member_id, by_id in members.items():
        counted = [bodies[min(bodies)] for bodies in by_id.values()]
        gone = {target(s.event) for s in counted} - {None}
        live = [s for s in counted if s.event["event_id"].lower() not in gone]
        _member(member_id, live, days, result)
    return result


def target(event: dict[str, Any]) -> str | None:
    """The event that one takes back."""
    found = event["target_event_id"] if event["event_type"] == "withdraw" else event.get("replaces")
    return found.lower() if found else None


def _member(member_id: str, live: Sequence[Sent], days: Days, result: Result) -> None:
    pieces = study(live)
    outcomes = list(judged(live))
    _families(member_id, live, days, result)
    live = [s for s in live if s.event["event_type"] not in oracle_families.FIELDS]
    courses = {"", *(s.event["course_id"] for s in live)}
    for course in courses:
        rows: dict[date, Figures] = defaultdict(_nothing)
        own = [p for p in pieces if course in ("", p.course)]
        _study_rows(own, days, rows)
        for o in outcomes:
            if o["counted"] and course in ("", o["course_id"]):
                _answer_row(o, rows[days.of(o["at"])])
        for s in live:
            if course in ("", s.event["course_id"]):
                for day in _days_of(s, days):
                    rows[day]["events"] += 1
        for day, row in rows.items():
            row["wrong_questions"] = len(row.pop("wrong"))
            if row["events"] or row["study_ms"] or row["answers"] or row["sessions"]:
                result.member_days[member_id, day, course] = row
    for o in outcomes:
        if o["counted"]:
            result.answers[member_id, o["event_id"]] = {k: v for k, v in o.items() if k != "event_id"}


def _families(member_id: str, live: Sequence[Sent], days: Days, result: Result) -> None:
    """What is said of each subject of each family, by the definitions there."""
    subjects: dict[tuple[str, str], list[Sent]] = defaultdict(list)
    for s in live:
        if (kind := s.event["event_type"]) in oracle_families.FIELDS:
            subjects[kind, s.event[oracle_families.FIELDS[kind][0]]].append(s)
    for (kind, subject), found in subjects.items():
        found.sort(key=lambda s: (s.at, int(s.event["event_id"].replace("-", ""), 16)))
        for day, figures in oracle_families.DEFINITIONS[kind](found, days.of).items():
            result.families[kind][member_id, day, subject] = figures


def _nothing() -> Figures:
    names = "study_ms overlap_ms active_ms open_ms sessions answers graded correct score_micro max_micro response_ms"
    numbers = dict.fromkeys(f"{names} timed_answers events capped".split(), 0)
    return {**numbers, "hour_ms": [0] * 24, "first_at": None, "last_at": None, "wrong": set()}


def _days_of(s: Sent, days: Days) -> Iterable[date]:
    kind, event = s.event["event_type"], s.event
    if kind in ("answer", "error") or (kind == "study" and event.get("beat_ms")):
        return [days.of(s.at)]
    if kind == "study" and event["duration_ms"]:
        return days.between(max(s.at - event["duration_ms"], s.at - LONGEST), s.at)
    return []


def study(live: Sequence[Sent]) -> list[Piece]:
    """Stretches of study, by start. A heartbeat lasts until the next of its device and session if that is at most
    two minutes away, else for one period of at most two minutes."""
    found: list[Piece] = []
    beats: dict[tuple[str, str], list[Sent]] = defaultdict(list)
    for s in live:
        e = s.event
        if e["event_type"] != "study":
            continue
        if e.get("beat_ms"):
            beats[e["device_id"], e["session_id"]].append(s)
        elif e["duration_ms"]:
            start = max(s.at - e["duration_ms"], s.at - LONGEST)
            found.append(Piece(start, s.at, e["course_id"], e.get("active_ms"), s.at - start < e["duration_ms"]))
    for stream in beats.values():
        stream.sort(key=lambda s: (s.at, s.event["event_id"].lower()))
        for i, s in enumerate(stream):
            length = min(s.event["beat_ms"], BEAT_GAP)
            if i + 1 < len(stream) and stream[i + 1].at - s.at <= BEAT_GAP:
                length = stream[i + 1].at - s.at
            if length:
                found.append(Piece(s.at, s.at + length, s.event["course_id"], s.event.get("active_ms"), False))
    return sorted(found, key=lambda p: (p.start, p.end))


def _study_rows(pieces: Sequence[Piece], days: Days, rows: dict[date, Figures]) -> None:
    segments: list[list[int]] = []
    for p in pieces:
        if segments and p.start <= segments[-1][1]:
            segments[-1][1] = max(segments[-1][1], p.end)
        else:
            segments.append([p.start, p.end])
    for i, (start, end) in enumerate(segments):
        if i == 0 or start - segments[i - 1][1] > SESSION_GAP:
            rows[days.of(start)]["sessions"] += 1
        for day in days.between(start, end):
            a, b = max(start, days.start(day)), min(end, days.end(day))
            row = rows[day]
            row["study_ms"] += b - a
            _touch(row, a, b)
            at = a
            while at < b:
                # Clocks change, and hours begin, only on whole minutes.
                until = min(b, (at // MINUTE + 1) * MINUTE)
                row["hour_ms"][days.hour(at)] += until - at
                at = until
    for p in pieces:
        length, active = p.end - p.start, None if p.active is None else min(p.active, p.end - p.start)
        for day in days.between(p.start, p.end):
            a, b = max(p.start, days.start(day)), min(p.end, days.end(day))
            row = rows[day]
            row["overlap_ms"] += b - a
            if p.capped and p.end <= days.end(day):
                row["capped"] += 1
            if active is not None:
                row["open_ms"] += b - a
                # The share of what has passed, rounded down at each midnight: the parts sum to the whole.
                row["active_ms"] += active * (b - p.start) // length - active * (a - p.start) // length
    for row in rows.values():
        if row["study_ms"]:
            row["overlap_ms"] -= row["study_ms"]


def _touch(row: Figures, first: int, last: int) -> None:
    row["first_at"] = first if row["first_at"] is None else min(row["first_at"], first)
    row["last_at"] = last if row["last_at"] is None else max(row["last_at"], last)


def judged(live: Sequence[Sent]) -> Iterable[Figures]:
    """Every live answer and error, with what it counts for."""
    groups: dict[tuple[str, str], list[Sent]] = defaultdict(list)
    for s in live:
        if s.event["event_type"] in ("answer", "error"):
            groups[s.event["course_id"], s.event["question_id"]].append(s)
    for group in groups.values():
        answers = [s for s in group if s.event["event_type"] == "answer"]
        errors = [s for s in group if s.event["event_type"] == "error"]
        by_id = {s.event["event_id"].lower(): s for s in answers}
        named = {str(s.event.get("answer_id")).lower() for s in errors}
        verdict = {i: False if i in named else s.event["correct"] for i, s in by_id.items()}
        for i, s in by_id.items():
            same = [o for o in answers if _sitting(o) == _sitting(s)]
            last = max(same, key=lambda o: (o.at, int(o.event["event_id"].replace("-", ""), 16)))
            yield _outcome(s, not s.event.get("exam_id") or last is s, verdict[i])
        for e in errors:
            found = str(e.event.get("answer_id")).lower() in by_id or any(
                verdict[i] is False and _sitting(s) == _sitting(e) and s.at <= e.at for i, s in by_id.items()
            )
            if not found:
                yield _outcome(e, True, False)


def _sitting(s: Sent) -> tuple[str, int]:
    return s.event.get("exam_id") or "", s.event.get("attempt", 1)


def _outcome(s: Sent, counted: bool, correct: bool | None) -> Figures:
    e = s.event
    best = round(e["max_score"] * POINT) if e.get("max_score") is not None else POINT
    score = e.get("score")
    if e["event_type"] == "error" or (score is None and correct is not None):
        points, possible = (best if correct else 0), best
    elif score is None:
        points = possible = 0
    else:
        points, possible = round(score * POINT), best
    spent = e.get("duration_ms") or 0 if e["event_type"] == "answer" else 0
    return {
        "event_id": e["event_id"].lower(), "course_id": e["course_id"], "question_id": e["question_id"], "at": s.at,
        "counted": counted, "correct": correct, "score_micro": points, "max_micro": possible, "response_ms": spent,
        "from_error": e["event_type"] == "error",
    }  # fmt: skip


def _answer_row(o: Figures, row: Figures) -> None:
    row["answers"] += 1
    row["graded"] += o["correct"] is not None
    row["correct"] += o["correct"] is True
    row["score_micro"] += o["score_micro"]
    row["max_micro"] += o["max_micro"]
    row["response_ms"] += o["response_ms"]
    row["timed_answers"] += o["response_ms"] > 0
    if o["correct"] is False:
        row["wrong"].add(o["question_id"])
    _touch(row, o["at"], o["at"])


BRANCH_SUMS = ["study_ms", "overlap_ms", "active_ms", "open_ms", "sessions", "answers", "graded", "correct"]
BRANCH_SUMS += ["score_micro", "max_micro", "response_ms", "timed_answers", "wrong_questions", "events"]


def branch_days(
    member_days: dict[DayKey, Figures], memberships: Iterable[tuple[str, str, date | None, date | None]]
) -> dict[tuple[str, date, str], Figures]:
    """Sums by (org_id, day, course). ``memberships``: (member_id, org_id, first day, day after the last one)."""
    dated = list(memberships)
    found: dict[tuple[str, date, str], Figures] = {}
    for (member_id, day, course), row in member_days.items():
        for who, org_id, first, after in dated:
            if who == member_id and (first is None or first <= day) and (after is None or day < after):
                total = found.setdefault((org_id, day, course), dict.fromkeys([*BRANCH_SUMS, "active_members"], 0))
                for name in BRANCH_SUMS:
                    total[name] += row[name]
                total["active_members"] += row["events"] > 0 or row["study_ms"] > 0
    for org_id, day, course in found:
        found[org_id, day, course]["members"] = sum(
            org == org_id and (first is None or first <= day) and (after is None or day < after)
            for _, org, first, after in dated
        )
    return found
