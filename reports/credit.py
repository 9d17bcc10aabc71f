"""Credit hours of a run of reports: the ledger and the balances, read once, and summaries for members and groups.

``load_credit`` reads; ``member_credit`` and ``group_credit`` are what contexts call. Figures equal
``xuejing query credit``, ``credit-ledger`` and ``credit-branches``, which are made from the same values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from reports.issued.source import Source
from reports.measures.credit import Attended, Line, Studied, ledger
from reports.measures.credit_balance import Balance, Period, balances, year_start
from reports.measures.proportions import Interval, wilson
from schemas.credit import KINDS, CreditPolicy, CreditRules, Kind, Quota
from schemas.reference import Roster
from sinks.read import Filters, Scope


@dataclass(frozen=True)
class CreditData:
    """Lines from the first day of the first year to ``last``, and the balances of those years.

    ``kinds``: what is shown; without attendance there is no ``organised``.
    """

    first: date
    last: date
    rules: CreditRules
    lines: Sequence[Line] = ()
    balances: Sequence[Balance] = ()
    kinds: Sequence[Kind] = KINDS

    @cached_property
    def by_member(self) -> Mapping[str, Sequence[Balance]]:
        """Balances of each member, by year and kind."""
        found: dict[str, list[Balance]] = {}
        for balance in self.balances:
            found.setdefault(balance.member_id, []).append(balance)
        return found

    @cached_property
    def attended_by_org(self) -> Mapping[str, Sequence[Line]]:
        """Lines of organised sessions by the organisation that the member belonged to on the day."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            if line.kind == "organised":
                found.setdefault(line.org_id, []).append(line)
        return found

    @cached_property
    def earned_in(self) -> Mapping[tuple[str, int, Kind], int]:
        """Hours in millionths by organisation of the day, year and kind."""
        found: dict[tuple[str, int, Kind], int] = {}
        for line in self.lines:
            key = line.org_id, line.day.year, line.kind
            found[key] = found.get(key, 0) + line.micro
        return found

    @cached_property
    def lines_by_member(self) -> Mapping[str, Sequence[Line]]:
        """Ledger lines of each member."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.member_id, []).append(line)
        return found


@dataclass(frozen=True, slots=True)
class MemberCredit:
    """One member: a balance for each year and kind, and the lines within the period."""

    balances: Sequence[Balance]
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class GroupCredit:
    """One group, year and kind. Hours in millionths; ``owing``: members with a quota who are not exempt all year;
    ``done`` of them have earned it. ``recorded``: members with a line. ``here``: hours earned by members on days on
    which they belonged to the group. Withheld: only ``members`` may be shown."""

    year: int
    kind: Kind
    members: int
    withheld: bool
    exempt: int | None = None
    owing: int | None = None
    done: int | None = None
    interval: Interval | None = None
    recorded: int | None = None
    quota: int | None = None
    earned: int | None = None
    here: int | None = None
    rules: tuple[str, ...] = field(default=())


def member_credit(data: CreditData | None, member_id: str) -> MemberCredit | None:
    """A member's credit; None when the run has none."""
    if data is None:
        return None
    lines = data.lines_by_member.get(member_id, ())
    inside = [line for line in lines if data.first <= line.day <= data.last]
    return MemberCredit(data.by_member.get(member_id, ()), inside)


def group_credit(
    data: CreditData | None, members: Collection[str], orgs: Collection[str], k: int = 0
) -> list[GroupCredit]:
    """Credit of ``members``, by year and kind; ``orgs``: the group's organisations. Groups of fewer than ``k`` are
    withheld; which siblings have to be withheld with them is the caller's to know (``measures.suppression``)."""
    if data is None:
        return []
    wanted, nodes = set(members), set(orgs)
    found = []
    for year in range(data.first.year, data.last.year + 1):
        for kind in data.kinds:
            rows = [b for m in sorted(wanted) for b in data.by_member.get(m, ()) if (b.year, b.kind) == (year, kind)]
            if 0 < len(rows) < k:
                found.append(GroupCredit(year, kind, len(rows), True))
            else:
                here = sum(data.earned_in.get((org, year, kind), 0) for org in nodes)
                found.append(_group(year, kind, rows, here))
    return found


