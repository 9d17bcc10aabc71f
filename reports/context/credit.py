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
    if data is None:
        return ()
    return tuple(_group(data, members, g, 0 < (g.owing or 0) < k) for g in group_credit(data, members, (), k))


def _group(data: CreditData, members: Collection[str], g: GroupCredit, hide: bool) -> GroupCreditLine:
    hidden = hide or g.withheld
    owing = g.owing or 0
    # Also of those for whom no quota is set: self-study often has none.
    rows = (b for m in members for b in data.by_member.get(m, ()) if (b.year, b.kind) == (g.year, g.kind))
    earned = [b.earned for b in rows if b.state != "exempt"]
    return GroupCreditLine(
        year=str(g.year),
        kind=KIND_TEXT[g.kind],
        members=Figure("members", g.members),
        exempt=withheld("credit_exempt") if hidden else Figure("credit_exempt", g.exempt),
        done=withheld("credit_done") if hidden else share("credit_done", g.done or 0, owing),
        mean=withheld("credit_mean")
        if hidden
        else Figure("credit_mean", sum(earned) / MICRO / len(earned) if earned else None),
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
    if data is None:
        return ()
    lines = [(node, name, ids, g) for node, name, ids in children for g in group_credit(data, ids, ())]
    found = []
    for key in dict.fromkeys((g.year, g.kind) for *_, g in lines):
        here = [one for one in lines if (one[3].year, one[3].kind) == key]
        if not any(g.owing for *_, g in here):
            continue  # nothing is owed: nothing to compare with
        small = held_back({node: g.owing or 0 for node, *_, g in here}, k)
        for node, name, ids, g in here:
            line = _group(data, ids, g, node in small or not shown.get(node, True))
            found.append(ChildCredit(node, name, line))
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
