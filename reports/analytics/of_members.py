"""Answers about members, row by row: mastery, effort, attitude, ability, gain, the wrong-question book."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import polars as pl

from reports.analytics.attitude import AttitudeData, attitudes, passed_exams
from reports.analytics.effects import efforts, gains
from reports.analytics.exams import abilities, exam_ids, exam_matrix
from reports.analytics.inputs import Inputs
from reports.analytics.practice import books, point_masteries, practice_sequences
from reports.measures.proportions import normal_quantile
from reports.measures.wrong_book import Entry

Rows = Iterator[dict[str, Any]]
Z = normal_quantile(0.95)


def as_of_ms(inputs: Inputs) -> int:
    """What a figure is as of: the end of the last day asked for, or the last receipt where that is earlier."""
    (received,) = inputs.reader.frame("freshness", inputs.scope)["last_received_at"].to_list()
    now = int((received or datetime.now(UTC)).timestamp() * 1000)
    last = inputs.filters.last
    return now if last is None else min(now, inputs.local_days.span(last, last)[1])


def mastery(inputs: Inputs) -> Rows:
    """Knowledge tracing by member and knowledge point, from practice up to the last day."""
    sequences = practice_sequences(inputs.history, inputs.catalogue)
    for one in point_masteries(sequences, inputs.calibrations):
        m, used = one.mastery, one.parameters
        yield {
            "member_id": one.member_id,
            "knowledge_point": one.point_id,
            "title": inputs.catalogue.point(one.point_id).zh,
            "answers": m.n,
            "mastery": m.p,
            "answers_kept": m.n_kept,
            "mastery_kept": m.p_without_rapid,
            "mastered": m.mastered,
            "calibration": used.version,
            "calibration_n": used.n,
            "prior": used.params.l0,
            "transit": used.params.t,
            "slip": used.params.s,
            "guess": used.params.g,
        }


def effort(inputs: Inputs) -> Rows:
    """Response-time effort by member and exam ('' = practice), with and without the rapid answers."""
    for (member, exam), e in efforts(inputs.answers, "member_id", "exam_id").items():
        yield {
            "member_id": member,
            "exam_id": exam,
            "timed_answers": e.n,
            "rapid_answers": e.rapid,
            "effort": e.rte,
            "low": e.interval.low if e.interval else None,
            "high": e.interval.high if e.interval else None,
            "graded": e.n_all,
            "accuracy": e.correct_all,
            "graded_kept": e.n_kept,
            "accuracy_kept": e.correct_kept,
            "show_both": e.show_both,
        }


def attitude(inputs: Inputs) -> Rows:
    """Separate indicators by member and course, and over all courses (course_id '')."""
    period = inputs.period()
    if period is None:
        return
    data = attitude_data(inputs, *period)
    members = set(inputs.frame("members", "course", "exam")["member_id"].to_list())
    members |= set(inputs.days["member_id"].to_list())
    for one in attitudes(data, members, inputs.filters.course):
        yield asdict(one)


def attitude_data(inputs: Inputs, first: Any, last: Any) -> AttitudeData:
    """What the indicators of a period need."""
    opened = inputs.frame("unit-study", "exam").select("member_id", "course_id", "unit_id", "open_seconds")
    # The quiz of a unit may belong to any course: passed exams are looked for in all of them.
    exams = inputs.frame("answers", "course", "exam", "first")
    return AttitudeData(
        days=inputs.days,
        roster=inputs.roster,
        catalogue=inputs.catalogue,
        units=inputs.units,
        opened={(m, c, u): s for m, c, u, s in opened.iter_rows()},
        passed=passed_exams(exams, inputs.catalogue, inputs.pass_share),
        local=inputs.local_days,
        first=first,
        last=last,
        as_of_ms=as_of_ms(inputs),
    )


def ability(inputs: Inputs) -> Rows:
    """EAP scores of first attempts by the exam's latest calibration; exams without one have no rows."""
    for exam in exam_ids(inputs.answers):
        calibration = inputs.calibrations.exams.get(exam)
        if calibration is None:
            continue
        for member, score in abilities(exam_matrix(inputs.answers, inputs.catalogue, exam), calibration).items():
            yield {
                "member_id": member,
                "exam_id": exam,
                "ability": score.theta,
                "se": score.se,
                "low": score.theta - Z * score.se,
                "high": score.theta + Z * score.se,
                "questions": score.n_items,
                "model": calibration.model,
                "calibration": score.calibration,
                "calibrated_on": calibration.calibrated_on,
                "calibration_n": calibration.n,
            }


