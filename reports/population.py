"""Who belonged to a node of the tree, and to what lies below it, on which days of a period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from reports.data import Period
from reports.order import natural
from schemas.reference import Member, Organisation, Roster

_ENDLESS = date.max


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days ``first`` to ``last``, both included, on which the tree did not change."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Belonging:
    """One member of a node in the period: ``row`` is the last membership there, ``since`` its first day in
    the period, ``until`` the last one; ``member_of`` the organisation itself."""

    row: Member
    since: date
    until: date

    @property
    def exempt(self) -> bool:
        """Whether the member leaves the denominators."""
        return self.row.status == "exempt"


@dataclass(frozen=True)
class Population:
    """Members of a node in a period, and which rows of dated frames belong to it."""

    node: str
    members: dict[str, Belonging]
    spans: tuple[tuple[Stretch, frozenset[str]], ...]

    @cached_property
    def ids(self) -> frozenset[str]:
        """Every member."""
        return frozenset(self.members)

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of a frame with ``org_id`` and ``day`` that lie in the node."""
        parts = [
            frame.filter(pl.col("org_id").is_in(list(orgs)) & pl.col("day").is_between(stretch.first, stretch.last))
            for stretch, orgs in self.spans
            if orgs
        ]
        if not parts:
            return frame.clear()
        return parts[0] if len(parts) == 1 else pl.concat(parts)

    def lines(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of a frame about lines received that belong to the node. What was issued before such rows said
        where a member belonged counts every row of its members, as it did then."""
        if {"org_id", "day"} <= set(frame.columns):
            return self.rows(frame)
        return frame.filter(pl.col("member_id").is_in(sorted(self.ids)))


class Populations:
    """Populations of every node, made from the dated roster once a run."""

    def __init__(self, roster: Roster, period: Period) -> None:
        self.roster, self.period = roster, period
        self.stretches = _stretches(roster.organisations, period)
        self._made: dict[tuple[str, bool], Population] = {}

    @cached_property
    def _by_org(self) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        for row in self.roster.members:
            if _overlap(row, self.period.first, self.period.last):
                found.setdefault(row.org_id, []).append(row)
        return found

    def of(self, node: str, *, own: bool = False) -> Population:
        """Members of the node and what is below it; ``own``: without what is below. Kept: every content asks again."""
        if (found := self._made.get((node, own))) is None:
            found = self._made[node, own] = self._make(node, own)
        return found

    def _make(self, node: str, own: bool) -> Population:
        spans = []
        members: dict[str, Belonging] = {}
        for stretch in self.stretches:
            under = self.roster.subtree(node, stretch.first)
            orgs = frozenset({node} & under if own else under)
            spans.append((stretch, orgs))
            for org_id in orgs:
                for row in self._by_org.get(org_id, ()):
                    _add(members, row, stretch)
        ordered = {member: members[member] for member in sorted(members, key=natural)}
        return Population(node, ordered, tuple(spans))

    def nodes(self) -> list[str]:
        """Every organisation that was valid in the period: parents before children, siblings by id."""
        found: list[str] = []
        for stretch in reversed(self.stretches):
            waiting = sorted(self.roster.roots(stretch.first), key=natural, reverse=True)
            while waiting:
                node = waiting.pop()
                if node not in found:
                    found.append(node)
                waiting += sorted(self.roster.children(node, stretch.first), key=natural, reverse=True)
        return found

    def children(self, node: str) -> list[str]:
        """Organisations directly below the node on any day of the period, by id."""
        return sorted({c for s in self.stretches for c in self.roster.children(node, s.first)}, key=natural)

    def has_own_members(self, node: str) -> bool:
        """Whether somebody belongs to the node itself."""
        return node in self._by_org


def _add(members: dict[str, Belonging], row: Member, stretch: Stretch) -> None:
    start = max(stretch.first, row.valid_from or date.min)
    last = min(stretch.last, row.valid_to - timedelta(days=1) if row.valid_to else _ENDLESS)
    if start > last:
        return
    old = members.get(row.member_id)
    if old is None:
        members[row.member_id] = Belonging(row, start, last)
    else:
        newest = row if last > old.until else old.row
        members[row.member_id] = Belonging(newest, min(old.since, start), max(old.until, last))


def _overlap(row: Member, first: date, last: date) -> bool:
    return (row.valid_from or date.min) <= last and (row.valid_to or _ENDLESS) > first


def _stretches(organisations: Iterable[Organisation], period: Period) -> tuple[Stretch, ...]:
    cuts = {period.first}
    for row in organisations:
        for day in (row.valid_from, row.valid_to):
            if day and period.first < day <= period.last:
                cuts.add(day)
    starts = sorted(cuts)
    ends = [day - timedelta(days=1) for day in starts[1:]] + [period.last]
    return tuple(Stretch(a, b) for a, b in zip(starts, ends, strict=True))
