"""What a new roster changes: arithmetic on dated memberships. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from schemas.reference.organisation_rows import Member
from schemas.reference.roster import EVER, Roster, period

Move = tuple[str, date | None, date | None]
"""(org_id, first day, last day): days, both included, on which a membership of the organisation began, ended
or changed its attributes. None is open."""

Span = tuple[int, int]
"""``[from, to)`` as day ordinals."""


def moves(old: Roster, new: Roster) -> set[Move]:
    """The organisations and days whose members differ between two rosters, as few periods as possible.

    A membership differs on a day when the member belongs elsewhere or nowhere, or has another category, role or
    status on it. Names and the shape of the tree don't matter here.
    """
    by_org: dict[str, list[Span]] = {}
    for found in _changes(old, new).values():
        for org_id, spans in found.items():
            by_org.setdefault(org_id, []).extend(spans)
    return {_move(org_id, span) for org_id, spans in by_org.items() for span in _joined(spans)}


def member_moves(old: Roster, new: Roster) -> dict[str, list[Move]]:
    """``moves`` by member: only members with a difference, each with their organisations, old and new."""
    return {
        member_id: [_move(org_id, span) for org_id in sorted(found) for span in _joined(found[org_id])]
        for member_id, found in _changes(old, new).items()
    }


def _changes(old: Roster, new: Roster) -> dict[str, dict[str, list[Span]]]:
    changed: dict[str, dict[str, list[Span]]] = {}
    for member_id in sorted({*old.member_ids(), *new.member_ids()}):
        before, after = old.memberships(member_id), new.memberships(member_id)
        if before == after:
            continue
        found: dict[str, list[Span]] = {}
        _missing(before, after, found)
        _missing(after, before, found)
        if found:
            changed[member_id] = found
    return changed


def _state(row: Member) -> tuple[str, ...]:
    return row.org_id, row.category, row.role, row.status


def _missing(rows: Iterable[Member], others: Iterable[Member], found: dict[str, list[Span]]) -> None:
    """Add the periods of ``rows`` that no equal membership among ``others`` covers."""
    same: dict[tuple[str, ...], list[Span]] = {}
    for row in others:
        same.setdefault(_state(row), []).append(period(row))
    for row in rows:
        for span in _without(period(row), same.get(_state(row), ())):
            found.setdefault(row.org_id, []).append(span)


def _without(span: Span, others: Iterable[Span]) -> list[Span]:
    """What is left of ``span`` when ``others`` are taken out."""
    left, (at, end) = [], span
    for start, stop in sorted(others):
        if start > at:
            left.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            break
    if at < end:
        left.append((at, end))
    return [(a, b) for a, b in left if a < b]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The union of ``spans`` as disjoint periods, neighbours joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _move(org_id: str, span: Span) -> Move:
    start, end = span
    return org_id, date.fromordinal(start) if start > 0 else None, date.fromordinal(end - 1) if end < EVER else None


def bounds(found: Iterable[Move], first: date, last: date) -> Mapping[str, list[tuple[date, date]]]:
    """Moves by organisation with open ends replaced by ``first`` and ``last``, cut to them."""
    by_org: dict[str, list[tuple[date, date]]] = {}
    for org_id, start, end in sorted(found, key=lambda m: (m[0], m[1] or date.min)):
        a, b = max(start or first, first), min(end or last, last)
        if a <= b:
            by_org.setdefault(org_id, []).append((a, b))
    return by_org
