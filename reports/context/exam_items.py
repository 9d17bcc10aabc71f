"""The questions of one exam: how hard, how telling, how their options are chosen, and which to repair and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from reports.analytics.advice import exam_advice
from reports.analytics.exams import ExamAnalysis
from reports.catalogue import Catalogue
from reports.context.book import QuestionText, question_text
from reports.context.cells import hide_small
from reports.figures import Figure, share, withheld
from reports.measures.classical import ItemStatistics
from reports.measures.distractors import Flag, OptionStatistics
from reports.measures.proportions import Interval
from reports.measures.suggest import Finding, Reason, Suggestion
from reports.measures.suggest_text import reason_texts
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One option. ``flags`` are message keys. ``hidden``: fewer than k members chose it, or it would give one back."""

    letter: str
    text: str
    right: bool
    share: Figure
    r: Figure
    flags: tuple[str, ...]
    hidden: bool


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One question of the paper. ``hidden``: fewer than k members were given it; then nothing is said."""

    number: str
    question: QuestionText
    members: Figure
    facility: Figure
    r: Figure
    efficiency: Figure
    seconds: Figure
    effort: Figure
    options: tuple[OptionLine, ...]
    repair: bool
    hidden: bool

    @property
    def noticed(self) -> tuple[OptionLine, ...]:
        """Options with something to look at."""
        return tuple(o for o in self.options if o.flags)


@dataclass(frozen=True, slots=True)
class Because:
    """A reason to look at a question: what the figures say, and the message of what to do."""

    reasons: tuple[Text, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Repair:
    """A question that its author should look at, with the reasons, the most urgent first."""

    item: ItemLine
    because: tuple[Because, ...]


ACTIONS: Mapping[Reason, str] = {
    "negative_discrimination": "repair.check_key",
    "weak_key": "repair.check_key",
    "attractive_distractor": "repair.reword_option",
    "drifted": "repair.drifted",
    "too_hard": "repair.too_hard",
    "too_easy": "repair.too_easy",
    "idle_distractor": "repair.replace_option",
}
"""Reason → message of what to do."""
FLAGS: Mapping[Flag, str] = {
    "attracts_the_able": "exam.attracts_the_able",
    "hardly_chosen": "exam.hardly_chosen",
    "weak_key": "exam.weak_key",
}


def item_lines(catalogue: Catalogue, analysis: ExamAnalysis, first: pl.DataFrame, k: int) -> tuple[ItemLine, ...]:
    """The questions in the order of the paper. ``first``: answers of first attempts at this exam, with ``rapid``."""
    times = _times(first)
    courses = dict(first.select("question_id", "course_id").unique("question_id").iter_rows())
    urgent = {s.subject for s in exam_advice(analysis) if is_urgent(s)}
    lines = []
    for number, item in enumerate(analysis.classical.items, 1):
        course = courses.get(item.item_id, "")
        text = question_text(catalogue, item.item_id, course, ())
        known = catalogue.questions.get(item.item_id)
        letters = dict(known.options) if known else {}
        options = _options(analysis.options.get(item.item_id, ()), letters, k)
        line = _item(str(number), text, item, times.get(item.item_id, (None, 0, 0)), options, k)
        lines.append(replace(line, repair=item.item_id in urgent and not line.hidden))
    return tuple(lines)


def _times(first: pl.DataFrame) -> dict[str, tuple[float | None, int, int]]:
    """(median seconds, timed answers that are not rapid, timed answers) by question."""
    timed = first.filter(pl.col("response_ms") > 0)
    grouped = timed.group_by("question_id").agg(
        pl.col("response_ms").median() / 1000, (~pl.col("rapid")).sum().alias("kept"), pl.len()
    )
    return {question: (seconds, kept, n) for question, seconds, kept, n in grouped.iter_rows()}


def _item(
    number: str,
    text: QuestionText,
    item: ItemStatistics,
    times: tuple[float | None, int, int],
    options: tuple[OptionLine, ...],
    k: int,
) -> ItemLine:
    seconds, kept, timed = times
    hidden = 0 < item.n < k
    if hidden:
        facility, r = withheld("item_facility"), withheld("item_rest_correlation")
        efficiency, effort = withheld("item_efficiency"), withheld("effort")
        return ItemLine(
            number, text, withheld("participants"), facility, r, efficiency, withheld("item_seconds"), effort, (),
            repair=False, hidden=True,
        )  # fmt: skip
    return ItemLine(
        number=number,
        question=text,
        members=Figure("participants", item.n),
        facility=_with("item_facility", item.facility, item.facility_interval, item.n),
        r=_with("item_rest_correlation", item.r_rest, item.r_rest_interval),
        efficiency=Figure("item_efficiency", item.efficiency),
        seconds=withheld("item_seconds") if 0 < timed < k else Figure("item_seconds", seconds),
        effort=withheld("effort") if 0 < timed < k or 0 < timed - kept < k else share("effort", kept, timed),
        options=options,
        repair=False,
        hidden=False,
    )


def _with(metric: str, value: float | None, interval: Interval | None, n: int | None = None) -> Figure:
    low, high = interval or (None, None)
    x = round(value * n, 2) if value is not None and n is not None else None
    return Figure(metric, value, x, n if x is not None else None, low, high)


def _options(options: Sequence[OptionStatistics], texts: Mapping[str, str], k: int) -> tuple[OptionLine, ...]:
    """Options; those of fewer than k members without figures, and one more where the others would give them back."""
    lines = []
    for option, hide in zip(options, hide_small([o.n for o in options], k), strict=True):
        n = round(option.n / option.share) if option.share else None
        lines.append(
            OptionLine(
                letter=option.option,
                text=texts.get(option.option, ""),
                right=option.is_key,
                share=withheld("option_share")
                if hide
                else Figure("option_share", option.share, option.n, n, *option.share_interval),
                r=withheld("option_rest_correlation")
                if hide
                else _with("option_rest_correlation", option.r_rest, option.r_interval),
                # That an option was hardly chosen is known from its mark; how it goes with the rest would tell more.
                flags=tuple(FLAGS[f] for f in option.flags if not hide or f == "hardly_chosen"),
                hidden=hide,
            )
        )
    return tuple(lines)


SMALL: frozenset[Reason] = frozenset({"idle_distractor", "too_easy"})
"""Reasons that leave a question usable: it could be better, but it does not mislead."""


def is_urgent(suggestion: Suggestion) -> bool:
    """Whether the question should not be used again as it is."""
    return any(finding.reason not in SMALL for finding in suggestion.findings)


def repairs(analysis: ExamAnalysis, items: Iterable[ItemLine], *, urgent: bool) -> tuple[Repair, ...]:
    """Questions to look at by the stated rule, the most urgent first, or those that could be better."""
    by_id = {line.question.question_id: line for line in items if not line.hidden}
    return tuple(
        Repair(by_id[s.subject], _because(s))
        for s in exam_advice(analysis)
        if s.subject in by_id and is_urgent(s) == urgent
    )


def _because(suggestion: Suggestion) -> tuple[Because, ...]:
    return tuple(Because(_reasons(finding), ACTIONS[finding.reason]) for finding in suggestion.findings)


def _reasons(finding: Finding) -> tuple[Text, ...]:
    if finding.reason == "idle_distractor":
        # Its share would tell how few chose it.
        letters = [e.detail or "" for e in finding.evidence]
        zh, en = "、".join(letters), ", ".join(letters)
        return (Text(f"错误选项 {zh} 几乎无人选择", f"hardly anybody chose wrong option {en}"),)
    return tuple(map(Text, reason_texts(finding, "zh"), reason_texts(finding, "en")))
