"""Branch days in memory, as columns: the newest contribution of each member, and sums of those who belong.

A *cell* is a course of a branch's day, a *slot* a member in a cell. Merging is a maximum by version, so that repetition
and order do not show; sums follow by what a slot gains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.tables import BRANCH_DAY, FIGURES

from .packed import Flags, Ints

Key = tuple[int, str, int]
"""(generation, org_id, day)"""

_COUNT, _EVENTS, _STUDY = len(FIGURES), FIGURES.index("events"), FIGURES.index("study_ms")
_ACTIVE, _VERSIONS = _COUNT, _COUNT + 1
"""Columns of sums behind the figures: members with an event, and what versions add up to."""
ROSTER_BITS = 40
assert [c.name for c in BRANCH_DAY.columns][4:] == ["members", "active_members", *FIGURES, "version"]


class _Column:
    """A growing array."""

    def __init__(self, width: int = 0, kind: Any = np.int64) -> None:
        self._values = np.zeros((1024, width) if width else 1024, kind)
        self.size = 0

    @property
    def values(self) -> NDArray[Any]:
        return self._values[: self.size]

    def grow(self, more: Sequence[Any] | NDArray[Any]) -> None:
        size = self.size + len(more)
        if size > len(self._values):
            bigger = np.zeros((2 * size, *self._values.shape[1:]), self._values.dtype)
            bigger[: self.size] = self.values
            self._values = bigger
        self._values[self.size : size] = more
        self.size = size


class BranchDays:
    """Some days of some branches under one version of the roster. Not thread-safe."""

    def __init__(self) -> None:
        self._keys: dict[Key, int] = {}
        self._days: list[Key] = []
        self._belong: list[Set[str]] = []
        self._used: list[int] = []
        self._uses = 0
        self._cells: dict[tuple[int, str], int] = {}
        self._courses: list[str] = []
        self._slots: dict[tuple[int, str], int] = {}
        self._cell_key, self._sums = _Column(), _Column(_COUNT + 2)
        self._slot_cell, self._counts = _Column(), _Column(kind=np.bool_)
        self._version, self._figures = _Column(), _Column(_COUNT)

    def __contains__(self, key: Key) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        """Days and contributions in memory."""
        return len(self._keys) + len(self._slots)

    def open(self, key: Key, belong: Set[str]) -> None:
        """Begin a day that is not in memory, of which these members belong to the branch."""
        self._keys[key] = len(self._days)
        self._days.append(key)
        self._belong.append(belong)
        self._used.append(0)

    def numbers(self, keys: Iterable[Key]) -> Ints:
        """Numbers of days in memory, which count as used now."""
        self._uses += 1
        found = [self._keys[key] for key in keys]
        for number in found:
            self._used[number] = self._uses
        return np.array(found, np.int64)

    def cells(self, key: Ints, courses: Sequence[str]) -> Ints:
        """Numbers of the cells of days (by number) and courses; a new one is empty."""
        of, found, new = self._cells, [], []
        for cell in zip(key.tolist(), courses, strict=True):
            number = of.get(cell)
            if number is None:
                number = of[cell] = len(of)
                new.append(cell[0])
                self._courses.append(cell[1])
            found.append(number)
        self._cell_key.grow(new)
        self._sums.grow(np.zeros((len(new), _COUNT + 2), np.int64))
        return np.array(found, np.int64)

    def cells_of(self, keys: Ints) -> Ints:
        """All cells of some days."""
        return np.flatnonzero(np.isin(self._cell_key.values, keys))

    def add(self, cell: Ints, members: Sequence[str], version: Ints, figures: NDArray[np.int64]) -> Ints:
        """Merge contributions: of each slot the largest version stays. Returns the cells that changed."""
        slot = self._find(cell, members)
        order = np.lexsort((version, slot))
        last = np.ones(len(order), np.bool_)
        last[:-1] = slot[order][1:] != slot[order][:-1]
        chosen = order[last]
        chosen = chosen[version[chosen] > self._version.values[slot[chosen]]]
        slot, version, figures = slot[chosen], version[chosen], figures[chosen]
        cells = self._slot_cell.values[slot]
        self._sum(cells, figures, version, self._counts.values[slot], slot)
        self._version.values[slot], self._figures.values[slot] = version, figures
        found: Ints = np.unique(cells)
        return found

    def _find(self, cell: Ints, members: Sequence[str]) -> Ints:
        of, found, new, counts = self._slots, [], [], []
        key_of = self._cell_key.values
        for slot in zip(cell.tolist(), members, strict=True):
            number = of.get(slot)
            if number is None:
                number = of[slot] = len(of)
                new.append(slot[0])
                counts.append(slot[1] in self._belong[key_of[slot[0]]])
            found.append(number)
        self._slot_cell.grow(new)
        self._counts.grow(counts)
        self._version.grow(np.full(len(new), -1))
        self._figures.grow(np.zeros((len(new), _COUNT), np.int64))
        return np.array(found, np.int64)

    def _sum(self, cells: Ints, figures: NDArray[np.int64], version: Ints, counts: Flags, slot: Ints) -> None:
        """Put figures in place of what was counted of their slots before."""
        old, before = self._figures.values[slot], self._version.values[slot]
        gain = np.empty((len(cells), _COUNT + 2), np.int64)
        gain[:, :_COUNT] = figures - old
        gain[:, _ACTIVE] = _active(figures) - _active(old)
        gain[:, _VERSIONS] = version - np.maximum(before, 0)
        np.add.at(self._sums.values, cells[counts], gain[counts])

    def rows(self, cells: Ints, roster: int) -> pa.Table:
        """``branch_day`` rows of some cells under a version of the roster."""
        place, of = np.unique(self._cell_key.values[cells], return_inverse=True)
        chosen = [self._days[i] for i in place.tolist()]
        sums = self._sums.values[cells]
        head = {
            "generation": np.array([k[0] for k in chosen], np.int64)[of],
            "org_id": pa.array([k[1] for k in chosen], pa.string()).take(pa.array(of)),
            "day": np.array([k[2] for k in chosen], np.int32)[of],
            "course_id": pa.array([self._courses[i] for i in cells.tolist()], pa.string()),
            "members": np.array([len(self._belong[i]) for i in place.tolist()], np.int64)[of],
            "active_members": sums[:, _ACTIVE],
            # A newer roster outranks any sum of versions under an older one; under one roster the sum only grows.
            "version": (roster << ROSTER_BITS) + sums[:, _VERSIONS],
        }
        columns = head | {name: sums[:, i] for i, name in enumerate(FIGURES)}
        return pa.table({c.name: _array(columns[c.name], c.arrow) for c in BRANCH_DAY.columns})

    def newest(self, limit: int) -> BranchDays:
        """Those used last, at most ``limit`` days and contributions."""
        size = np.bincount(self._cell_key.values[self._slot_cell.values], minlength=len(self._keys)) + 1
        order = np.argsort(-np.array(self._used), kind="stable")
        kept = np.zeros(len(order), np.bool_)
        kept[order[np.cumsum(size[order]) <= limit]] = True
        found = BranchDays()
        number = np.cumsum(kept) - 1
        for i in np.flatnonzero(kept).tolist():
            found.open(self._days[i], self._belong[i])
        found._used = np.array(self._used)[kept].tolist()
        found._uses = self._uses
        slots = list(self._slots)
        of_cell = kept[self._cell_key.values]
        mine = np.flatnonzero(of_cell)
        found.cells(number[self._cell_key.values[mine]], [self._courses[i] for i in mine.tolist()])
        cell = np.cumsum(of_cell) - 1
        mine = np.flatnonzero(of_cell[self._slot_cell.values])
        members = [slots[i][1] for i in mine.tolist()]
        found.add(cell[self._slot_cell.values[mine]], members, self._version.values[mine], self._figures.values[mine])
        return found


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    found = values if isinstance(values, pa.Array) else pa.array(values)
    return found.cast(kind)


def _active(figures: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = ((figures[:, _EVENTS] > 0) | (figures[:, _STUDY] > 0)).astype(np.int64)
    return found
