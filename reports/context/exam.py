"""The evaluation report of one exam: what it measured, how well, and what to mend before it is used again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from reports.analytics.calibrations import with_rapid
from reports.analytics.effects import gains
from reports.analytics.exams import analyse_exam, attempt_shares, exam_matrix, first_attempts
from reports.analytics.groups import withheld as held_back
from reports.attempts import of_exams
from reports.context.exam_items import ItemLine, Repair, item_lines, repairs
from reports.context.exam_scores import (
    ExamEffort,
    Reliability,
    Repeated,
    Scores,
    exam_effort,
    reliability,
    repeated,
    scores,
)
from reports.context.group_compare import Comparison, comparison
from reports.context.group_rows import topic_lines
from reports.context.head import Head, make_head, organisation_name, organisation_path
from reports.context.quality import Quality, Received, make_quality
from reports.context.topics import Topic
from reports.data import Content, ReportData
from reports.effect import Effect, effect_of
from reports.figures import Figure, withheld
from reports.population import Populations
from reports.text import Note, note
from schemas.reference import Text

LEAST_FOR_ITEMS = 30
"""Members below which a broken question can't be told from chance (see ``suggest_items.MIN_ANSWERS``)."""
TOPICS = 3


@dataclass(frozen=True, slots=True)
class ExamReport:
    """Everything in an exam's report, on first attempts. ``withheld``: fewer than k members took it."""

    head: Head
    course: Text
    participants: Figure
    repeated_by: Figure
    questions: Figure
    points: Figure
    accuracy: Figure
    scores: Scores | None
    reliability: Reliability | None
    effort: ExamEffort | None
    repeated: Repeated | None
    topics: tuple[Topic, ...]
    few_topics: bool
    comparison: Comparison | None
    items: tuple[ItemLine, ...]
    repairs: tuple[Repair, ...]
    polish: tuple[Repair, ...]
    few_members: bool
    withheld: bool
    advice: tuple[Note, ...]
    quality: Quality

    @property
    def empty(self) -> bool:
        """Whether nobody took it."""
        return not self.participants.value and not self.participants.hidden

    @property
    def has_withheld(self) -> bool:
        """Whether any figure is marked as withheld."""
        figures = (f for i in self.items for f in (i.facility, i.seconds, i.effort))
        return self.withheld or any(f.hidden for f in figures) or any(o.hidden for i in self.items for o in i.options)


