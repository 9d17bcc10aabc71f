"""What each member owes of a year and has earned: sums of ledger lines against dated quotas. Pure, in integers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from reports.measures.credit import Line
from schemas.credit import KINDS, CreditRules, Kind, Quota, Rule
from schemas.reference import Member, Roster

State = Literal["done", "open", "exempt", "no_quota"]
"""done: the year's quota is earned; open: not yet; exempt: nothing is owed for the year; no_quota: none is set."""

Period = tuple[date | None, date | None]
"""``[from, to)``; None is open."""


@dataclass(frozen=True, slots=True)
class Balance:
    """One member, calendar year and kind. Hours in millionths.

    ``earned``: from the first day of the year to the last day asked for; ``in_period`` of these within the days asked
    for. ``quota`` None: none is set. ``exempt_days``: days of the year on which nothing is owed.
    """

    member_id: str
    year: int
    kind: Kind
    org_id: str
    category: str
    role: str
    quota: int | None
    earned: int
    in_period: int
    left: int | None
    member_days: int
    exempt_days: int
    state: State
    rules: tuple[str, ...]
    """versions and imported quotas behind the quota and the lines"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a member owes for a year; ``quota`` None: none is set."""

    quota: int | None
    member_days: int
    exempt_days: int
    rules: frozenset[str]


def balances(
    lines: Iterable[Line],
    members: Iterable[str],
    first: date,
    last: date,
    rules: CreditRules,
    roster: Roster,
    exemptions: Mapping[str, Sequence[Period]] | None = None,
    kinds: Sequence[Kind] = KINDS,
) -> list[Balance]:
    """Balances of every year that ``first`` to ``last`` (both included) touch, by member, year and kind.

    ``lines`` begin on the first day of the first year: see ``year_start``. Members who belong nowhere in a year and
    have no line in it are left out.
    """
    earned: dict[tuple[str, int, Kind], list[Line]] = {}
    for line in lines:
        if line.day <= last:
            earned.setdefault((line.member_id, line.day.year, line.kind), []).append(line)
    found = []
    for member in sorted(set(members)):
        free = (exemptions or {}).get(member, ())
        for year in range(first.year, last.year + 1):
            if (row := _row_at(roster, member, year, last)) is None:
                continue
            for kind in kinds:
                own = earned.get((member, year, kind), [])
                found.append(_balance(member, year, kind, row, own, (first, rules, roster, free)))
    return found


def year_start(first: date) -> date:
    """The first day whose lines a balance needs."""
    return date(first.year, 1, 1)


def _row_at(roster: Roster, member: str, year: int, last: date) -> Member | None:
    """The membership at the end, or the latest one of the year."""
    start, end = date(year, 1, 1), min(date(year, 12, 31), last)
    rows = [
        row
        for row in roster.memberships(member)
        if (row.valid_from or date.min) <= end and (row.valid_to is None or row.valid_to > start)
    ]
    return rows[-1] if rows else None


def _balance(
    member: str,
    year: int,
    kind: Kind,
    row: Member,
    own: Sequence[Line],
    context: tuple[date, CreditRules, Roster, Sequence[Period]],
) -> Balance:
    first, rules, roster, free = context
    owed = owed_in(year, kind, member, rules, roster, free)
    total = sum(line.micro for line in own)
    left = None if owed.quota is None else owed.quota - total
    # Each line is rounded down, the quota up: fewer millionths than there are lines are not owed.
    if left is not None and left <= len(own):
        left = 0
    state: State = "open"
    if owed.member_days and owed.exempt_days == owed.member_days:
        state = "exempt"
    elif owed.quota is None:
        state = "no_quota"
    elif left == 0:
        state = "done"
    return Balance(
        member_id=member,
        year=year,
        kind=kind,
        org_id=row.org_id,
        category=row.category,
        role=row.role,
        quota=owed.quota,
        earned=total,
        in_period=sum(line.micro for line in own if line.day >= first),
        left=left,
        member_days=owed.member_days,
        exempt_days=owed.exempt_days,
        state=state,
        rules=tuple(sorted(owed.rules | {line.rule for line in own if line.rule})),
    )


def owed_in(
    year: int, kind: Kind, member: str, rules: CreditRules, roster: Roster, free: Sequence[Period] = ()
) -> Owed:
    """The quota of a year: each day owes its share of the quota that holds for the member on it.

    Where the rule of a day does not prorate, the quota of the member's last day that is not exempt is owed whole.
    """
    length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    shares, days, exempt = 0, 0, 0
    whole: int | None = None
    named: set[str] = set()
    any_quota = False
    for start, stop in _stretches(year, member, rules, roster, free):
        row, rule = roster.membership(member, start), rules.on(start)
        if row is None:
            continue
        n = (stop - start).days
        days += n
        if _exempt(row, rule, start, free):
            exempt += n
            continue
        quota = _quota(rules, kind, row, roster, start)
        if quota is None:
            continue
        any_quota = True
        named.add(quota.id or (rule.version if rule else ""))
        shares += quota.micro * n
        whole = quota.micro if rule is not None and not rule.prorate else None
    # Rounded up to a millionth: a sum of whole shares is exact.
    owed = whole if whole is not None else -(-shares // length)
    if not any_quota:
        return Owed(0 if exempt and exempt == days else None, days, exempt, frozenset())
    return Owed(owed, days, exempt, frozenset(named))


def _stretches(
    year: int, member: str, rules: CreditRules, roster: Roster, free: Sequence[Period]
) -> Iterator[tuple[date, date]]:
    """``[start, stop)`` within the year during which nothing changes that a quota depends on."""
    start, stop = date(year, 1, 1), date(year + 1, 1, 1)
    cuts = {start, stop, *rules.cuts()}
    dated = [(row.valid_from, row.valid_to) for row in roster.memberships(member)]
    cuts.update(day for pair in (*dated, *free) for day in pair if day is not None)
    if any(q.org_id for q in (*rules.imported, *(q for r in rules.rules for q in r.quotas))):
        cuts.update(d for o in roster.organisations for d in (o.valid_from, o.valid_to) if d is not None)
    inside = sorted(day for day in cuts if start <= day <= stop)
    return itertools.pairwise(inside)


def _exempt(row: Member, rule: Rule | None, day: date, free: Sequence[Period]) -> bool:
    statuses = rule.exempt_statuses if rule else ("exempt",)
    if row.status in statuses:
        return True
    return any((a is None or a <= day) and (b is None or day < b) for a, b in free)


def _quota(rules: CreditRules, kind: Kind, row: Member, roster: Roster, day: date) -> Quota | None:
    def holds(q: Quota) -> bool:
        named = ((q.categories, row.category), (q.roles, row.role), (q.statuses, row.status))
        if any(words and word not in words for words, word in named):
            return False
        return not q.org_id or q.org_id == row.org_id or q.org_id in roster.ancestors(row.org_id, day)

    return max((q for q in rules.quotas(day, kind) if holds(q)), key=lambda q: q.rank, default=None)
