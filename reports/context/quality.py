"""Data quality: what was received and does not count, came late, or came twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from reports.data import ReportData
from reports.figures import Figure
from reports.population import Population
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


@dataclass(frozen=True, slots=True)
class Received:
    """Rejected lines by reason, and late and repeated events; None where the store does not tell them by member."""

    reasons: Mapping[str, int] = field(default_factory=dict)
    late: int | None = None
    duplicates: int | None = None


class Deliveries:
    """Rejected, late and repeated lines of members, looked up many times, and of organisations: there those count that
    belong to days on which the member belonged to it."""

    def __init__(self, data: ReportData) -> None:
        self._rejected, self._delivery = data.rejected, data.delivery

    @cached_property
    def _reasons(self) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        counted = self._rejected.group_by("member_id", "reason").len().sort("member_id", "reason")
        for member_id, reason, lines in counted.iter_rows():
            found.setdefault(member_id or "", {})[reason] = lines
        return found

    @cached_property
    def _arrived(self) -> Mapping[str, tuple[int, int]]:
        if self._delivery is None:
            return {}
        sums = self._delivery.group_by("member_id").agg(pl.col("late").sum(), pl.col("duplicates").sum())
        return {member_id: (late, twice) for member_id, late, twice in sums.iter_rows()}

    def of_member(self, member_id: str) -> Received:
        """All of one member, wherever they belonged."""
        reasons = self._reasons.get(member_id, {})
        return Received(reasons) if self._delivery is None else Received(reasons, *self._arrived.get(member_id, (0, 0)))

    def of_group(self, population: Population) -> Received:
        """Those of a node."""
        reasons = dict(population.lines(self._rejected).group_by("reason").len().sort("reason").iter_rows())
        if self._delivery is None:
            return Received(reasons)
        arrived = population.lines(self._delivery)
        return Received(reasons, int(arrived["late"].sum()), int(arrived["duplicates"].sum()))


def make_quality(
    received: Received, *, events: int, capped: int, untimed: int, ungraded: int, untitled: int
) -> Quality:
    """The counts; late and duplicate lines have no value where the store doesn't tell them by member."""
    return Quality(
        events=Figure("events", events),
        rejected=Figure("rejected", sum(received.reasons.values())),
        late=Figure("late", received.late),
        duplicates=Figure("duplicates", received.duplicates),
        capped=Figure("capped", capped),
        untimed=Figure("untimed", untimed),
        ungraded=Figure("exam_ungraded", ungraded),
        untitled=Figure("untitled", untitled),
        reasons=tuple(
            Reason(Text(*REASONS[reason][:2]) if reason in REASONS else Text(reason, reason), Figure("rejected", lines))
            for reason, lines in received.reasons.items()
        ),
    )
