"""Which organisation is below which, and from when to when: the tree as dated pairs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from schemas.reference.roster import EVER, Roster, period


class Below(NamedTuple):
    """``org_id`` is ``ancestor_id`` or below it during ``[valid_from, valid_to)``, local days; None is open."""

    ancestor_id: str
    org_id: str
    valid_from: date | None
    valid_to: date | None


def closure(roster: Roster) -> list[Below]:
    """Every (ancestor, organisation) pair with its longest periods, each organisation below itself.

    Agrees with ``Roster.subtree`` on every day. Work: stretches between changes times organisations times depth.
    """
    cuts = sorted({0, *(day for row in roster.organisations for day in period(row))} - {EVER})
    open_since: dict[tuple[str, str], int] = {}
    found: list[tuple[str, str, int, int]] = []
    for start in cuts:
        pairs = set(_pairs(roster, date.fromordinal(max(start, 1))))
        for pair in open_since.keys() - pairs:
            found.append((*pair, open_since.pop(pair), start))
        for pair in pairs - open_since.keys():
            open_since[pair] = start
    found += [(*pair, since, EVER) for pair, since in open_since.items()]
    return [Below(a, o, _day(since), _day(until)) for a, o, since, until in sorted(found)]


def _pairs(roster: Roster, day: date) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, ...]] = [(root,) for root in roster.roots(day)]
    while waiting:
        path = waiting.pop()
        for above in path:
            yield above, path[-1]
        waiting.extend((*path, child) for child in roster.children(path[-1], day))


def _day(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if 0 < ordinal < EVER else None
