"""Which offsets may be committed: only what an unbroken chain of durable runs has reached.

Faust commits what agents acknowledge, and acknowledges when an agent raises. Here nothing an agent does counts:
every run of records carries the offset that it continues from, and the durable position of a partition moves
only when a run that continues exactly from it is finished. What was skipped, dropped or lost on the way leaves a
hole that no later run can jump over.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.errors import XuejingError
from streams.records import Record

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""(topic, partition)"""


class HoleError(XuejingError):
    """A run was finished that doesn't continue from the durable position: records between were lost."""


class Admission(enum.Enum):
    """What to do with a run that was fetched."""

    TAKE = "take"
    STALE = "stale"  # all of it was handed over already, or the partition isn't ours
    GAP = "gap"  # records before it are missing: seek back and fetch again


@dataclass(slots=True)
class Run:
    """Records of one partition from one poll. ``start`` and ``epoch`` are set when the ledger admits it."""

    topic: str
    partition: int
    records: Sequence[Record]
    size: int
    epoch: int = -1
    start: int = -1

    @property
    def place(self) -> Place:
        return (self.topic, self.partition)

    @property
    def end(self) -> int:
        """The offset after its last record."""
        return self.records[-1].offset + 1


class Ledger:
    """Positions of the partitions that are assigned now. An epoch ends when partitions are taken or sought again;
    runs of an earlier epoch may still finish, and then change nothing."""

    def __init__(self) -> None:
        self.epoch = 0
        self._expected: dict[Place, int] = {}
        self._durable: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._sought: dict[Place, int] = {}

    def restart(self, positions: Mapping[Place, int]) -> None:
        """Begins an epoch in which each partition is read from its position."""
        self.epoch += 1
        self._expected = dict(positions)
        self._durable = dict(positions)
        self._committed = dict(positions)
        self._sought = {}

    def revoke(self) -> None:
        """Ends the epoch: nothing is assigned, nothing may be committed."""
        self.restart({})

    def expected(self, place: Place) -> int | None:
        """Offset that the next run of the partition should start with; None when it isn't assigned."""
        return self._expected.get(place)

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(self._expected)

    def admit(self, run: Run) -> Admission:
        """Checks that the run continues where the last one ended, and cuts off what was handed over before."""
        place = run.place
        expected = self._expected.get(place)
        if expected is None or run.end <= expected:
            return Admission.STALE
        first = run.records[0].offset
        if first < expected:
            run.records = [r for r in run.records if r.offset >= expected]
        elif first > expected:
            if self._sought.get(place) != expected:
                self._sought[place] = expected
                return Admission.GAP
            # Fetched again from there, and still missing: expired, or markers that no consumer ever sees.
            log.warning("%s/%d: offsets %d to %d are not in the log", *place, expected, first - 1)
        run.start, run.epoch = expected, self.epoch
        self._expected[place] = run.end
        return Admission.TAKE

    def finished(self, run: Run) -> bool:
        """The run is durable. False: its partition was taken away meanwhile. Raises HoleError."""
        if run.epoch != self.epoch:
            return False
        durable = self._durable.get(run.place)
        if durable != run.start:
            raise HoleError(
                f"durable up to {durable}, but the finished run continues from {run.start}",
                where=f"{run.topic}/{run.partition}",
                hint="the process stops; after a restart it reads again from the committed offset",
            )
        self._durable[run.place] = run.end
        return True

    def to_commit(self, topics: Iterable[str] | None = None) -> dict[Place, int]:
        """Durable positions beyond the committed ones."""
        wanted = None if topics is None else set(topics)
        return {
            place: offset
            for place, offset in self._durable.items()
            if offset > self._committed[place] and (wanted is None or place[0] in wanted)
        }

    def committed(self, epoch: int, offsets: Mapping[Place, int]) -> None:
        """The broker has accepted these offsets, taken from ``to_commit`` in ``epoch``."""
        if epoch == self.epoch:
            for place, offset in offsets.items():
                self._committed[place] = max(offset, self._committed[place])