def gain(inputs: Inputs) -> Rows:
    """First against last attempt: one row a member, and one for the group (member_id '')."""
    found = gains(inputs.answers, inputs.catalogue)
    named = inputs.scope.detail != "aggregate"
    for exam, g in found.groups.items():
        if inputs.scope.detail == "own" or (not named and g.n < inputs.k):
            continue
        yield {
            "exam_id": exam, "member_id": "", "members": g.n, "attempts": None, "pre": g.pre_mean, "post": g.post_mean,
            "gain": g.gain, "low": g.interval.low if g.interval else None,
            "high": g.interval.high if g.interval else None, "change": g.mean_change,
        }  # fmt: skip
    for m in found.members if named else ():
        yield {
            "exam_id": m.exam_id, "member_id": m.member_id, "members": 1, "attempts": m.attempts, "pre": m.pre,
            "post": m.post, "gain": None, "low": None, "high": None, "change": m.change,
        }  # fmt: skip


def wrong_book(inputs: Inputs) -> Rows:
    """The wrong-question book as a lifecycle, from all answers up to the last day."""
    at = as_of_ms(inputs)
    courses = dict(inputs.history.select("question_id", "course_id").unique("question_id").iter_rows())
    for member, book in sorted(books(inputs.history).items()):
        for question, entry in book.items():
            known = inputs.catalogue.questions.get(question)
            yield {
                "member_id": member,
                "course_id": courses[question],
                "question_id": question,
                **_lifecycle(entry, at),
                "text": known.text if known else "",
                "answer_key": known.answer_key if known else "",
                "explanation": known.explanation if known else "",
            }


def _lifecycle(entry: Entry, at: int) -> Mapping[str, Any]:
    waiting = entry.time_to_resolution_ms
    steps = [f"{_day(t.at_ms)} {t.kind}{' (same option)' if t.same_option else ''}" for t in entry.transitions]
    resolved = [t.at_ms for t in entry.transitions if t.kind == "resolved"]
    return {
        "state": entry.state,
        "opened_at": _moment(entry.transitions[0].at_ms),
        "resolved_at": _moment(resolved[-1]) if resolved and not entry.is_open else None,
        "times_wrong": entry.wrong,
        "repeat_errors": entry.repeat_errors,
        "lapses": entry.lapses,
        "half_resolved_on": entry.half_resolved_on,
        "open_seconds": entry.spells[-1].duration_ms(at)[0] / 1000 if entry.is_open else None,
        "resolution_seconds": None if waiting is None else waiting / 1000,
        "last_wrong_response": sorted(entry.last_wrong_response or ()),
        "history": steps,
    }


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _day(ms: int) -> str:
    return _moment(ms).strftime("%Y-%m-%dT%H:%MZ")


def members_of(frame: pl.DataFrame) -> dict[str, set[str]]:
    """Members by the organisation of their latest row; those who belong nowhere are left out."""
    latest = frame.filter(pl.col("org_id") != "").sort("day").group_by("member_id").agg(pl.col("org_id").last())
    found: dict[str, set[str]] = {}
    for member, org in latest.iter_rows():
        found.setdefault(org, set()).add(member)
    return found


ANSWERS: Mapping[str, Callable[[Inputs], Rows]] = {
    "mastery": mastery,
    "effort": effort,
    "attitude": attitude,
    "ability": ability,
    "gain": gain,
    "wrong-book": wrong_book,
}
