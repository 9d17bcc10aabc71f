"""Improvements of organisations as a report reads them: from the answer to the query ``improvements``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from reports.issued.source import Source
from sinks.read import Filters, Scope

FAMILY = "improvement"


@dataclass(frozen=True, slots=True)
class Issue:
    """One improvement as it stood on a day. Days are local; ``state``: raised, assigned, acted, reopened or closed."""

    org_id: str
    improvement_id: str
    problem: str
    about: str
    course_id: str
    from_org: str
    period_first: date | None
    period_last: date | None
    state: str
    raised: date
    assigned: date | None
    owner_role: str
    due: date | None
    acted: date | None
    actions: tuple[str, ...]
    closed: date | None
    reopened: int
    reopened_on: date | None = None
    """when it was last; unknown in what was issued before the query told"""

    @property
    def open(self) -> bool:
        """Whether it is not closed, or was opened again."""
        return self.closed is None

    def overdue(self, day: date) -> bool:
        """Whether it is open after its latest due day."""
        return self.open and self.due is not None and self.due < day

    def age(self, day: date) -> int:
        """Days from raising to closing, or to ``day`` while it is open."""
        return max(0, ((self.closed or day) - self.raised).days)


def issues(frame: pl.DataFrame, zone: ZoneInfo) -> tuple[Issue, ...]:
    """The rows of the query; ``zone`` of local days."""
    return tuple(_issue(row, zone) for row in frame.iter_rows(named=True))


def _issue(row: dict[str, Any], zone: ZoneInfo) -> Issue:
    def local(moment: datetime | None) -> date | None:
        return moment.astimezone(zone).date() if moment else None

    def day(text: str) -> date | None:
        return date.fromisoformat(text) if text else None

    raised = local(row["raised_at"])
    assert raised is not None
    return Issue(
        org_id=row["org_id"],
        improvement_id=row["improvement_id"],
        problem=row["problem"],
        about=row["about"],
        course_id=row["course_id"],
        from_org=row["from_org"],
        period_first=day(row["period_first"]),
        period_last=day(row["period_last"]),
        state=row["state"],
        raised=raised,
        assigned=local(row["assigned_at"]),
        owner_role=row["owner_role"],
        due=day(row["due"]),
        acted=local(row["acted_at"]),
        actions=tuple(row["actions"]),
        closed=local(row["closed_at"]),
        reopened=row["reopened"],
        reopened_on=local(row.get("reopened_at")),
    )


def load_issues(
    reader: Source, scope: Scope, last: date, org: str | None, shown: Iterable[str], zone: ZoneInfo
) -> tuple[Issue, ...]:
    """As they stood at the end of ``last``; none where the family is not shown, or in a scope of one member."""
    if FAMILY not in shown or scope.detail == "own":
        return ()
    return issues(reader.frame("improvements", scope, Filters(last=last, org=org)), zone)


def current(found: Sequence[Issue], first: date) -> list[Issue]:
    """Those that are open, and those closed since ``first``: the oldest first."""
    kept = (i for i in found if i.closed is None or i.closed >= first)
    return sorted(kept, key=lambda i: (i.raised, i.org_id, i.improvement_id))
