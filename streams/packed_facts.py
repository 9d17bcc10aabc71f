"""All facts of a batch's members, as the columns that folding takes."""

from __future__ import annotations

import numpy as np

from .facts import ANSWER, ERROR
from .packed import NO_ACTIVE, Details, Flags, Ints, Records, instants


class Facts:
    """All facts of the members of a batch, as the columns that folding takes."""

    def __init__(self, records: Records, member: Ints, details: Details) -> None:
        self.records, self.member, self.details = records, member, details
        detail = details.rows[records["detail"]]
        self.at = instants(records)
        self.kind = detail["kind"].astype(np.int64)
        self.course = detail["course"].astype(np.int64)
        self.beat: Flags = detail["beat"]
        self.stream = detail["stream"].astype(np.int64)
        self.question = detail["question"].astype(np.int64)
        self.sitting = detail["sitting"].astype(np.int64)
        self.span = records["span"].astype(np.int64)
        self.asked = (self.kind == ANSWER) | (self.kind == ERROR)
        self.group = np.where(self.asked, (member << 32) | detail["group"], -1)
        """member, course and question as one number"""
        self.target = detail["target"].astype(np.int64)
        self.taken: Flags = np.zeros(len(records), np.bool_)
        """whether a fact takes it back"""
        self.takers: list[tuple[int, int]] = self._find_takers() if self.target.any() else []
        """(number of a fact, number of one that takes it back)"""
        self.taken[[fact for fact, _ in self.takers]] = True

    def _find_takers(self) -> list[tuple[int, int]]:
        wanted: dict[tuple[int, int], list[int]] = {}
        targets = self.details.targets.values
        for taker in np.flatnonzero(self.target).tolist():
            wanted.setdefault((int(self.member[taker]), targets[self.target[taker]]), []).append(taker)
        lows = np.unique(np.array([target & (2**64 - 1) for _, target in wanted], np.uint64))
        high, low = self.records["id_high"], self.records["id_low"]
        found = []
        for fact in np.flatnonzero(np.isin(low, lows)).tolist():
            key = int(self.member[fact]), int(high[fact]) << 64 | int(low[fact])
            found += [(fact, taker) for taker in wanted.get(key, ())]
        return found

    def active(self, chosen: Ints) -> Ints:
        """Reported time in focus, -1 where there is none."""
        found = self.records["active"][chosen].astype(np.int64)
        return np.where(found == NO_ACTIVE, -1, found)
