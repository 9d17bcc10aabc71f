"""Competences in reports: a member's profile, and that of a group with the organisations below it side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from reports.analytics.calibrations import with_rapid
from reports.analytics.competence import Cells, MemberCells, member_cells, members_by_organisation, weakest
from reports.analytics.groups import compare_means
from reports.catalogue import Catalogue
from reports.competences import CompetenceMap, Item, Node, competence_map
from reports.data import ReportData
from reports.figures import Figure, withheld
from reports.measures.competence import Gap, gap, mean_interval, profile
from reports.population import Population
from schemas.reference import Text

MOST_NEXT = 3
"""Knowledge points that are named as next at most."""
FEWEST = 3
"""Organisations below with a figure, below which nothing stands side by side: two only differ
from each other."""
STATES = {"below": "competence.below", "open": "competence.open", "reached": "competence.reached"}


@dataclass(frozen=True, slots=True)
class CompetenceLine:
    """A competence, or a wing before its competences. ``state``: a message key, '' without a reference or a share;
    ``following``: what to turn to next; ``members``: of a group, those with an answer."""

    competence_id: str
    title: Text
    is_wing: bool
    questions: Figure
    share: Figure
    expected: Figure
    gap: Figure
    state: str
    following: tuple[Text, ...]
    members: Figure | None = None


@dataclass(frozen=True, slots=True)
class ChildCompetence:
    """An organisation below: its shrunken mean in each wing, in the order of ``GroupCompetence.wings``."""

    org_id: str
    name: Text
    shares: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class GroupCompetence:
    """The profile of a group, and the organisations below it, in order of id."""

    lines: tuple[CompetenceLine, ...]
    wings: tuple[Text, ...]
    children: tuple[ChildCompetence, ...]


def known_competences(data: ReportData) -> CompetenceMap:
    """The map as it was valid on the last day of the period; it is the same for every report of a run."""
    key = "competences", data.period.last
    if key not in data.catalogue.shown:
        data.catalogue.shown[key] = competence_map(data.catalogue.competences, data.period.last)
    found: CompetenceMap = data.catalogue.shown[key]
    return found


def period_cells(data: ReportData, answers: pl.DataFrame) -> MemberCells:
    """Cells of the members of these answers, of what was answered in the period."""
    known = known_competences(data)
    if not known:
        return MemberCells({})
    inside = answers.filter(pl.col("day") >= data.period.first)
    return member_cells(with_rapid(inside, data.calibrations), data.catalogue, known)


def member_competence(data: ReportData, cells: Mapping[str, Cells]) -> tuple[CompetenceLine, ...]:
    """Lines of the whole map; none where nothing shows any competence of the member."""
    if not cells:
        return ()
    known = known_competences(data)
    return tuple(_member_line(data.catalogue, known, node, cells.get(node.id, {})) for node in known.nodes)


def _member_line(catalogue: Catalogue, known: CompetenceMap, node: Node, cells: Cells) -> CompetenceLine:
    one = profile(list(cells.values()))
    share = (
        Figure("competence_share", one.share, low=one.interval.low, high=one.interval.high)
        if one
        else Figure("competence_share", None)
    )
    away = one.gap(node.expected) if one else None
    following = weakest(cells, node.items, MOST_NEXT) if known.is_leaf(node) else []
    return _line(catalogue, node, one.questions if one else 0, share, away, following)


def _line(
    catalogue: Catalogue,
    node: Node,
    questions: int | None,
    share: Figure,
    away: Gap | None,
    following: Iterable[Item],
    members: Figure | None = None,
) -> CompetenceLine:
    limits = (away.interval.low, away.interval.high) if away and away.interval else (None, None)
    return CompetenceLine(
        node.id,
        node.title,
        not node.wing,
        withheld("competence_questions") if questions is None else Figure("competence_questions", questions),
        share,
        Figure("competence_expected", node.expected),
        Figure("competence_gap", away.value if away else None, low=limits[0], high=limits[1]),
        STATES[away.verdict] if away else "",
        tuple(catalogue.point(i.id) if i.kind == "point" else catalogue.course(i.id) for i in following),
        members,
    )


class GroupCompetences:
    """Profiles of nodes of the tree, from answers of one content in the period."""

    def __init__(
        self,
        data: ReportData,
        answers: pl.DataFrame,
        verdicts: Callable[[Mapping[str, int]], Mapping[str, bool]],
        k: int,
    ) -> None:
        """``verdicts``: of every node, by the members behind each organisation, whether a figure may be shown."""
        self.data, self.k, self.known = data, k, known_competences(data)
        self._made: dict[tuple[str, object], MemberCells] = {}
        self._shown: dict[str, Mapping[str, bool]] = {}
        self._answers = with_rapid(answers, data.calibrations) if self.known else answers
        if self.known:
            sizes = members_by_organisation(self._answers, data.catalogue, self.known)
            self._shown = {node.id: verdicts(sizes.get(node.id, {})) for node in self.known.nodes}

    def report(self, population: Population, below: Sequence[tuple[Population, Text]]) -> GroupCompetence | None:
        """A node's profile; None without a map, or where nothing shows any competence."""
        if not self.known or not (cells := self._cells(population)).cells:
            return None
        lines = tuple(self._line(population, cells, node) for node in self.known.nodes)
        wings = self.known.wings
        by_wing = [self._means(wing, below) for wing in wings]
        nothing = Figure("competence_mean", None)
        children = tuple(
            ChildCompetence(p.node, name, tuple(means.get(p.node, nothing) for means in by_wing)) for p, name in below
        )
        enough = sum(any(f.value is not None for f in c.shares) for c in children) >= FEWEST
        return GroupCompetence(lines, tuple(w.title for w in wings), children if enough else ())

    def _cells(self, population: Population) -> MemberCells:
        # A node has a population of its own members too.
        key = population.node, population.spans
        if key not in self._made:
            rows = population.rows(self._answers)
            self._made[key] = member_cells(rows, self.data.catalogue, self.known)
        return self._made[key]

    def _values(self, population: Population, node: Node) -> list[float]:
        profiles = self._cells(population).profiles(node.id)
        return [p.share for m, p in profiles.items() if m in population.members]

    def _line(self, population: Population, cells: MemberCells, node: Node) -> CompetenceLine:
        values = self._values(population, node)
        if values and (len(values) < self.k or not self._shown[node.id].get(population.node, True)):
            hidden = withheld("competence_mean")
            return _line(self.data.catalogue, node, None, hidden, None, (), withheld("participants"))
        own = {m: c[node.id] for m, c in cells.cells.items() if node.id in c and m in population.members}
        interval = mean_interval(values)
        mean = math.fsum(values) / len(values) if values else None
        share = Figure(
            "competence_mean", mean, low=interval.low if interval else None, high=interval.high if interval else None
        )
        away = gap(mean, interval, node.expected) if mean is not None else None
        questions = sum(n for c in own.values() for _, n in c.values())
        following = self._following(node, list(own.values())) if self.known.is_leaf(node) else []
        members = Figure("participants", len(values))
        return _line(self.data.catalogue, node, questions, share, away, following, members)

    def _following(self, node: Node, cells: Sequence[Cells]) -> list[Item]:
        """What to discuss: items that nobody answered, and of those that k members did, the lowest."""
        sums: dict[Item, tuple[int, int]] = {}
        for item in node.items:
            answered = [c[item] for c in cells if item in c]
            if answered:
                sums[item] = sum(x for x, _ in answered), sum(n for _, n in answered)
        few = {item for item in sums if sum(item in c for c in cells) < self.k}
        listed = [item for item in node.items if item not in few]
        return weakest({i: pair for i, pair in sums.items() if i not in few}, listed, MOST_NEXT)

    def _means(self, wing: Node, below: Sequence[tuple[Population, Text]]) -> dict[str, Figure]:
        values = {p.node: self._values(p, wing) for p, _ in below}
        kept = {org: v for org, v in values.items() if v and len(v) >= self.k and self._shown[wing.id].get(org, True)}
        found = {org: withheld("competence_mean") for org, v in values.items() if v and org not in kept}
        for one in compare_means(kept, self.k).branches:
            if one.withheld:
                found[one.org_id] = withheld("competence_mean")
            elif one.shrunk is not None:
                low, high = max(0.0, one.shrunk.low), min(1.0, one.shrunk.high)
                found[one.org_id] = Figure("competence_mean", one.shrunk.estimate, low=low, high=high)
        return found
