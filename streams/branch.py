"""The branch agent: keeps ``branch_day`` current from members' contributions.

State is, per branch and day, the newest contribution of each member by version: merging is a maximum, so
that repetition and order do not show. Who belongs to the branch on the day is asked of the roster, never
of the message. What is not in memory is read from ``member_day``, which is written before contributions
are sent.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date
from threading import Lock
from typing import Any

import msgspec
import pyarrow as pa

from schemas.days import day_date, day_number
from schemas.ports import Sink
from schemas.reference import Roster
from schemas.tables import BRANCH_DAY, FIGURES

from .contributions import Contribution, decode
from .effects import RosterSource
from .records import RecordBatch

log = logging.getLogger(__name__)

Key = tuple[int, str, int]
"""(generation, org_id, day)"""
Figures = Mapping[str, tuple[int, ...]]
"""course_id ('' over all) → figures in the order of ``FIGURES``"""

_COUNT, _EVENTS, _STUDY = len(FIGURES), FIGURES.index("events"), FIGURES.index("study_ms")
_ZERO = (0,) * _COUNT
_NOTHING = [0] * (_COUNT + 1)
_NONE: Figures = {}
_NEVER = (0, _NONE)
assert [c.name for c in BRANCH_DAY.columns][4:] == ["members", "active_members", *FIGURES, "version"]


class BranchDay:
    """Newest contribution of each member to one branch on one day, every course ever seen there, and the sums of
    those who belong to it under one version of the roster. Figures are tuples in the order of ``FIGURES``."""

    __slots__ = ("_belong", "_roster", "_sums", "_versions", "courses", "members")

    def __init__(self) -> None:
        self.members: dict[str, tuple[int, Figures]] = {}
        self.courses: set[str] = {""}
        self._roster = -1
        self._belong: Set[str] = frozenset()
        self._sums: dict[str, list[int]] = {}
        """course → sums of the figures, and the number of active members"""
        self._versions = 0

    def use(self, version: int, belong: Callable[[], Set[str]]) -> None:
        """Count the members that belong to the branch under this version of the roster."""
        if version == self._roster:
            return
        self._roster, self._belong = version, belong()
        self._sums, self._versions = {}, 0
        for member_id in self._belong & self.members.keys():
            self._count(*self.members[member_id])

    def add(self, member_id: str, version: int, by_course: Figures) -> None:
        """Merge a contribution: the larger version stays."""
        self.courses.update(by_course)
        before = self.members.get(member_id)
        if before is not None and version < before[0]:
            return
        self.members[member_id] = version, by_course
        if member_id in self._belong:
            self._count(version, by_course, *(before or _NEVER))

    def _count(self, version: int, by_course: Figures, before: int = 0, old: Figures = _NONE) -> None:
        """Add a member's figures in place of what was counted of it before."""
        self._versions += version - before
        for course in by_course if old.keys() <= by_course.keys() else by_course.keys() | old.keys():
            plus, minus = by_course.get(course, _ZERO), old.get(course, _ZERO)
            active = (plus[_EVENTS] > 0 or plus[_STUDY] > 0) - (minus[_EVENTS] > 0 or minus[_STUDY] > 0)
            sums = self._sums.get(course, _NOTHING)
            self._sums[course] = [
                *(s + p - m for s, p, m in zip(sums, plus, minus, strict=False)),
                sums[_COUNT] + active,
            ]

    def rows(self, key: Key) -> list[tuple[Any, ...]]:
        """The ``branch_day`` rows for every course seen, zero where nothing is left, in the order of the columns."""
        generation, org_id, day = key
        # A newer roster outranks any sum of versions under an older one; under one roster the sum only grows.
        version = (self._roster << 40) + self._versions
        head, members = (generation, org_id, day_date(day)), len(self._belong)
        rows: list[tuple[Any, ...]] = []
        for course in sorted(self.courses):
            *sums, active = self._sums.get(course, _NOTHING)
            rows.append((*head, course, members, active, *sums, version))
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
        rows: list[tuple[Any, ...]] = []
        for key in sorted(touched):
            state = self._days[key]
            state.use(version, lambda k=key: roster.members_of(k[1], day_date(k[2])))  # type: ignore[misc]
            for c in received[key]:
                if c.member_id:
                    state.add(c.member_id, c.version, c.figures)
            self._days.move_to_end(key)
            rows += state.rows(key)
        if rows:
            self.sink.insert(BRANCH_DAY, BRANCH_DAY.tuples(rows))

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
            if homes:
                wanted = [(member_id, day_date(day)) for member_id, day in homes]
                for home, version, figures in _member_days(self.sink.member_days(generation, wanted)):
                    for key in homes[home]:
                        self._days[key].add(home[0], version, figures)


def _member_days(rows: pa.Table) -> Iterator[tuple[tuple[str, int], int, Figures]]:
    """(member, day), version and figures by course."""
    found: dict[tuple[str, date], tuple[int, dict[str, tuple[int, ...]]]] = {}
    heads = [rows[n].to_pylist() for n in ("member_id", "day", "course_id", "version")]
    figures = zip(*(rows[n].to_pylist() for n in FIGURES), strict=True)
    for member_id, day, course, version, values in zip(*heads, figures, strict=True):
        newest, by_course = found.get((member_id, day), (0, {}))
        by_course[course] = values
        # All courses of a member's day carry one version, unless a course lagged behind a crash:
        # its repetition is still to come, with the larger one.
        found[member_id, day] = max(newest, version), by_course
    for (member_id, day), (version, by_course) in found.items():
        yield (member_id, day_number(day)), version, by_course


def _number(row: dict[str, Any]) -> int:
    return day_number(row["day"])


def _decode_all(batches: Sequence[RecordBatch]) -> Iterable[Contribution]:
    for batch in batches:
        for record in batch.records:
            if record.value:
                try:
                    found = decode(record.value)
                except msgspec.DecodeError:
                    found = []
                if found and all(map(_sound, found)):
                    yield from found
                else:
                    # The topic is internal: a foreign message stands for no figure, and it must not stop
                    # the branch. A missing contribution would be found by reconciling.
                    log.error("not a contribution: %s[%d] offset %d", batch.topic, batch.partition, record.offset)


def _sound(c: Contribution) -> bool:
    """Whether the numbers can be stored: a generation and a day are 16 bits, the figures are those declared."""
    return 0 <= c.generation < 1 << 16 and 0 <= c.day < 1 << 16 and all(len(v) == _COUNT for v in c.figures.values())
