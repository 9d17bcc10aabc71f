"""Reads what a page is made from: within the viewer's scope, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from reports.attempts import without_contests
from reports.catalogue import typed
from reports.context.group import GroupReport, Groups
from reports.context.member import MemberReport, member_report
from reports.context.quality import Deliveries
from reports.context.secretary import Secretaries, SecretaryReport
from reports.data import EVERYTHING, Content, Policy, ReportData
from reports.load import recorded
from reports.measures.suppression import DEFAULT_K
from reports.order import natural
from reports.parts import rows_of
from reports.population import Populations
from schemas.credit import CreditPolicy
from schemas.days import LocalDays
from schemas.reference import Course, Roster, Text
from sinks.client import Store
from sinks.read import Filters, Reader, Scope
from web.dashboard.asking import Asked, is_quarter
from web.dashboard.glance import Glance, glance, week_of
from web.dashboard.viewers import PageKind, Viewer

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How current the store is. Times are UTC; ``received`` is None where nothing came yet."""

    received: datetime | None
    asked: datetime
    messages: int
    lines: int
    timezone: str


@dataclass(frozen=True, slots=True)
class Now:
    """What changes first when an event comes."""

    today: Glance
    week: Glance
    fresh: Freshness


@dataclass(frozen=True, slots=True)
class Branch:
    """What a secretary sees. ``today`` and ``week`` are over all courses, or the one asked for."""

    today: Glance
    week: Glance
    report: GroupReport
    annex: SecretaryReport
    fresh: Freshness


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A node of the tree; ``depth`` 0 is directly below the page's own. ``page`` is '' where none may be opened."""

    depth: int
    line: object
    page: str


@dataclass(frozen=True, slots=True)
class Committee:
    """What an upper committee sees; ``named``: whether its pages of branches may be opened."""

    report: GroupReport
    tree: tuple[TreeLine, ...]
    named: bool
    fresh: Freshness


@dataclass(frozen=True, slots=True)
class Own:
    """What a member sees of themself."""

    today: Glance
    week: Glance
    report: MemberReport
    fresh: Freshness


MOST_TREE = 200
"""Lines of a tree on one page."""


class References:
    """Roster and catalogue of the latest imports, read once for all pages until there is another import."""

    def __init__(self) -> None:
        self._imports: dict[str, int] | None = None
        self._frames: dict[str, pl.DataFrame] = {}
        self._roster: Roster | None = None
        self._lock = threading.Lock()

    def frame(self, name: str, imports: dict[str, int], read: Callable[[str], pl.DataFrame]) -> pl.DataFrame:
        """A reference table."""
        with self._lock:
            self._renew(imports)
            if name not in self._frames:
                self._frames[name] = read(name)
            return self._frames[name]

    def roster(self, imports: dict[str, int], read: Callable[[], Roster]) -> Roster:
        """The roster."""
        with self._lock:
            self._renew(imports)
            if self._roster is None:
                self._roster = read()
            return self._roster

    def _renew(self, imports: dict[str, int]) -> None:
        if imports != self._imports:
            self._imports, self._frames, self._roster = imports, {}, None


class PageReader(Reader):
    """Reads for one page: what all pages share comes from ``References``."""

    def __init__(self, store: Store, references: References) -> None:
        super().__init__(store, steady=True)
        self._references = references
        self._imports: dict[str, int] | None = None

    def imports(self) -> dict[str, int]:
        """Asked once a page."""
        if self._imports is None:
            self._imports = super().imports()
        return self._imports

    def reference(self, name: str, members: Collection[str] | None = None) -> pl.DataFrame:
        """Rows of a reference table."""
        if members is not None:
            return super().reference(name, members)
        return self._references.frame(name, self.imports(), super().reference)

    def roster(self, members: Collection[str] | None = None) -> Roster:  # noqa: ARG002
        """The dated roster: everybody's, which is there already, whoever is asked for."""
        return self._references.roster(self.imports(), super().roster)


