"""Organised sessions of an organisation: what was held, who was there, and the months and quarters without.

Made from the lines of the credit ledger, which has one for every attendance, credited or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reports.credit import CreditData
from reports.measures.credit import Line
from schemas.credit import Every
from schemas.families.attendance import MEETINGS


@dataclass(frozen=True, slots=True)
class MeetingKind:
    """Sessions of one kind in the period. ``attended``: attendances, those that were made up included.

    ``every``: how often the rules expect one, '' for no rule. ``periods``: months or quarters that lie wholly in the
    period; ``missing``: those of them without a session that anybody's attendance was recorded of.
    """

    meeting: str
    held: int
    attended: int
    made_up: int
    every: str
    periods: int
    missing: tuple[str, ...]


def rhythm(data: CreditData | None, orgs: Collection[str]) -> tuple[MeetingKind, ...]:
    """Every kind that was held or is expected, in the order of ``MEETINGS``; empty where attendance is not shown.

    ``orgs``: the organisation and what is below it. The rules of the last day say what is expected.
    """
    if data is None or "organised" not in data.kinds:
        return ()
    rule = data.rules.on(data.last)
    expected = rule.rhythm if rule else {}
    lines = [n for org in orgs for n in data.attended_by_org.get(org, ()) if data.first <= n.day <= data.last]
    found = []
    for choice in MEETINGS:
        own, every = [n for n in lines if n.session_kind == choice.code], expected.get(choice.code)
        if own or every:
            found.append(_kind(choice.code, own, every, data.first, data.last))
    return tuple(found)


def _kind(meeting: str, lines: Sequence[Line], every: Every | None, first: date, last: date) -> MeetingKind:
    wanted = [label(every, start) for start, _ in whole(every, first, last)] if every else []
    had = {label(every, n.day) for n in lines if not n.make_up} if every else set()
    return MeetingKind(
        meeting=meeting,
        held=len({n.source for n in lines}),
        attended=len(lines),
        made_up=sum(n.make_up for n in lines),
        every=every or "",
        periods=len(wanted),
        missing=tuple(name for name in wanted if name not in had),
    )


def label(every: Every, day: date) -> str:
    """The month, quarter or year of a day: ``2026-05``, ``2026-Q2`` or ``2026``."""
    if every == "year":
        return str(day.year)
    return f"{day:%Y-%m}" if every == "month" else f"{day.year}-Q{(day.month + 2) // 3}"


def whole(every: Every, first: date, last: date) -> Iterator[tuple[date, date]]:
    """First and last days of the months, quarters or years that lie wholly within the days, all included."""
    length = {"month": 1, "quarter": 3, "year": 12}[every]
    year, month = first.year, (first.month - 1) // length * length + 1
    while True:
        start = date(year, month, 1)
        year, month = (year, month + length) if month + length <= 12 else (year + 1, 1)
        end = date(year, month, 1) - timedelta(days=1)
        if end > last:
            return
        if start >= first:
            yield start, end
