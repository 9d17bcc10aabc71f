"""The branch agent: keeps ``branch_day`` current from members' contributions.

State is, per branch and day, the newest contribution of each member by version (``branch_days``). Who belongs to the
branch on the day is asked of the roster, never of the message. What is not in memory is read from ``member_day``, which
is written before contributions are sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.days import day_date
from schemas.ports import Sink
from schemas.reference import Roster
from schemas.tables import BRANCH_DAY, FIGURES

from .branch_days import BranchDays, Key
from .contributions import SCHEMA, decode
from .effects import RosterSource
from .packed import Ints
from .records import RecordBatch

log = logging.getLogger(__name__)


class BranchPipeline:
    """Processes batches of the topic of contributions. Not thread-safe: one call at a time."""

    def __init__(self, sink: Sink, rosters: RosterSource, *, max_kept: int = 750_000, step: int = 50_000) -> None:
        """At most ``max_kept`` contributions of a member's day in a course stay in memory (some 430 bytes each), and
        about ``step`` members are read at a time: a rebuild asks for every day of every branch in one go."""
        self.sink, self.rosters, self.max_kept, self.step = sink, rosters, max_kept, step
        self._days = BranchDays()
        self._roster_version = -1
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
            self._days = BranchDays()
            raise

    def _process(self, batches: Sequence[RecordBatch]) -> int:
        with self._lock:
            if self._forget:
                self._days, self._forget = BranchDays(), False
        received = _decode_all(batches)
        heads = (received[n].to_pylist() for n in ("generation", "org_id", "day"))
        numbers: dict[Key, int] = {}
        of = np.array([numbers.setdefault(key, len(numbers)) for key in zip(*heads, strict=True)], np.int64)
        named = pc.not_equal(received["member_id"], "")
        asked = set(np.unique(of[~named.to_numpy(zero_copy_only=False)]).tolist())
        keys = list(numbers)
        for part in self._parts(keys, asked):
            chosen = np.isin(of, np.array(part))
            rows = received.filter(pc.and_(named, pa.array(chosen)))
            self._settle([keys[i] for i in part], [keys[i] for i in part if i in asked], rows)
        if len(self._days) > self.max_kept:
            # Half of it, so that this is not done for every batch.
            self._days = self._days.newest(self.max_kept // 2)
        return len(keys)

    def _parts(self, keys: Sequence[Key], asked: set[int]) -> Iterator[list[int]]:
        """The days by number: those in memory at once, others some at a time."""
        hot = [i for i, key in enumerate(keys) if key in self._days and i not in asked]
        if hot:
            yield hot
        _, roster = self.rosters.current()
        known, part, size = set(hot), list[int](), 0
        for i in sorted(range(len(keys)), key=keys.__getitem__):
            if i in known:
                continue
            part.append(i)
            size += 1 + len(roster.members_of(keys[i][1], day_date(keys[i][2])))
            if size >= self.step:
                yield part
                part, size = [], 0
        if part:
            yield part

    def _settle(self, keys: Sequence[Key], asked: Sequence[Key], rows: pa.Table) -> None:
        """Write some of the days that contributions were received for. What is in memory of those ``asked`` for may be
        old."""
        if any(key in self._days for key in asked):
            self._days = BranchDays()
        version, roster = self.rosters.current()
        while True:
            if version != self._roster_version:
                self._days, self._roster_version = BranchDays(), version
            self._write(keys, rows, version, roster)
            # An import recorded before this moment is seen here; one recorded later finds the rows, and asks for
            # their days again. Else rows by the old roster could be written after the import has looked for them.
            now, roster = self.rosters.current()
            if now == version:
                return
            version = now

    def _write(self, keys: Sequence[Key], rows: pa.Table, version: int, roster: Roster) -> None:
        cold = [key for key in keys if key not in self._days]
        self._load(cold, roster)
        changed = self._add(rows) if rows.num_rows else np.zeros(0, np.int64)
        # All that is known of a day that was read: a crash may have left a row behind its contribution.
        cells = np.union1d(changed, self._days.cells_of(self._days.numbers(cold)) if cold else changed)
        if len(cells):
            self.sink.insert(BRANCH_DAY, self._days.rows(cells, version))

    def _add(self, rows: pa.Table) -> Ints:
        """Merge contributions of days in memory; returns the cells that changed."""
        heads = (rows[n].to_pylist() for n in ("generation", "org_id", "day"))
        return self._merge(rows, self._days.numbers(zip(*heads, strict=True)))

    def _merge(self, rows: pa.Table, key: Ints) -> Ints:
        cell = self._days.cells(key, rows["course_id"].to_pylist())
        return self._days.add(cell, rows["member_id"].to_pylist(), _whole(rows["version"]), _figures(rows))

    def _load(self, cold: Iterable[Key], roster: Roster) -> None:
        by_generation: dict[int, dict[Key, Set[str]]] = {}
        for key in cold:
            belong = roster.members_of(key[1], day_date(key[2]))
            by_generation.setdefault(key[0], {})[key] = belong
            self._days.open(key, belong)
        for generation, of_days in by_generation.items():
            self._read(generation, of_days)

    def _read(self, generation: int, belong: Mapping[Key, Set[str]]) -> None:
        """What the store has of days that were just begun."""
        number = dict(zip(belong, self._days.numbers(belong).tolist(), strict=True))
        known = self.sink.branch_days(generation, [(org_id, day_date(day)) for _, org_id, day in belong])
        keys = [number[generation, *named] for named in _named(known, "org_id")]
        self._days.cells(np.array([*keys, *number.values()]), [*known["course_id"].to_pylist(), *[""] * len(number)])
        homes: dict[tuple[str, int], list[int]] = {}
        for key, members in belong.items():
            for member_id in members:
                homes.setdefault((member_id, key[2]), []).append(number[key])
        if not homes:
            return
        rows = self.sink.member_days(generation, [(member_id, day_date(day)) for member_id, day in homes])
        places = [(i, home) for i, named in enumerate(_named(rows, "member_id")) for home in homes[named]]
        if places:
            place, home = np.array(places).T
            self._merge(rows.take(pa.array(place)), home)


def _named(rows: pa.Table, owner: str) -> Iterator[tuple[str, int]]:
    """Whose rows they are, and the numbers of their days."""
    return zip(rows[owner].to_pylist(), rows["day"].cast(pa.int32()).to_pylist(), strict=True)


def _figures(rows: pa.Table) -> NDArray[np.int64]:
    return np.column_stack([_whole(rows[name]) for name in FIGURES])


def _whole(column: pa.ChunkedArray) -> Ints:
    found: Ints = column.to_numpy().astype(np.int64)
    return found


def _decode_all(batches: Sequence[RecordBatch]) -> pa.Table:
    found = [SCHEMA.empty_table()]
    for batch in batches:
        for record in batch.records:
            if record.value:
                try:
                    found.append(decode(record.value))
                except ValueError as error:
                    # The topic is internal: a foreign message stands for no figure, and it must not stop the branch. A
                    # missing contribution would be found by reconciling.
                    where = f"{batch.topic}[{batch.partition}] offset {record.offset}"
                    log.error("not a contribution: %s: %s", where, error)
    return pa.concat_tables(found)
