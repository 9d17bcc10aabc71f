"""Answers about credit hours: balances of members, the ledger behind them, and organisations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from reports import meetings
from reports.analytics.groups import withheld
from reports.analytics.inputs import Inputs
from reports.credit import CreditData, GroupCredit, group_credit, load_credit
from reports.measures.credit import Line
from reports.measures.credit_balance import Balance, year_start
from schemas.credit import MICRO

Rows = Iterator[dict[str, Any]]


def _data(inputs: Inputs) -> CreditData | None:
    """None where there is neither a period nor a record to take one from."""
    f, period = inputs.filters, _period(inputs)
    if period is None:
        return None
    return load_credit(
        inputs.reader,
        inputs.rows_scope,
        *period,
        inputs.credit,
        member=f.member,
        org=f.org,
        category=f.category,
        roster=inputs.roster,
    )


def _period(inputs: Inputs) -> tuple[date, date] | None:
    """The days asked for; without a first day the calendar year, without a last one up to the last record."""
    first, last = inputs.filters.first, inputs.filters.last
    if last is None:
        frames = [inputs.days, *([inputs.frame("attendance", "exam")] if inputs.credit.attendance else [])]
        seen = [day for frame in frames if isinstance(day := frame["day"].max(), date)]
        if not seen:
            return None
        last = max(*seen, first or date.min)
    return first or year_start(last), last


def credit(inputs: Inputs) -> Rows:
    """Balances, one row a member, year and kind."""
    data = _data(inputs)
    yield from (balance_row(b) for b in (data.balances if data else ()))


def credit_ledger(inputs: Inputs) -> Rows:
    """Ledger lines within the period."""
    data = _data(inputs)
    for line in data.lines if data else ():
        if data and data.first <= line.day <= data.last:
            yield line_row(line)


def credit_branches(inputs: Inputs) -> Rows:
    """Organisations with members of their own, suppressed where small."""
    data = _data(inputs)
    if data is None:
        return
    members: dict[str, set[str]] = {}
    for balance in data.balances:
        if balance.year == data.last.year and _within(inputs, data, balance.org_id):
            members.setdefault(balance.org_id, set()).add(balance.member_id)
    hidden = withheld({org: len(found) for org, found in members.items()}, inputs.k)
    groups = [(org, group) for org, found in sorted(members.items()) for group in group_credit(data, found, [org])]
    for org, group in groups:
        few = inputs.scope.detail == "aggregate" and org in _few_owing(group, groups, inputs.k)
        yield group_row(org, group, few or org in hidden)


def _few_owing(of: GroupCredit, groups: Sequence[tuple[str, GroupCredit]], k: int) -> frozenset[str]:
    """Organisations of whose many members few owe hours of that kind: the figures are about those few."""
    return withheld({org: g.owing or 0 for org, g in groups if (g.year, g.kind) == (of.year, of.kind)}, k)


def _within(inputs: Inputs, data: CreditData, org_id: str) -> bool:
    """Whether an organisation lies in what is seen. Who moved on has a balance with where they are now: that one's
    figures, and that they went there, are of no concern to the organisation that they left."""
    node = inputs.scope.node
    if node is None or org_id == node:
        return True
    return any(node in inputs.roster.ancestors(org_id, day) for day in (data.first, data.last))


def rhythm(inputs: Inputs) -> Rows:
    """What each organisation with members of its own held, by kind of session, and the periods without."""
    data = _data(inputs)
    orgs = sorted({b.org_id for b in data.balances}) if data else []
    for org in orgs:
        for kind in meetings.rhythm(data, [org]):
            yield {
                "org_id": org, "meeting": kind.meeting, "every": kind.every, "held": kind.held,
                "attended": kind.attended, "made_up": kind.made_up, "periods": kind.periods,
                "missing": list(kind.missing),
            }  # fmt: skip


def balance_row(b: Balance) -> dict[str, Any]:
    """A row of the query credit."""
    return {
        "member_id": b.member_id, "year": b.year, "credit_kind": b.kind, "org_id": b.org_id, "category": b.category,
        "role": b.role, "quota_hours": _hours(b.quota), "earned_hours": _hours(b.earned),
        "period_hours": _hours(b.in_period), "left_hours": _hours(b.left), "state": b.state,
        "member_days": b.member_days, "exempt_days": b.exempt_days, "rules": list(b.rules),
    }  # fmt: skip


def line_row(line: Line) -> dict[str, Any]:
    """A row of the query credit-ledger."""
    return {
        "member_id": line.member_id, "day": line.day, "credit_kind": line.kind, "source": line.source,
        "session_kind": line.session_kind, "make_up": line.make_up, "org_id": line.org_id, "rule": line.rule,
        "recorded_ms": line.recorded_ms, "credited_ms": line.credited_ms, "hours": _hours(line.micro),
        "reason": line.reason, "event_ids": list(line.event_ids),
    }  # fmt: skip


def group_row(org_id: str, g: GroupCredit, hide: bool) -> dict[str, Any]:
    """A row of the query credit-branches; with ``hide`` without its figures."""
    row: dict[str, Any] = {
        "exempt": g.exempt, "owing": g.owing, "done": g.done,
        "done_share": g.done / g.owing if g.owing and g.done is not None else None,
        "low": g.interval.low if g.interval else None, "high": g.interval.high if g.interval else None,
        "recorded": g.recorded, "quota_hours": _hours(g.quota), "earned_hours": _hours(g.earned),
        "hours_here": _hours(g.here),
    }  # fmt: skip
    head = {"org_id": org_id, "year": g.year, "credit_kind": g.kind, "members": g.members, "rules": list(g.rules)}
    return {**head, "withheld": hide, **(dict.fromkeys(row) if hide else row)}


def _hours(micro: int | None) -> float | None:
    return None if micro is None else micro / MICRO


ANSWERS: Mapping[str, Callable[[Inputs], Rows]] = {
    "credit": credit,
    "credit-ledger": credit_ledger,
    "credit-branches": credit_branches,
    "rhythm": rhythm,
}