class Exams:
    """Makes the reports of exams over everybody in the data. ``nodes``: organisations that may be compared."""

    def __init__(self, data: ReportData, populations: Populations, nodes: Collection[str], k: int) -> None:
        self.data, self.populations, self.nodes, self.k = data, populations, nodes, k
        inside = of_exams(data.answers).filter(pl.col("day") >= data.period.first)
        self.answers = with_rapid(inside, data.calibrations)

    def report(self, exam_id: str, top: str = "") -> ExamReport:
        """The context; ``top`` is the organisation that the report is about, '' for everybody in the data."""
        data, k = self.data, self.k
        answers = self.answers.filter(pl.col("exam_id") == exam_id)
        first = first_attempts(answers)
        members = first["member_id"].n_unique()
        hide = 0 < members < k
        matrix = exam_matrix(answers, data.catalogue, exam_id)
        analysis = analyse_exam(
            matrix, data.catalogue, data.calibrations.exams.get(exam_id), data.earlier_models.get(exam_id)
        )
        taken = not hide and members > 0
        sums = effect_of(first)
        shares = {m: s for m, _, _, s in attempt_shares(first, data.catalogue)} if taken else {}
        items = item_lines(data.catalogue, analysis, first, k) if taken else ()
        topics, few = topic_lines(data.catalogue, first, sums.accuracy.value, k) if taken else ((), 0)
        again = answers.group_by("member_id").agg(pl.col("attempt").n_unique()).filter(pl.col("attempt") > 1).height
        again_shown = withheld("exam_repeated") if hide or 0 < again < k else Figure("exam_repeated", again)
        test = analysis.classical.test
        sure = reliability(test) if taken else None
        content = Content("exam", exam_id)
        found = ExamReport(
            head=make_head(
                data,
                content,
                "exam",
                exam_id,
                "",
                organisation_path(data, top) if top else (),
                answers.height,
                answers["member_id"].unique(),
            ),
            course=data.catalogue.course(data.study_course(content)),
            participants=withheld("participants") if hide else Figure("participants", members),
            repeated_by=again_shown,
            questions=Figure("exam_questions", len(matrix.questions)),
            points=Figure("max_score", test.max_mark or None),
            accuracy=sums.accuracy if taken else withheld("accuracy") if hide else Figure("accuracy", None),
            scores=scores(list(shares.values()), sums.answers - sums.graded, k) if taken else None,
            reliability=sure,
            effort=exam_effort(first) if taken else None,
            repeated=repeated(gains(answers, data.catalogue), exam_id, again, k) if taken else None,
            topics=topics,
            few_topics=few > 0,
            comparison=self._comparison(set(first["member_id"].to_list()), shares) if taken else None,
            items=items,
            repairs=repairs(analysis, items, urgent=True),
            polish=repairs(analysis, items, urgent=False),
            few_members=taken and members < LEAST_FOR_ITEMS,
            withheld=hide,
            advice=(),
            quality=_quality(data, first, sums, answers.height),
        )
        return replace(found, advice=advice(found))

    def _comparison(self, took: Collection[str], shares: Mapping[str, float]) -> Comparison | None:
        """Branches by who took it and by their results. Left out: those of which, or of whose rest, fewer than k took
        part: the exam's own figures are printed, and the difference would show theirs."""
        counts: dict[str, tuple[int, int]] = {}
        values: dict[str, list[float]] = {}
        for node in self.nodes:
            members = self.populations.of(node, own=True).members
            counted = {m for m, b in members.items() if not b.exempt}
            if counted:
                counts[node] = len(counted & set(took)), len(counted)
                values[node] = [shares[m] for m in sorted(members) if m in shares]
        small = held_back({n: x for n, (x, _) in counts.items()}, self.k)
        small |= held_back({n: len(v) for n, v in values.items()}, self.k)
        kept = {n: c for n, c in counts.items() if n not in small}
        titles = {n: organisation_name(self.data, n) for n in kept}
        names = {n: Text(title, title) for n, title in titles.items()}
        return comparison(names, kept, {n: values[n] for n in kept}, self.k)


def _quality(data: ReportData, first: pl.DataFrame, sums: Effect, events: int) -> Quality:
    """What can be said about an exam's own answers; lines that were rejected name no exam that could be trusted."""
    untitled = len(set(first["question_id"].unique()) - data.catalogue.questions.keys())
    found = make_quality(
        Received(),
        events=events,
        capped=0,
        untimed=sums.answers - sums.timed,
        ungraded=sums.answers - sums.graded,
        untitled=untitled,
    )
    return replace(
        found,
        rejected=Figure("rejected", None),
        late=Figure("late", None),
        duplicates=Figure("duplicates", None),
        capped=Figure("capped", None),
    )


def advice(report: ExamReport) -> tuple[Note, ...]:
    """Notes for whoever sets the exam and whoever teaches the course; they name nobody."""
    if report.withheld or report.empty:
        return ()
    notes = []
    if report.repairs:
        notes.append(note("exam_advice.repair", questions=", ".join(r.item.number for r in report.repairs)))
    if report.reliability and not report.reliability.enough and report.reliability.alpha.value is not None:
        notes.append(note("exam_advice.reliability", alpha=report.reliability.alpha))
    if report.effort and report.effort.matters:
        notes.append(note("exam_advice.effort", effort=report.effort.effort))
    weak = [t for t in report.topics if t.below][:TOPICS]
    notes += [note("exam_advice.topic", topic=t.title, accuracy=t.accuracy) for t in weak]
    if report.quality.ungraded.value:
        notes.append(note("exam_advice.ungraded", ungraded=report.quality.ungraded))
    if report.few_members:
        notes.append(note("exam_advice.few"))
    return tuple(notes) or (note("exam_advice.nothing"),)
