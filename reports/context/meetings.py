"""Organisational life in a group's report: sessions held by kind, and of a branch the months or quarters without."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reports.credit import CreditData
from reports.figures import Figure
from reports.meetings import rhythm
from schemas.families.attendance import MEETINGS
from schemas.reference import Text

_NAMES = {choice.code: choice.title for choice in MEETINGS}


@dataclass(frozen=True, slots=True)
class MeetingLine:
    """One kind of organised session. ``expected``: message that says how often the rules expect one, '' for no rule.
    ``missing``: of a single branch, whole months, quarters or years without one; says nothing about persons.
    ``complete``: of a single branch, there are such periods and each has one."""

    name: Text
    held: Figure
    expected: str
    missing: tuple[Text, ...]
    complete: bool


def meeting_lines(data: CreditData | None, orgs: Collection[str]) -> tuple[MeetingLine, ...]:
    """Every kind that was held or is expected in ``orgs``; empty where attendance is not counted."""
    single = len(orgs) == 1
    return tuple(
        MeetingLine(
            _NAMES[kind.meeting],
            Figure("meetings_held", kind.held),
            f"group.life_every_{kind.every}" if kind.every else "",
            tuple(map(period_name, kind.missing)) if single else (),
            single and kind.periods > 0 and not kind.missing,
        )
        for kind in rhythm(data, orgs)
    )


def period_name(label: str) -> Text:
    """``2026-05``, ``2026-Q2`` or ``2026`` as offices write it."""
    year, _, part = label.partition("-")
    if not part:
        return Text(f"{year}年", year)
    if part.startswith("Q"):
        return Text(f"{year}年第{'一二三四'[int(part[1]) - 1]}季度", f"{year} {part}")
    return Text(f"{year}年{int(part)}月", label)