class Gatherer:
    """Makes pages' contents from one store. Safe to use from several threads; each call reads anew."""

    def __init__(
        self,
        store: Store,
        credit: CreditPolicy | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        k: int = DEFAULT_K,
    ) -> None:
        self.store, self.credit, self.clock, self.k = store, credit, clock, k
        self._references = References()

    def reader(self) -> Reader:
        """A reader of the generation that is active now."""
        return PageReader(self.store, self._references)

    def roster(self) -> Roster:
        """The dated roster, by which pages are allowed."""
        return self.reader().roster()

    def courses(self) -> list[tuple[str, Text]]:
        """Id and title of every course, by id."""
        found = sorted(
            typed(Course, self.reader().reference("courses").iter_rows(named=True)), key=lambda c: natural(c.course_id)
        )
        return [(c.course_id, Text(c.title or c.course_id, c.title_en or c.title or c.course_id)) for c in found]

    def named(self, asked: Asked, roster: Roster, today: date) -> frozenset[str]:
        """Members whom a page shows by name."""
        if asked.kind == "member":
            return frozenset({asked.subject})
        if asked.kind != "branch":
            return frozenset()
        return Populations(roster, asked.period(today)).of(asked.subject).ids

    def today(self, reader: Reader) -> date:
        """The local day."""
        return self.clock().astimezone(self.zone(reader)).date()

    def zone(self, reader: Reader) -> ZoneInfo:
        """The zone of local days."""
        return LocalDays(reader.generation().timezone).zone

    def freshness(self, reader: Reader, scope: Scope) -> Freshness:
        """How current the store is."""
        row = reader.frame("freshness", scope).row(0, named=True)
        return Freshness(row["last_received_at"], row["asked_at"], row["messages"], row["lines"] or 0, row["timezone"])

    def branch(self, viewer: Viewer, asked: Asked) -> Branch:
        """The page of a branch's secretary. Raises InputError for an organisation outside the scope."""
        reader = self.reader()
        now = self.now(viewer, asked, reader)
        data = self._data(reader, viewer.scope, asked, self.today(reader), org=asked.subject)
        populations, content = Populations(data.roster, data.period), _content(asked)
        policy = Policy("named", 1)
        group = Groups(data, populations, Deliveries(data), content, policy).report(asked.subject)
        annex = Secretaries(data, populations, policy.k).report(asked.subject)
        return Branch(now.today, now.week, group, annex, now.fresh)

    def now(self, viewer: Viewer, asked: Asked, reader: Reader | None = None) -> Now:
        """The part of a branch's page that is quickly made: two questions instead of a dozen."""
        reader = reader or self.reader()
        today = self.today(reader)
        days = self._week(reader, viewer.scope, asked, today, Filters(org=asked.subject))
        members = reader.roster().members_under(asked.subject, today)
        return Now(
            glance(days, today, today, members),
            glance(days, week_of(today), today, members),
            self.freshness(reader, viewer.scope),
        )

    def committee(self, viewer: Viewer, asked: Asked) -> Committee:
        """The page of a node and what is below it."""
        reader = self.reader()
        groups = self.groups(reader, viewer, asked)
        report = groups.report(asked.subject)
        # Who may see names once they have said what for gets there by the same links.
        tree = tuple(_tree(groups, report, asked, viewer.rights.detail == "named"))
        return Committee(report, tree, viewer.scope.detail == "named", self.freshness(reader, viewer.scope))

    def groups(self, reader: Reader, viewer: Viewer, asked: Asked) -> Groups:
        """What a page about organisations is made from; figures about few are withheld from a viewer of aggregates.

        Rows are read by name within the scope, as everywhere in reports: what leaves are figures about groups.
        """
        named = viewer.scope.detail == "named"
        scope = replace(viewer.scope, detail="named")
        data = self._data(reader, scope, asked, self.today(reader), aggregate=not named)
        policy = Policy("named" if named else "aggregate", 1 if named else self.k)
        # One course of a group would be a part of it, whose rest could be worked out.
        content = _content(asked) if named else EVERYTHING
        return Groups(data, Populations(data.roster, data.period), Deliveries(data), content, policy)

    def member(self, viewer: Viewer, asked: Asked) -> Own:
        """A member's own page."""
        reader, scope, member = self.reader(), viewer.scope, asked.subject
        today = self.today(reader)
        data = self._data(reader, scope, asked, today, member=member)
        if scope.detail != "own":
            # Whoever reads a page on somebody else, the operator too, is not told what was answered in contests.
            data = replace(data, answers=without_contests(data.answers))
        ((_, rows),) = rows_of(data, [member])
        report = member_report(data, Deliveries(data), _content(asked), member, rows)
        days = self._week(reader, scope, asked, today, Filters(member=member))
        return Own(
            glance(days, today, today, {member}),
            glance(days, week_of(today), today, {member}),
            report,
            self.freshness(reader, scope),
        )

    def _data(
        self,
        reader: Reader,
        scope: Scope,
        asked: Asked,
        today: date,
        *,
        org: str | None = None,
        member: str | None = None,
        aggregate: bool = False,
    ) -> ReportData:
        """What a page over the days asked for is made from; ``aggregate``: a quarter that is over."""
        period = asked.period(today, aggregate=aggregate)
        now = self.clock()
        # No page shows results of surveys, so that none waits for them.
        data = recorded(reader, scope, period, org=org, member=member, as_of=now, credit=self.credit, surveys=False)[0]
        # Of what the member alone sees, a group's figures over periods that overlap would tell of single days.
        own = scope.detail == "own" if asked.kind == "member" else is_quarter(period, today)
        return data if own else replace(data, families=data.families.without_own())

    def _week(self, reader: Reader, scope: Scope, asked: Asked, today: date, filters: Filters) -> pl.DataFrame:
        return reader.frame(
            "member-day", scope, replace(filters, first=week_of(today), last=today, course=asked.course)
        )


def _content(asked: Asked) -> Content:
    """What a page is about: everything, or one course."""
    return Content("course", asked.course) if asked.course else Content()


def _tree(groups: Groups, report: GroupReport, asked: Asked, links: bool, depth: int = 0) -> Sequence[TreeLine]:
    """Lines of what is below, parents before their children, by id: never ranked."""
    found: list[TreeLine] = []
    for line in report.children:
        inner = bool(groups.populations.children(line.id))
        kind: PageKind = "committee" if inner else "branch"
        found.append(TreeLine(depth, line, asked.about(kind, line.id).address if inner or links else ""))
        if inner and not line.hidden and len(found) < MOST_TREE:
            found += _tree(groups, groups.report(line.id), asked, links, depth + 1)
    return found[:MOST_TREE]