def _group(year: int, kind: Kind, rows: Sequence[Balance], here: int) -> GroupCredit:
    owing = [b for b in rows if b.state in ("done", "open")]
    done = sum(b.state == "done" for b in owing)
    return GroupCredit(
        year=year,
        kind=kind,
        members=len(rows),
        withheld=False,
        exempt=sum(b.state == "exempt" for b in rows),
        owing=len(owing),
        done=done,
        interval=wilson(done, len(owing)),
        recorded=sum(b.earned > 0 for b in rows),
        quota=sum(b.quota or 0 for b in owing),
        earned=sum(b.earned for b in owing),
        here=here,
        rules=tuple(sorted({r for b in rows for r in b.rules})),
    )


def load_credit(
    reader: Source,
    scope: Scope,
    first: date,
    last: date,
    policy: CreditPolicy,
    *,
    member: str | None = None,
    org: str | None = None,
    category: str | None = None,
    roster: Roster | None = None,
) -> CreditData:
    """The ledger and the balances of the members whom the scope and the filters show.

    What they earned in an earlier branch is theirs: ``org`` and ``category`` choose members, not their hours. A scope
    below a node sees the hours of its own days only. ``scope`` names members, or is a member's own.
    """
    roster = roster or reader.roster()
    start = year_start(first)
    shown = reader.frame("members", scope, Filters(start, last, org, member, category))
    members = set(shown["member_id"].to_list())
    filters = Filters(first=start, last=last, member=member)
    days = reader.frame("member-day", scope, filters).filter(pl.col("member_id").is_in(list(members)))
    attended: Iterable[Attended] = ()
    if policy.attendance:
        rows = reader.frame("attendance", scope, filters).filter(pl.col("member_id").is_in(list(members)))
        attended = attended_of(rows)
    rules = policy.rules.with_imported(imported_quotas(reader))
    lines = ledger(studied_of(days), attended, rules, roster, union_of(days))
    kinds = KINDS if policy.attendance else ("self_study",)
    free = exemptions(reader)
    found = balances(lines, members, first, last, rules, roster, free, kinds)
    return CreditData(first, last, rules, lines, found, kinds)


def studied_of(days: pl.DataFrame) -> Iterable[Studied]:
    """Rows of the query member-day as recorded time, one a course."""
    rows = days.filter((pl.col("course_id") != "") & (pl.col("study_seconds") > 0))
    for member, day, course, seconds in rows.select("member_id", "day", "course_id", "study_seconds").iter_rows():
        yield Studied(member, day, course, round(seconds * 1000))


def union_of(days: pl.DataFrame) -> dict[tuple[str, date], int]:
    """Time studied by (member, day) over all courses."""
    rows = days.filter(pl.col("course_id") == "").select("member_id", "day", "study_seconds")
    return {(member, day): round(seconds * 1000) for member, day, seconds in rows.iter_rows()}


def attended_of(rows: pl.DataFrame) -> Iterable[Attended]:
    """Rows of the query attendance."""
    for row in rows.iter_rows(named=True):
        at_ms = round(row["at"].timestamp() * 1000)
        yield Attended(
            row["member_id"], row["day"], row["session_id"], row["meeting"], row["duration_ms"], at_ms,
            row["make_up"], tuple(row["event_ids"]),
        )  # fmt: skip


def imported_quotas(reader: Source) -> list[Quota]:
    """Quotas of the reference table."""
    return [quota_of(row) for row in reader.reference("quotas").iter_rows(named=True)]


def exemptions(reader: Source) -> dict[str, list[Period]]:
    """Exempt periods by member, of the reference table."""
    found: dict[str, list[Period]] = {}
    rows = reader.reference("exemptions").select("member_id", "valid_from", "valid_to")
    for member, since, until in rows.iter_rows():
        found.setdefault(member, []).append((since, until))
    return found


def quota_of(row: Mapping[str, Any]) -> Quota:
    """A row of the reference table quotas."""
    return Quota(
        kind=row["kind"],
        hours=row["hours"],
        categories=(row["category"],) if row["category"] else (),
        roles=(row["role"],) if row["role"] else (),
        org_id=row["org_id"],
        id=row["quota_id"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )
