"""Data quality: what was received and does not count, came late, or came twice."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from reports.data import ReportData
from reports.figures import Figure
from schemas.decode import REASONS
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class Reason:
    """Rejected lines of one reason."""

    reason: Text
    lines: Figure


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts about the subject of a report."""

    events: Figure
    rejected: Figure
    late: Figure
    duplicates: Figure
    capped: Figure
    untimed: Figure
    ungraded: Figure
    untitled: Figure
    reasons: tuple[Reason, ...]


class Deliveries:
    """Rejected, late and duplicate lines by member, looked up many times."""

    def __init__(self, data: ReportData) -> None:
        self.known = data.delivery is not None
        self._rejected: dict[str, dict[str, int]] = {}
        counted = data.rejected.group_by("member_id", "reason").agg(pl.len().alias("lines")).sort("member_id", "reason")
        for member_id, reason, lines in counted.iter_rows():
            self._rejected.setdefault(member_id or "", {})[reason] = lines
        self._delivery: dict[str, tuple[int, int]] = {}
        if data.delivery is not None:
            for member_id, late, duplicates in data.delivery.select("member_id", "late", "duplicates").iter_rows():
                self._delivery[member_id] = late or 0, duplicates or 0

    def rejected(self, members: set[str]) -> dict[str, int]:
        """Lines by reason, over these members."""
        sums: dict[str, int] = {}
        for member in members & self._rejected.keys():
            for reason, lines in self._rejected[member].items():
                sums[reason] = sums.get(reason, 0) + lines
        return dict(sorted(sums.items()))

    def late(self, members: set[str]) -> tuple[int, int]:
        """Late and duplicate lines, over these members."""
        found = [self._delivery[m] for m in members & self._delivery.keys()]
        return sum(late for late, _ in found), sum(twice for _, twice in found)


def make_quality(
    deliveries: Deliveries, members: set[str], *, events: int, capped: int, untimed: int, ungraded: int, untitled: int
) -> Quality:
    """The counts; late and duplicate lines have no value where the store doesn't tell them by member."""
    rejected = deliveries.rejected(members)
    late, twice = deliveries.late(members)
    return Quality(
        events=Figure("events", events),
        rejected=Figure("rejected", sum(rejected.values())),
        late=Figure("late", late if deliveries.known else None),
        duplicates=Figure("duplicates", twice if deliveries.known else None),
        capped=Figure("capped", capped),
        untimed=Figure("untimed", untimed),
        ungraded=Figure("exam_ungraded", ungraded),
        untitled=Figure("untitled", untitled),
        reasons=tuple(
            Reason(Text(*REASONS[reason][:2]) if reason in REASONS else Text(reason, reason), Figure("rejected", lines))
            for reason, lines in rejected.items()
        ),
    )
