"""The evaluation report of an organisation: a branch, or a node above with what lies below it side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from reports.attempts import attempts_of, of_exams
from reports.context.activities import ActivityLine, group_activities
from reports.context.beside import Beside
from reports.context.change import Change
from reports.context.competence import GroupCompetence, GroupCompetences
from reports.context.credit import ChildCredit, GroupCreditLine, child_credit, group_lines
from reports.context.group_advice import suggested
from reports.context.group_change import Cut, group_change
from reports.context.group_compare import FEWEST, Comparison, comparison
from reports.context.group_improvements import of_group
from reports.context.group_parts import (
    PeopleLine,
    Sums,
    category_lines,
    child_lines,
    coverage_of,
    median_study,
    member_sums,
)
from reports.context.group_rows import (
    ContentLine,
    ExamLine,
    MissedQuestion,
    course_lines,
    exam_lines,
    missed_questions,
    topic_lines,
)
from reports.context.group_topics import HardTopic, hard_topics
from reports.context.head import KINDS, Head, make_head, named, organisation_name, organisation_path
from reports.context.improvements import Improvements, taken_up
from reports.context.meetings import MeetingLine, meeting_lines
from reports.context.org_map import MOST_ON_PAPER, OrgMap, org_map
from reports.context.quality import Deliveries, Quality, make_quality
from reports.context.surveys import GroupSurveys, Surveys
from reports.context.time_effect import TimeEffect, by_members
from reports.context.topics import Topic
from reports.context.trend import Trend, trend
from reports.data import Content, Period, Policy, ReportData
from reports.effect import EffectFigures, effect_of
from reports.figures import Figure, ratio, withheld
from reports.pattern import Pattern, pattern
from reports.population import Population, Populations
from reports.text import Note
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class People:
    """Who belongs to the organisation, and how many of them have records."""

    members: Figure
    at_end: Figure
    exempt: Figure
    active: Figure
    silent: Figure
    coverage: Figure


@dataclass(frozen=True, slots=True)
class GroupStudy:
    """Study time over the members with records."""

    total: Figure
    mean: Figure
    median: Figure
    sessions: Figure


@dataclass(frozen=True, slots=True)
class GroupReport:
    """Everything in an organisation's report; it names nobody. ``withheld``: too few members with records for any
    figure about them; ``few_topics`` says that rows were left out for the same reason. ``change``: against the
    period before; None where there is none, or too few have records in one of them."""

    head: Head
    kind: Text
    people: People
    categories: tuple[PeopleLine, ...]
    children: tuple[PeopleLine, ...]
    comparison: Comparison | None
    credit: tuple[GroupCreditLine, ...]
    child_credit: tuple[ChildCredit, ...]
    meetings: tuple[MeetingLine, ...]
    activities: tuple[ActivityLine, ...]
    surveys: Surveys | None
    study: GroupStudy
    effect: EffectFigures | None
    pattern: Pattern | None
    courses: tuple[ContentLine, ...]
    exams: tuple[ExamLine, ...]
    topics: tuple[Topic, ...]
    few_topics: bool
    missed: tuple[MissedQuestion, ...]
    hard: tuple[HardTopic, ...]
    competence: GroupCompetence | None
    org_map: OrgMap | None
    time_effect: TimeEffect
    trend: Trend | None
    change: Change | None
    improvements: Improvements | None
    withheld: bool
    advice: tuple[Note, ...]
    quality: Quality

    @property
    def has_withheld(self) -> bool:
        """Whether any row or figure is marked as withheld."""
        lines = (*self.categories, *self.children)
        return (
            self.withheld
            or any(line.hidden or line.accuracy.hidden for line in lines)
            or any(course.hidden for course in self.courses)
            or any(exam.hidden for exam in self.exams)
            or self.study.median.hidden
        )

    @property
    def empty(self) -> bool:
        """Whether there is no record at all."""
        return not self.people.active.value and not self.people.active.hidden


class Groups:
    """Makes the reports of all nodes about one content; frames are cut to the content once."""

    def __init__(
        self,
        data: ReportData,
        populations: Populations,
        deliveries: Deliveries,
        content: Content,
        policy: Policy,
    ) -> None:
        self.data, self.populations, self.deliveries = data, populations, deliveries
        self.content, self.policy = content, policy
        course = data.study_course(content)
        self.days = data.days.filter(pl.col("course_id") == course)
        in_course = pl.col("course_id") == course if course else pl.col("course_id") != ""
        self.by_course = data.days.filter(in_course)
        self.answers = content.rows(data.answers).filter(pl.col("day") >= data.period.first)
        attempts = attempts_of(of_exams(content.rows(data.answers)), data.unfinished)
        self.attempts = attempts.filter(pl.col("day") >= data.period.first)
        self.beside = Beside(populations, policy.k)
        self.shown = self._verdicts()
        self._surveys = GroupSurveys(data, policy.k)
        self._competences: GroupCompetences | None = None
        self._before: Groups | None = None

    @property
    def before(self) -> Groups | None:
        """The same of the period before; None where it is not compared."""
        if self._before is None and (data := self.data.before) is not None:
            populations = Populations(data.roster, data.period)
            self._before = Groups(data, populations, Deliveries(data), self.content, self.policy)
        return self._before

    def _verdicts(self) -> dict[str, bool]:
        """Of every node, whether what its members did may stand beside its siblings."""
        seen = pl.concat(
            [
                self.days.filter(pl.col("events") > 0).select("org_id", "member_id"),
                self.answers.select("org_id", "member_id"),
            ]
        )
        return self.beside.may_stand(dict(seen.group_by("org_id").agg(pl.col("member_id").n_unique()).iter_rows()))

    def _activities(self, node: str, population: Population) -> tuple[ActivityLine, ...]:
        return group_activities(
            self.data.families,
            population,
            self.populations.of(node, own=True),
            self.policy.k,
            self.beside.may_stand,
            closed=self.policy.detail == "aggregate",
        )

    def report(self, node: str) -> GroupReport:
        """The context of one node."""
        data, k = self.data, self.policy.k
        population = self.populations.of(node)
        days, answers = population.rows(self.days), population.rows(self.answers)
        sums = member_sums(days, answers)
        active = sums.active & population.ids
        # What is withheld beside its siblings must not stand in a report of its own either.
        hide = 0 < len(active) < k or not self.shown.get(node, True)
        effect = effect_of(answers)
        events = int(days["events"].sum())
        topics, few = ((), 0) if hide else topic_lines(data.catalogue, answers, effect.accuracy.value, k)
        missed = () if hide else missed_questions(data.catalogue, answers, k)
        quality = make_quality(
            self.deliveries.of_group(population),
            events=events,
            capped=int(days["capped"].sum()),
            untimed=effect.answers - effect.timed,
            ungraded=effect.answers - effect.graded,
            untitled=len(set(answers["question_id"].unique()) - data.catalogue.questions.keys()),
        )
        people = _people(population, active, data.period, hide)
        below = [] if hide else self._below(node)
        children = child_lines(data, below, self.shown, k) if below else ()
        return GroupReport(
            head=make_head(
                data,
                self.content,
                "group",
                node,
                organisation_name(data, node),
                organisation_path(data, node),
                events,
                population.ids,
            ),
            kind=self._kind(node),
            people=people,
            categories=() if hide else category_lines(population.members, sums, k),
            children=children,
            comparison=None if hide else self._comparison(node, below),
            credit=() if hide or self.content.kind != "all" else group_lines(data.credit, population.ids, k),
            child_credit=() if hide or self.content.kind != "all" else self._child_credit(below),
            meetings=meeting_lines(data.credit, {node, *self.beside.branches(node)}),
            activities=self._activities(node, population) if self.content.kind == "all" else (),
            surveys=self._surveys.report(node) if self.content.kind == "all" else None,
            study=_study(sums, days, hide),
            effect=None if hide else effect.figures,
            pattern=None if hide else self._pattern(days, answers),
            courses=()
            if hide
            else course_lines(data.catalogue, population.rows(self.by_course).filter(pl.col("events") > 0), answers, k),
            exams=() if hide else exam_lines(data.catalogue, population.rows(self.attempts), k),
            topics=topics,
            few_topics=few > 0,
            missed=missed,
            hard=() if hide else self._hard(node, topics, answers),
            competence=None if hide else self._competence(population, below),
            org_map=None if hide else self._org_map(node),
            time_effect=TimeEffect(()) if hide else by_members(sums.study, sums.graded, k),
            trend=None if hide else self._trend(answers, effect.accuracy),
            change=None if hide else self._change(node, Cut(population, sums, answers)),
            improvements=of_group(self, node) if self.content.kind == "all" else None,
            withheld=hide,
            advice=tuple(s.note for s in suggested(people, children, topics, missed, quality)),
            quality=quality,
        )

    def _child_credit(self, below: Sequence[tuple[Population, Sums]]) -> tuple[ChildCredit, ...]:
        names = [(p.node, organisation_name(self.data, p.node), p.ids) for p, _ in below]
        return child_credit(
            self.data.credit, [(n, Text(name, name), ids) for n, name, ids in names], self.shown, self.policy.k
        )

    def _competence(self, population: Population, below: Sequence[tuple[Population, Sums]]) -> GroupCompetence | None:
        if self.content.kind != "all":
            return None
        if self._competences is None:
            self._competences = GroupCompetences(self.data, self.answers, self.beside.may_stand, self.policy.k)
        names = [(p, organisation_name(self.data, p.node)) for p, _ in self._side_by_side(population.node, below)]
        return self._competences.report(population, [(p, Text(name, name)) for p, name in names])

    def _org_map(self, node: str) -> OrgMap | None:
        """Of trees with two levels below the node or more: of one level a table says all."""
        deep = any(self.populations.children(child) for child in self.populations.children(node))
        return org_map(self, node, MOST_ON_PAPER) if deep and self.content.kind == "all" else None

    def _hard(self, node: str, topics: Sequence[Topic], answers: pl.DataFrame) -> tuple[HardTopic, ...]:
        found = sorted(set(self.beside.branches(node)))
        branches = [self.populations.of(b, own=True) for b in found if self.shown.get(b)]
        return hard_topics(self.data.catalogue, topics, answers, branches, self.policy.k)

    def _trend(self, answers: pl.DataFrame, overall: Figure) -> Trend:
        graded = answers.filter(pl.col("correct").is_not_null())
        by_week = graded.group_by(pl.col("day").dt.truncate("1w").alias("week")).agg(
            pl.col("correct").sum(), pl.len(), pl.col("member_id").n_unique().alias("members")
        )
        weeks = {week: (x, n, members) for week, x, n, members in by_week.iter_rows()}
        return trend(self.data.period, weeks, overall, self.policy.k)

    def _change(self, node: str, now: Cut) -> Change | None:
        if (before := self.before) is None or node not in before.populations.nodes():
            return None
        earlier = before.report(node)
        population = before.populations.of(node)
        answers = population.rows(before.answers)
        cut = Cut(population, member_sums(population.rows(before.days), answers), answers)
        made = suggested(earlier.people, earlier.children, earlier.topics, earlier.missed, earlier.quality)
        taken = taken_up(self.data.issues, node, self.data.period.first)
        return group_change(before.data.period, cut, now, made, taken, self.data.catalogue, self.policy.k)

    def _kind(self, node: str) -> Text:
        row = self.data.roster.organisation(node, self.data.period.last)
        return named(KINDS, row.kind) if row else Text("", "")

    def _below(self, node: str) -> list[tuple[Population, Sums]]:
        below = [self.populations.of(child) for child in self.populations.children(node)]
        return [(p, member_sums(p.rows(self.days), p.rows(self.answers))) for p in below]

    def _comparison(self, node: str, below: Sequence[tuple[Population, Sums]]) -> Comparison | None:
        """Of the organisations below that may be shown side by side; of branches where few are directly below."""
        return self._compared(self._side_by_side(node, below))

    def _side_by_side(self, node: str, below: Sequence[tuple[Population, Sums]]) -> Sequence[tuple[Population, Sums]]:
        if not 0 < len(below) < FEWEST:
            return below
        branches = [self.populations.of(branch, own=True) for branch in sorted(set(self.beside.branches(node)))]
        return [(p, member_sums(p.rows(self.days), p.rows(self.answers))) for p in branches]

    def _compared(self, below: Sequence[tuple[Population, Sums]]) -> Comparison | None:
        names: dict[str, Text] = {}
        counts: dict[str, tuple[int, int]] = {}
        values: dict[str, list[float]] = {}
        for population, sums in below:
            node, members = population.node, population.members
            if not self.shown.get(node, True):
                continue
            name = organisation_name(self.data, node)
            counted = {m for m, b in members.items() if not b.exempt}
            names[node] = Text(name, name)
            counts[node] = len(counted & sums.active), len(counted)
            values[node] = [x / n for m, (x, n) in sorted(sums.graded.items()) if m in members and n]
        return comparison(names, counts, values, self.policy.k)

    def _pattern(self, days: pl.DataFrame, answers: pl.DataFrame) -> Pattern:
        by_day = dict(days.group_by("day").agg(pl.col("study_seconds").sum().round(3)).sort("day").iter_rows())
        hours = days["hour_seconds"].list.to_array(24).to_numpy().sum(axis=0).tolist() if days.height else [0.0] * 24
        local = answers.select(pl.col("at").dt.convert_time_zone(self.data.timezone).dt.hour().alias("hour"))
        by_hour: Mapping[int, int] = dict(local.group_by("hour").len().iter_rows())
        monday = pl.col("day").dt.truncate("1w").alias("week")
        seen = days.filter(pl.col("events") > 0).group_by(monday).agg(pl.col("member_id").n_unique())
        counts = dict(seen.iter_rows())
        # A week in which one or two were there is about them; the chart is all or nothing.
        active = None if any(n < self.policy.k for n in counts.values()) else counts
        return pattern(self.data.period, by_day, hours, [by_hour.get(h, 0) for h in range(24)], active)


def _people(population: Population, active: set[str], period: Period, hide: bool) -> People:
    members = population.members
    exempt = {m for m, b in members.items() if b.exempt}
    silent = len(members.keys() - active - exempt)
    return People(
        members=Figure("members", len(members)),
        at_end=Figure("members_end", sum(b.until == period.last for b in members.values())),
        exempt=Figure("exempt_members", len(exempt)),
        active=withheld("active_members") if hide else Figure("active_members", len(active)),
        silent=withheld("silent_members") if hide else Figure("silent_members", silent),
        coverage=withheld("coverage") if hide else coverage_of(members, active),
    )


def _study(sums: Sums, days: pl.DataFrame, hide: bool) -> GroupStudy:
    if hide:
        return GroupStudy(*map(withheld, ("study_seconds", "mean_study", "median_study", "sessions")))
    total = sum(sums.study.values())
    return GroupStudy(
        total=Figure("study_seconds", total),
        mean=ratio("mean_study", total, len(sums.active)),
        median=median_study(sums),
        sessions=Figure("sessions", int(days["sessions"].sum())),
    )
