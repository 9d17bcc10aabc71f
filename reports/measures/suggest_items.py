"""Which questions an author should repair: discrimination, options, drift and difficulty, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.measures.classical import ItemStatistics
from reports.measures.distractors import OptionStatistics
from reports.measures.irt_drift import ItemDrift
from reports.measures.suggest import Evidence, Finding, Reason, Suggestion

MIN_ANSWERS = 30
"""Fewer answers than this don't tell a broken question from chance."""


_URGENCY: tuple[Reason, ...] = (
    "negative_discrimination", "weak_key", "attractive_distractor", "drifted", "too_hard", "too_easy",
    "idle_distractor",
)  # fmt: skip


def for_author(
    items: Sequence[ItemStatistics],
    options: Mapping[str, Sequence[OptionStatistics]] | None = None,
    drift: Mapping[str, ItemDrift] | None = None,
    *,
    since: str = "",
    min_answers: int = MIN_ANSWERS,
) -> list[Suggestion]:
    """Questions to repair, the most urgent first: negative discrimination, key and options, drift, difficulty.

    Nothing is said below ``min_answers`` answers. Negative discrimination: the correlation with the rest score
    is below 0 (its interval tells how surely). A distractor "attracts the able" only when its interval lies
    above 0, as with many options chance raises some. Too hard or easy: the facility's interval lies
    below 0.2 or above 0.95. ``since``: the calibration that ``drift`` is measured from; its evidence names it.
    """
    ranked = []
    for item in items:
        if item.n < min_answers:
            continue
        findings = _quality(item) + _options((options or {}).get(item.item_id, ()))
        moved = (drift or {}).get(item.item_id)
        if moved is not None and moved.drifted:
            low, high = moved.shift - 1.96 * moved.se, moved.shift + 1.96 * moved.se
            shift = Evidence("item_drift", moved.shift, item.n, low, high, since or None)
            findings.append(Finding("drifted", (shift,)))
        if findings:
            first = min(_URGENCY.index(f.reason) for f in findings)
            r = item.r_rest if item.r_rest is not None else 0.0
            ranked.append(
                (first, r, item.item_id, Suggestion("author", "repair_question", item.item_id, tuple(findings)))
            )
    return [suggestion for *_, suggestion in sorted(ranked, key=lambda f: f[:3])]


def _quality(item: ItemStatistics) -> list[Finding]:
    findings = []
    if item.r_rest is not None and item.r_rest < 0:
        low, high = item.r_rest_interval or (None, None)
        findings.append(
            Finding("negative_discrimination", (Evidence("item_rest_correlation", item.r_rest, item.n, low, high),))
        )
    interval = item.facility_interval
    if interval is not None and item.facility is not None:
        evidence = (Evidence("item_facility", item.facility, item.n, interval.low, interval.high),)
        if interval.high < 0.2:
            findings.append(Finding("too_hard", evidence))
        if interval.low > 0.95:
            findings.append(Finding("too_easy", evidence))
    return findings


def _options(options: Sequence[OptionStatistics]) -> list[Finding]:
    weak, attractive, idle = [], [], []
    for option in options:
        if option.r_rest is not None and option.r_interval is not None:
            r = Evidence("option_rest_correlation", option.r_rest, option.n, *option.r_interval, detail=option.option)
            if "weak_key" in option.flags:
                weak.append(r)
            if "attracts_the_able" in option.flags and option.r_interval.low > 0:
                attractive.append(r)
        if "hardly_chosen" in option.flags:
            interval = option.share_interval
            idle.append(Evidence("option_share", option.share, option.n, interval.low, interval.high, option.option))
    named: tuple[tuple[Reason, list[Evidence]], ...] = (
        ("weak_key", weak), ("attractive_distractor", attractive), ("idle_distractor", idle),
    )  # fmt: skip
    return [Finding(reason, tuple(evidence)) for reason, evidence in named if evidence]
