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

    def active(self, chosen: Ints) -> Ints:
        """Reported time in focus, -1 where there is none."""
        found = self.records["active"][chosen].astype(np.int64)
        return np.where(found == NO_ACTIVE, -1, found)
