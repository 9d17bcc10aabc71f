"""The branch agent: keeps ``branch_day`` current from members' contributions.

State is, per branch and day, the newest contribution of each member by version: merging is a maximum, so
that repetition and order do not show. Who belongs to the branch on the day is asked of the roster, never
of the message. What is not in memory is read from ``member_day``, which is written before contributions
are sent.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

import msgspec

from schemas.days import day_date, day_number
from schemas.ports import Sink
from schemas.reference import Roster
from schemas.tables import BRANCH_DAY, FIGURES

from .contributions import Contribution, decode
from .pipeline import RosterSource
from .records import RecordBatch

log = logging.getLogger(__name__)

Key = tuple[int, str, int]
"""(generation, org_id, day)"""

_COUNT, _EVENTS, _STUDY = len(FIGURES), FIGURES.index("events"), FIGURES.index("study_ms")


class BranchDay:
    """Newest contribution of each member to one branch on one day, and every course ever seen there."""

    __slots__ = ("courses", "members")

    def __init__(self) -> None:
        self.members: dict[str, tuple[int, dict[str, list[int]]]] = {}
        self.courses: set[str] = {""}

    def add(self, member_id: str, version: int, by_course: dict[str, list[int]]) -> None:
        """Merge a contribution: the larger version stays."""
        self.courses.update(by_course)
        if version >= self.members.get(member_id, (0, {}))[0]:
            self.members[member_id] = version, by_course


def branch_rows(key: Key, state: BranchDay, roster: Roster, roster_version: int) -> list[dict[str, Any]]:
    """The ``branch_day`` rows of one branch and day, for every course seen, zero where nothing is left."""
    generation, org_id, day = key
    belong = roster.members_of(org_id, day_date(day))
    given = [state.members[m] for m in sorted(belong) if m in state.members]
    # A newer roster outranks any sum of versions under an older one; under one roster the sum only grows.
    version = (roster_version << 40) + sum(v for v, _ in given)
    rows = []
    for course in sorted(state.courses):
        parts = [by_course[course] for _, by_course in given if course in by_course]
        sums = [sum(values) for values in zip(*parts, strict=True)] if parts else [0] * len(FIGURES)
        rows.append(
            {
                "generation": generation,
                "org_id": org_id,
                "day": day_date(day),
                "course_id": course,
                "members": len(belong),
                "active_members": sum(p[_EVENTS] > 0 or p[_STUDY] > 0 for p in parts),
                **dict(zip(FIGURES, sums, strict=True)),
                "version": version,
            }
        )
    return rows


class BranchPipeline:
    """Processes batches of the topic of contributions. Not thread-safe: one call at a time."""

    def __init__(self, sink: Sink, rosters: RosterSource, *, max_members: int = 300_000, step: int = 50_000) -> None:
        """At most ``max_members`` contributions stay in memory (about 1 kB each), and about ``step`` are added at a
        time: a rebuild asks for every day of every branch in one go."""
        self.sink, self.rosters, self.max_members, self.step = sink, rosters, max_members, step
        self._days: OrderedDict[Key, BranchDay] = OrderedDict()
        self._lock = Lock()
        self._forget = False

    def forget(self) -> None:
        """Partitions moved: drop the state before the next batch. Callable from another thread."""
        with self._lock:
            self._forget = True

    def process(self, batches: Sequence[RecordBatch]) -> int:
        """Write the branch days that the batches concern; returns how many. Raises if not durable."""
        try:
            return self._process(batches)
        except BaseException:
            # A day of which only a part was read must not pass for known when the batch is repeated.
            self._days.clear()
            raise

    def _process(self, batches: Sequence[RecordBatch]) -> int:
        with self._lock:
            if self._forget:
                self._days.clear()
                self._forget = False
        received: dict[Key, list[Contribution]] = {}
        for c in _decode_all(batches):
            if c.org_id:
                received.setdefault((c.generation, c.org_id, c.day), []).append(c)
        _, roster = self.rosters.current()
        part, size = set[Key](), 0
        for key in sorted(received):
            part.add(key)
            size += 1 + len(roster.members_of(key[1], day_date(key[2])))
            if size >= self.step:
                self._settle(received, part)
                part, size = set(), 0
        if part:
            self._settle(received, part)
        return len(received)

    def _settle(self, received: Mapping[Key, Sequence[Contribution]], touched: set[Key]) -> None:
        """Write some of the days that contributions were received for."""
        for key in touched:
            if not all(c.member_id for c in received[key]):
                self._days.pop(key, None)
        version, roster = self.rosters.current()
        while True:
            self._write(received, touched, version, roster)
            # An import recorded before this moment is seen here; one recorded later finds the rows, and asks for
            # their days again. Else rows by the old roster could be written after the import has looked for them.
            now, roster = self.rosters.current()
            if now == version:
                break
            version = now
            for key in touched:
                self._days.pop(key, None)
        kept = sum(1 + len(d.members) for d in self._days.values())
        while kept > self.max_members:
            _, gone = self._days.popitem(last=False)
            kept -= 1 + len(gone.members)

    def _write(
        self, received: Mapping[Key, Sequence[Contribution]], touched: set[Key], version: int, roster: Roster
    ) -> None:
        self._load([k for k in sorted(touched) if k not in self._days], roster)
        rows = []
        for key in sorted(touched):
            for c in received[key]:
                if c.member_id:
                    self._days[key].add(c.member_id, c.version, c.figures)
            self._days.move_to_end(key)
            rows += branch_rows(key, self._days[key], roster, version)
        if rows:
            self.sink.insert(BRANCH_DAY, BRANCH_DAY.rows(rows))

    def _load(self, cold: Iterable[Key], roster: Roster) -> None:
        by_generation: dict[int, list[Key]] = {}
        for key in cold:
            self._days[key] = BranchDay()
            by_generation.setdefault(key[0], []).append(key)
        for generation, keys in by_generation.items():
            branches = [(org_id, day_date(day)) for _, org_id, day in keys]
            for row in self.sink.branch_days(generation, branches).to_pylist():
                self._days[generation, row["org_id"], _number(row)].courses.add(row["course_id"])
            homes: dict[tuple[str, int], list[Key]] = {}
            for key in keys:
                for member_id in roster.members_of(key[1], day_date(key[2])):
                    homes.setdefault((member_id, key[2]), []).append(key)
            rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
            if homes:
                wanted = [(member_id, day_date(day)) for member_id, day in homes]
                for row in self.sink.member_days(generation, wanted).to_pylist():
                    rows.setdefault((row["member_id"], _number(row)), []).append(row)
            for home, of_member in rows.items():
                # All courses of a member's day carry one version, unless a course lagged behind a crash:
                # its repetition is still to come, with the larger one.
                newest = max(r["version"] for r in of_member)
                for key in homes[home]:
                    self._days[key].add(home[0], newest, {r["course_id"]: [r[n] for n in FIGURES] for r in of_member})


def _number(row: dict[str, Any]) -> int:
    return day_number(row["day"])


def _decode_all(batches: Sequence[RecordBatch]) -> Iterable[Contribution]:
    for batch in batches:
        for record in batch.records:
            if record.value:
                try:
                    found = decode(record.value)
                except msgspec.DecodeError:
                    found = None
                if found is not None and _sound(found):
                    yield found
                else:
                    # The topic is internal: a foreign message stands for no figure, and it must not stop
                    # the branch. A missing contribution would be found by reconciling.
                    log.error("not a contribution: %s[%d] offset %d", batch.topic, batch.partition, record.offset)


def _sound(c: Contribution) -> bool:
    """Whether the numbers can be stored: a generation and a day are 16 bits, the figures are those declared."""
    return 0 <= c.generation < 1 << 16 and 0 <= c.day < 1 << 16 and all(len(v) == _COUNT for v in c.figures.values())
