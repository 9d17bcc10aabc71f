"""Credit hours in reports: of a member what is done and left, of a group how many have done what they owe."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.analytics.groups import withheld as held_back
from reports.credit import CreditData, GroupCredit, group_credit, member_credit
from reports.figures import Figure, share, withheld
from reports.measures.credit_balance import Balance
from schemas.credit import MICRO, Kind
from schemas.reference import Text

STATES = {
    "done": "credit.state_done",
    "open": "credit.state_open",
    "exempt": "credit.state_exempt",
    "no_quota": "credit.state_no_quota",
}
KIND_TEXT: Mapping[Kind, str] = {"organised": "credit.organised", "self_study": "credit.self_study"}


@dataclass(frozen=True, slots=True)
class CreditLine:
    """A member's year and kind: hours up to the end of the period. ``rules``: versions behind quota and hours."""

    year: str
    kind: str
    earned: Figure
    in_period: Figure
    quota: Figure
    left: Figure
    state: str
    rules: str


@dataclass(frozen=True, slots=True)
class GroupCreditLine:
    """A group's year and kind. ``done``: of those who owe hours. ``hidden``: only the number of members is shown."""

    year: str
    kind: str
    members: Figure
    exempt: Figure
    done: Figure
    mean: Figure
    quota: Figure
    hidden: bool
    rules: str


@dataclass(frozen=True, slots=True)
class ChildCredit:
    """One organisation below, of one year and kind."""

    id: str
    name: Text
    line: GroupCreditLine


def _hours(metric_id: str, micro: int | None) -> Figure:
    return Figure(metric_id, None if micro is None else micro / MICRO)


def member_lines(data: CreditData | None, member_id: str) -> tuple[CreditLine, ...]:
    """By year and kind; empty where the run counts no credit. Kinds are never added up."""
    found = member_credit(data, member_id)
    return tuple(_line(b) for b in found.balances) if found else ()


def _line(b: Balance) -> CreditLine:
    return CreditLine(
        year=str(b.year),
        kind=KIND_TEXT[b.kind],
        earned=_hours("credit_hours", b.earned),
        in_period=_hours("credit_period", b.in_period),
        quota=_hours("credit_quota", b.quota),
        left=_hours("credit_left", b.left),
        state=STATES[b.state],
        rules=", ".join(b.rules),
    )


def group_lines(data: CreditData | None, members: Collection[str], k: int) -> tuple[GroupCreditLine, ...]:
    """Of a group that may be shown; of a year and kind in which fewer than k owe hours only how many members."""
    return tuple(_group(g, 0 < (g.owing or 0) < k) for g in group_credit(data, members, (), k))


def _group(g: GroupCredit, hide: bool) -> GroupCreditLine:
    hidden = hide or g.withheld
    owing = g.owing or 0
    return GroupCreditLine(
        year=str(g.year),
        kind=KIND_TEXT[g.kind],
        members=Figure("members", g.members),
        exempt=withheld("credit_exempt") if hidden else Figure("credit_exempt", g.exempt),
        done=withheld("credit_done") if hidden else share("credit_done", g.done or 0, owing),
        mean=withheld("credit_mean")
        if hidden
        else Figure("credit_mean", g.earned / MICRO / owing if owing and g.earned is not None else None),
        quota=withheld("credit_quota_mean")
        if hidden
        else Figure("credit_quota_mean", g.quota / MICRO / owing if owing and g.quota is not None else None),
        hidden=hidden,
        rules=", ".join(g.rules),
    )


def child_credit(
    data: CreditData | None, children: Iterable[tuple[str, Text, Collection[str]]], shown: Mapping[str, bool], k: int
) -> tuple[ChildCredit, ...]:
    """(id, name, members) of organisations below, in their order. Withheld are those that are withheld elsewhere, those
    of which fewer than k owe hours, and one more where the total would give them back."""
    lines: list[tuple[str, Text, GroupCredit]] = []
    for node, name, members in children:
        lines += [(node, name, g) for g in group_credit(data, members, ())]
    found = []
    for key in dict.fromkeys((g.year, g.kind) for _, _, g in lines):
        here = [(n, name, g) for n, name, g in lines if (g.year, g.kind) == key]
        small = held_back({n: g.owing or 0 for n, _, g in here}, k)
        found += [ChildCredit(n, name, _group(g, n in small or not shown.get(n, True))) for n, name, g in here]
    return tuple(found)


def behind(data: CreditData | None, members: Sequence[str]) -> dict[str, tuple[float, float]]:
    """(hours done, hours at an even pace) by member, of the kind with a quota; organised before self-study.

    Empty where nobody has a line of that kind: then it is not delivered, and everybody would seem to be behind.
    """
    if data is None:
        return {}
    length = 366 if data.last.year % 4 == 0 and (data.last.year % 100 != 0 or data.last.year % 400 == 0) else 365
    gone = data.last.timetuple().tm_yday / length
    for kind in data.kinds:
        if not any(line.kind == kind and line.day.year == data.last.year for line in data.lines):
            continue
        found = {
            m: (b.earned / MICRO, b.quota / MICRO * gone)
            for m in members
            for b in data.by_member.get(m, ())
            if b.kind == kind and b.year == data.last.year and b.quota and b.state == "open"
        }
        if found:
            return found
    return {}
