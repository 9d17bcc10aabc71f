"""Who belonged where on which day: pure look-ups over organisation and member rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from schemas.envelope import ORGANISATION
from schemas.reference.organisation_rows import MEMBER_CATEGORIES, Member, Organisation

EVER = date.max.toordinal() + 1
"""Day ordinal after the last one: the end of a period that has none."""
_CATEGORY_CODES = frozenset(choice.code for choice in MEMBER_CATEGORIES)


def period(row: Organisation | Member) -> tuple[int, int]:
    """``[from, to)`` of a row as day ordinals; an empty from is 0, an empty to is after the last day."""
    start = row.valid_from.toordinal() if row.valid_from else 0
    return start, row.valid_to.toordinal() if row.valid_to else EVER


class _Tree:
    """The organisation tree on one stretch of days without a change."""

    __slots__ = ("children", "rows")

    def __init__(self, rows: Mapping[str, Organisation]) -> None:
        self.rows = rows
        self.children: dict[str, list[str]] = {}
        for org_id, row in rows.items():
            self.children.setdefault(row.parent_id, []).append(org_id)


class Roster:
    """Dated look-ups. Days are local calendar days of the organisation's time zone.

    Rows are taken as validated by ``check_reference``: periods of one id don't overlap and no date has a
    cycle. Look-ups of members are O(log rows of that member); trees are built once per stretch of days.
    """

    def __init__(self, organisations: Iterable[Organisation], members: Iterable[Member]) -> None:
        self.organisations: Sequence[Organisation] = tuple(organisations)
        self.members: Sequence[Member] = tuple(members)
        by_member: dict[str, list[tuple[int, int, Member]]] = {}
        self._by_org: dict[str, list[tuple[int, int, str]]] = {}
        for member in self.members:
            start, end = period(member)
            by_member.setdefault(member.member_id, []).append((start, end, member))
            self._by_org.setdefault(member.org_id, []).append((start, end, member.member_id))
        self._periods: dict[str, tuple[list[int], list[tuple[int, Member]]]] = {}
        for member_id, rows in by_member.items():
            rows.sort(key=lambda row: row[0])
            self._periods[member_id] = [row[0] for row in rows], [(row[1], row[2]) for row in rows]
        self._org_ids = frozenset(row.org_id for row in self.organisations)
        self._cuts = sorted({0, *(day for row in self.organisations for day in period(row))})
        self._trees: dict[int, _Tree] = {}

    def _tree(self, day: date) -> _Tree:
        start = self._cuts[bisect_right(self._cuts, day.toordinal()) - 1]
        tree = self._trees.get(start)
        if tree is None:
            rows: dict[str, Organisation] = {}
            for row in self.organisations:
                first, end = period(row)
                if first <= start < end:
                    rows[row.org_id] = row
            tree = self._trees[start] = _Tree(rows)
        return tree

    def known(self, member_id: str) -> bool:
        """Whether the roster has the member on any day."""
        return member_id in self._periods

    def admits(self, member_id: str) -> bool:
        """Whether events may be in that name: a member's, or ``org:`` and an organisation's of any day."""
        if member_id.startswith(ORGANISATION):
            return self.known_organisation(member_id.removeprefix(ORGANISATION))
        return self.known(member_id)

    def known_organisation(self, org_id: str) -> bool:
        """Whether the roster has the organisation on any day."""
        return org_id in self._org_ids

    def member_ids(self) -> list[str]:
        """Every member of any day, sorted."""
        return sorted(self._periods)

    def membership(self, member_id: str, local_date: date) -> Member | None:
        """The row that was valid for the member on the day, None when there was none."""
        found = self._periods.get(member_id)
        if found is None:
            return None
        ordinal = local_date.toordinal()
        index = bisect_right(found[0], ordinal) - 1
        if index < 0:
            return None
        end, row = found[1][index]
        return row if ordinal < end else None

    def memberships(self, member_id: str) -> list[Member]:
        """Every row of the member, earliest first."""
        found = self._periods.get(member_id)
        return [row for _, row in found[1]] if found else []

    def org_of(self, member_id: str, local_date: date) -> str | None:
        """The organisation the member belonged to on the day, None when to none."""
        row = self.membership(member_id, local_date)
        return row.org_id if row else None

    def category_of(self, member_id: str, local_date: date) -> str | None:
        """The member's category on the day, None when the member belonged nowhere."""
        row = self.membership(member_id, local_date)
        return row.category if row else None

    def categories(self, local_date: date) -> dict[str, set[str]]:
        """Members of the day by category code; only categories that have members."""
        found: dict[str, set[str]] = {}
        for member_id in self._periods:
            row = self.membership(member_id, local_date)
            if row:
                found.setdefault(row.category, set()).add(member_id)
        return found

    def members_of(self, org_id: str, local_date: date) -> set[str]:
        """Members that belonged directly to the organisation on the day."""
        day = local_date.toordinal()
        return {member for start, end, member in self._by_org.get(org_id, ()) if start <= day < end}

    def members_under(self, org_id: str, local_date: date) -> set[str]:
        """Members of the organisation and of everything below it on the day."""
        found: set[str] = set()
        for node in self.subtree(org_id, local_date):
            found |= self.members_of(node, local_date)
        return found

    def organisation(self, org_id: str, local_date: date) -> Organisation | None:
        """The row of the organisation that was valid on the day."""
        return self._tree(local_date).rows.get(org_id)

    def roots(self, local_date: date) -> list[str]:
        """Organisations of the day whose parent is empty or not valid that day, sorted."""
        tree = self._tree(local_date)
        return sorted(org_id for org_id, row in tree.rows.items() if row.parent_id not in tree.rows)

    def children(self, org_id: str, local_date: date) -> list[str]:
        """Organisations directly below on the day, sorted."""
        return sorted(self._tree(local_date).children.get(org_id, ()))

    def subtree(self, org_id: str, local_date: date) -> set[str]:
        """The organisation and everything below it on the day; empty when it wasn't valid that day."""
        tree = self._tree(local_date)
        if org_id not in tree.rows:
            return set()
        found, waiting = {org_id}, [org_id]
        while waiting:
            below = [child for child in tree.children.get(waiting.pop(), ()) if child not in found]
            found.update(below)
            waiting.extend(below)
        return found

    def ancestors(self, org_id: str, local_date: date) -> list[str]:
        """What is above the organisation on the day, nearest first."""
        rows = self._tree(local_date).rows
        found: list[str] = []
        row = rows.get(org_id)
        while row is not None and row.parent_id in rows and row.parent_id not in found:
            found.append(row.parent_id)
            row = rows[row.parent_id]
        return found

    def branches_with_members(self, local_date: date) -> list[str]:
        """Organisations that have members of their own on the day, sorted (whatever their kind)."""
        return sorted(org_id for org_id in self._by_org if self.members_of(org_id, local_date))

    def in_audience(self, member_id: str, audience: Sequence[str], local_date: date) -> bool:
        """Whether something for ``audience`` (see ``Course.audience``) was for the member on the day."""
        row = self.membership(member_id, local_date)
        if row is None:
            return False
        if not audience or row.category in audience:
            return True
        wanted = set(audience) - _CATEGORY_CODES
        return row.org_id in wanted or not wanted.isdisjoint(self.ancestors(row.org_id, local_date))
