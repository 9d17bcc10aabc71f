"""Answers about questions and groups: items, options, tests, branches, suggestions, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from reports.analytics.advice import branch_topics, exam_advice, help_offers, member_advice
from reports.analytics.attitude import attitudes
from reports.analytics.exams import ExamAnalysis, analyse_exam, attempt_shares, exam_ids, exam_matrix, first_attempts
from reports.analytics.groups import compare_means, compare_shares
from reports.analytics.inputs import Inputs
from reports.analytics.of_members import as_of_ms, attitude_data
from reports.analytics.practice import books, point_masteries, practice_sequences
from reports.measures.classical import alpha_interval
from reports.measures.suggest import Evidence, Suggestion
from reports.measures.suggest_text import text
from reports.population import Populations
from schemas.metrics import metrics_rows

Rows = Iterator[dict[str, Any]]


def analyses(inputs: Inputs) -> Iterator[ExamAnalysis]:
    """Every exam asked for. For a scope of aggregates, questions that fewer than k members answered are left out."""
    for exam in exam_ids(inputs.answers):
        matrix = exam_matrix(inputs.answers, inputs.catalogue, exam)
        calibration, before = inputs.calibrations.exams.get(exam), inputs.earlier_models.get(exam)
        found = analyse_exam(matrix, inputs.catalogue, calibration, before)
        if inputs.scope.detail != "aggregate" or found.classical.test.n >= inputs.k:
            yield found


def _limits(interval: Any) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _enough(inputs: Inputs, n: int) -> bool:
    return inputs.scope.detail != "aggregate" or n >= inputs.k


def items(inputs: Inputs) -> Rows:
    """Classical statistics and calibrated parameters, one row a question of an exam."""
    for analysis in analyses(inputs):
        for item in analysis.classical.items:
            if not _enough(inputs, item.n):
                continue
            parameters, moved = analysis.parameters.get(item.item_id), analysis.drift.get(item.item_id)
            low, high = _limits(item.facility_interval)
            r_low, r_high = _limits(item.r_rest_interval)
            options = analysis.options.get(item.item_id, ())
            known = inputs.catalogue.questions.get(item.item_id)
            yield {
                "exam_id": analysis.exam_id,
                "question_id": item.item_id,
                "n": item.n,
                "max_score": item.max_mark,
                "facility": item.facility,
                "facility_low": low,
                "facility_high": high,
                "sd": item.sd,
                "discrimination_index": item.discrimination_index,
                "efficiency": item.efficiency,
                "effective_weight": item.effective_weight,
                "covariance": item.covariance,
                "covariance_max": item.covariance_max,
                "mark_variance": item.mark_variance,
                "rest_variance": item.rest_variance,
                "r_rest": item.r_rest,
                "r_low": r_low,
                "r_high": r_high,
                "alpha_without": item.alpha_without,
                "a": parameters.a if parameters else None,
                "se_a": parameters.se_a if parameters else None,
                "b": parameters.b if parameters else None,
                "se_b": parameters.se_b if parameters else None,
                "status": parameters.status if parameters else "",
                "model": analysis.calibration.model if analysis.calibration else "",
                "calibration": analysis.calibration.version if analysis.calibration else "",
                "calibration_n": analysis.calibration.n if analysis.calibration else None,
                "drift": moved.shift if moved else None,
                "drift_se": moved.se if moved else None,
                "drift_p": moved.p_value if moved else None,
                "drifted": moved.drifted if moved else None,
                "drift_from_version": analysis.drift_from if moved else "",
                "flags": [f"{o.option}:{flag}" for o in options for flag in o.flags],
                "text": known.text if known else "",
            }


def item_options(inputs: Inputs) -> Rows:
    """Options of the questions of exams: who chose them, and how that goes with the rest of the test."""
    for analysis in analyses(inputs):
        for question, options in analysis.options.items():
            n = max((round(o.n / o.share) for o in options if o.share), default=0)
            for o in options if _enough(inputs, n) else ():
                r_low, r_high = _limits(o.r_interval)
                known = inputs.catalogue.questions.get(question)
                yield {
                    "exam_id": analysis.exam_id, "question_id": question, "option": o.option, "is_key": o.is_key,
                    "n": n, "chosen": o.n, "share": o.share, "low": o.share_interval.low,
                    "high": o.share_interval.high, "r_rest": o.r_rest, "r_low": r_low, "r_high": r_high,
                    "flags": list(o.flags), "text": known.options.get(o.option, "") if known else "",
                }  # fmt: skip


def tests(inputs: Inputs) -> Rows:
    """Each exam as a whole."""
    for analysis in analyses(inputs):
        t = analysis.classical.test
        low, high = _limits(alpha_interval(t.alpha, t.n_complete, t.n_items))
        yield {
            "exam_id": analysis.exam_id,
            "title": inputs.catalogue.exam(analysis.exam_id).zh,
            "n": t.n, "n_complete": t.n_complete, "questions": t.n_items, "max_score": t.max_mark, "mean": t.mean,
            "median": t.median, "sd": t.sd, "skewness": t.skewness, "kurtosis": t.kurtosis, "alpha": t.alpha,
            "alpha_low": low, "alpha_high": high, "error_ratio": t.error_ratio, "standard_error": t.standard_error,
        }  # fmt: skip


def branches(inputs: Inputs) -> Rows:
    """Branches by participation and by their members' mean share of points; of each exam, or over all answers. What
    members did counts where they belonged on the day, and who moved is counted in both."""
    populations = inputs.populations()
    if populations is None:
        return
    homes = _members_there(inputs, populations)
    there, asked = exam_ids(inputs.answers), inputs.filters.exam
    if asked and asked not in there and asked not in inputs.catalogue.exams:
        return  # no exam: of a contest nothing is told here, which is not that nobody took part
    exams = [asked] if asked else ["", *there]
    for exam in exams:
        took, values = _results(inputs, populations, exam)
        counts = {org: (len(members & took.get(org, set())), len(members)) for org, members in homes.items()}
        kept = {org: [shares[m] for m in sorted(shares)] for org, shares in values.items() if org in homes}
        yield from _branch_rows(exam, counts, kept, inputs.k)


def _members_there(inputs: Inputs, populations: Populations) -> dict[str, set[str]]:
    """Members by every organisation to which they belonged on a day of the period."""
    listed = _by_org(inputs.frame("members", "course", "exam"))
    found = {org: members & populations.of(org, own=True).ids for org, members in listed.items()}
    return {org: members for org, members in found.items() if members}


def _by_org(rows: pl.DataFrame) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for org, member in rows.select("org_id", "member_id").unique().iter_rows():
        found.setdefault(org, set()).add(member)
    return found


def _results(
    inputs: Inputs, populations: Populations, exam: str
) -> tuple[dict[str, set[str]], dict[str, dict[str, float]]]:
    """By organisation who took part, and members' shares of points: of the first attempt at the exam, which belongs to
    the organisation of its last answer, or of all graded answers for ''."""
    values: dict[str, dict[str, float]] = {}
    if exam:
        first = first_attempts(inputs.answers.filter(pl.col("exam_id") == exam))
        placed = first.sort("at", "event_id").group_by("member_id").agg(pl.col("org_id").last())
        home = dict(placed.select("member_id", "org_id").iter_rows())
        for member, _, _, share in attempt_shares(first, inputs.catalogue):
            values.setdefault(home[member], {})[member] = share
        return _by_org(placed), values

    def there(rows: pl.DataFrame) -> pl.DataFrame:
        parts = rows.partition_by("org_id", as_dict=True)
        return pl.concat([populations.of(str(org), own=True).rows(part) for (org,), part in parts.items()] or [rows])

    graded = there(inputs.counted.filter(pl.col("correct").is_not_null() & (pl.col("max_score") > 0)))
    sums = graded.group_by("org_id", "member_id").agg(pl.col("score").sum() / pl.col("max_score").sum())
    for org, member, share in sums.iter_rows():
        values.setdefault(org, {})[member] = share
    return _by_org(there(inputs.days.filter(pl.col("events") > 0))), values


def belonging(inputs: Inputs) -> dict[str, set[str]]:
    """Members by the organisation of their last membership in the period."""
    rows = inputs.frame("members", "course", "exam").sort("valid_from", nulls_last=False)
    last: dict[str, str] = dict(rows.select("member_id", "org_id").iter_rows())
    found: dict[str, set[str]] = {}
    for member, org in last.items():
        found.setdefault(org, set()).add(member)
    return found


def _branch_rows(exam: str, counts: Mapping[str, tuple[int, int]], values: Mapping[str, list[float]], k: int) -> Rows:
    shares, means = compare_shares(counts, k), compare_means(values, k)
    by_org = {m.org_id: m for m in means.branches}
    common = means.common
    for branch in shares.branches:
        point, mean = branch.point, by_org.get(branch.org_id)
        low, high = _limits(branch.interval)
        warning, action = _limits(point.warning if point else None), _limits(point.action if point else None)
        shrunk = mean.shrunk if mean else None
        yield {
            "org_id": branch.org_id, "exam_id": exam, "members": branch.members, "withheld": branch.withheld,
            "participants": branch.x, "participation": branch.share, "low": low, "high": high,
            "common_share": shares.p0, "warning_low": warning[0], "warning_high": warning[1],
            "action_low": action[0], "action_high": action[1], "funnel": point.label if point else None,
            "phi": shares.dispersion.phi if shares.dispersion else None,
            "scored": mean.members if mean and not mean.withheld and not branch.withheld else None,
            "mean": shrunk.raw if shrunk else None, "weight": shrunk.weight if shrunk else None,
            "shrunk_mean": shrunk.estimate if shrunk else None, "shrunk_low": shrunk.low if shrunk else None,
            "shrunk_high": shrunk.high if shrunk else None, "common_mean": common.mu if common else None,
            "p_above": shrunk.p_above if shrunk else None,
        }  # fmt: skip


def suggestions(inputs: Inputs) -> Rows:
    """What to do next: for each member, for branches (topics, offers of help), for authors of exams."""
    f, at = inputs.filters, as_of_ms(inputs)
    found: list[tuple[str, Suggestion]] = []
    today = inputs.local_days.date_of(at - 1)
    shelf = books(inputs.history)
    if f.exam is None and inputs.scope.detail != "aggregate":
        masteries = point_masteries(practice_sequences(inputs.history, inputs.catalogue), inputs.calibrations)
        for member in sorted({*shelf, *(m.member_id for m in masteries)}) if f.member or inputs.scope.member_id else ():
            own = [m for m in masteries if m.member_id == member]
            found += [(member, s) for s in member_advice(shelf.get(member, {}), own, today, at)]
    if f.member is None and inputs.scope.detail != "own":
        if f.exam is None:
            groups = {org: frozenset(m) for org, m in belonging(inputs).items()}
            topics = branch_topics(inputs.counted, groups, inputs.catalogue)
            found += [(org, s) for org, listed in sorted(topics.items()) for s in listed]
            period = inputs.period()
            if inputs.scope.detail == "named" and period:
                everyone = sorted(set().union(*groups.values()))
                courses = attitudes(attitude_data(inputs, *period), everyone)
                found += [("", s) for s in help_offers(courses, shelf, inputs.catalogue, at)]
        found += [(a.exam_id, s) for a in analyses(inputs) for s in exam_advice(a)]
    for about, suggestion in found:
        name = _name(inputs, suggestion)
        yield {
            "audience": suggestion.audience, "about": about, "kind": suggestion.kind, "subject": suggestion.subject,
            "reasons": [finding.reason for finding in suggestion.findings],
            "text": text(suggestion, "zh", name=name[0]), "text_en": text(suggestion, "en", name=name[1]),
            "evidence": [_evidence(e) for e in suggestion.evidence],
        }  # fmt: skip


def _name(inputs: Inputs, suggestion: Suggestion) -> tuple[str, str]:
    if suggestion.kind in ("review_topic", "discuss_topic"):
        title = inputs.catalogue.point(suggestion.subject)
        return title.zh, title.en
    return suggestion.subject, suggestion.subject


def _evidence(e: Evidence) -> str:
    parts = [f"{e.metric} = {e.value:.4g}"]
    if e.n is not None:
        parts.append(f"n = {e.n}")
    if e.low is not None and e.high is not None:
        parts.append(f"95 % {e.low:.3g} … {e.high:.3g}")
    if e.detail:
        parts.append(e.detail)
    return ", ".join(parts)


def metrics(_: Inputs) -> Rows:
    """Every declared metric."""
    yield from metrics_rows()


ANSWERS: Mapping[str, Callable[[Inputs], Rows]] = {
    "items": items,
    "item-options": item_options,
    "tests": tests,
    "branches": branches,
    "suggestions": suggestions,
    "metrics": metrics,
}
