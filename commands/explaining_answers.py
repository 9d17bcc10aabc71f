"""What became of each answer and error of a member to a question: which count, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.tables import MICRO
from streams.facts import ANSWER, Fact
from streams.fold_answers import Outcome, fold_question
from streams.member import MemberFacts
from streams.rules import Generation

from .explaining import Unexplained, event_text


class AnswerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One answer or error. ``sent_correct``: as sent; ``correct``: as it counts, None while not graded.

    ``at``: ms since the epoch, UTC. ``matched``: the answer that an error belongs to, or the errors that an answer
    has. Points are None where it does not count.
    """

    event_id: str
    event_type: str
    course_id: str
    day: str
    at: int
    exam_id: str
    attempt: int
    response: tuple[str, ...]
    response_ms: int | None
    sent_correct: bool | None
    counted: bool
    correct: bool | None
    score: float | None
    max_score: float | None
    matched: tuple[str, ...]
    why_zh: str
    why_en: str


def explain_answers(
    facts: MemberFacts, question_id: str, generation: Generation, course: str = ""
) -> tuple[AnswerLine, ...]:
    """Every body of an answer or error of the question, in order of time."""
    lines: list[AnswerLine] = []
    for (of_course, question), group in sorted(facts.by_group.items()):
        if question != question_id or course not in ("", of_course):
            continue
        live = [f for f in group if facts.counts(f)]
        outcomes = {o.fact.event_id: o for o in fold_question(live)}
        errors = _matches(live, outcomes)
        for f in group:
            lines.append(_line(facts, f, outcomes, errors, live, generation))
    return tuple(sorted(lines, key=lambda line: (line.at, line.event_id)))


def _matches(live: Sequence[Fact], outcomes: Mapping[int, Outcome]) -> dict[int, int]:
    """Error id → id of the answer that it belongs to."""
    answers = {f.event_id: f for f in live if f.kind == ANSWER}
    found: dict[int, int] = {}
    for e in live:
        if e.kind == ANSWER:
            continue
        if e.answer_id in answers:
            found[e.event_id] = e.answer_id
            continue
        before = [
            a
            for a in answers.values()
            if outcomes[a.event_id].correct == 0 and (a.exam, a.attempt) == (e.exam, e.attempt) and a.at <= e.at
        ]
        if before:
            found[e.event_id] = max(before, key=lambda a: (a.at, a.event_id)).event_id
    return found


def _line(
    facts: MemberFacts,
    f: Fact,
    outcomes: Mapping[int, Outcome],
    errors: Mapping[int, int],
    live: Sequence[Fact],
    generation: Generation,
) -> AnswerLine:
    counts = facts.counts(f)
    outcome = outcomes.get(f.event_id) if counts else None
    kept = outcome if outcome is not None and outcome.counted else None
    matched: list[int] = []
    if counts and f.kind == ANSWER:
        matched = sorted(e for e, a in errors.items() if a == f.event_id)
    elif counts and f.event_id in errors:
        matched = [errors[f.event_id]]
    zh, en = _why(facts, f, outcome, matched, live)
    return AnswerLine(
        event_id=event_text(f.event_id),
        event_type="answer" if f.kind == ANSWER else "error",
        course_id=f.course,
        day=generation.days.date_of(f.at).isoformat(),
        at=f.at,
        exam_id=f.exam,
        attempt=f.attempt,
        response=f.response,
        response_ms=f.spent or None,
        sent_correct=None if f.kind != ANSWER or f.correct < 0 else f.correct == 1,
        counted=kept is not None,
        correct=kept.correct == 1 if kept and kept.correct >= 0 else None,
        score=kept.score / MICRO if kept else None,
        max_score=kept.best / MICRO if kept else None,
        matched=tuple(event_text(i) for i in matched),
        why_zh=zh,
        why_en=en,
    )


def _why(
    facts: MemberFacts, f: Fact, outcome: Outcome | None, matched: Sequence[int], live: Sequence[Fact]
) -> tuple[str, str]:
    names = ", ".join(event_text(i) for i in matched)
    if facts.bodies[f.event_id][0] is not f:
        return "同一编号有另一内容，以另一内容为准", "another body under the same id counts"
    if facts.taken(f.event_id):
        takers = [t for t in facts.takers[f.event_id] if facts.bodies[t.event_id][0] is t]
        by = event_text(min(t.event_id for t in takers))
        return f"已被 {by} 撤回或替换", f"taken back or replaced by {by}"
    assert outcome is not None
    if f.kind != ANSWER:
        if not matched:
            return "没有找到对应的作答，作为一次答错计入", "no answer found: counts as a wrong answer"
        how = (
            ("按所写作答编号", "it names it")
            if f.answer_id in matched
            else ("按时间", "the latest wrong one before it")
        )
        return f"对应作答 {names}（{how[0]}），不另计", f"belongs to answer {names} ({how[1]}), not counted again"
    if not outcome.counted:
        same = [a for a in live if a.kind == ANSWER and (a.exam, a.attempt) == (f.exam, f.attempt)]
        last = event_text(max(same, key=lambda a: (a.at, a.event_id)).event_id)
        return f"同次考试中其后又作答 {last}，以最后一次为准", f"answered again in the attempt: {last} counts"
    zh, en = (
        ("该次考试中最后一次作答", "last answer of the attempt")
        if f.exam
        else ("练习，每次都计", "practice: each counts")
    )
    if f.correct != 0 and outcome.correct == 0:
        return f"{zh}；错误记录 {names} 判为答错", f"{en}; marked wrong by error {names}"
    if matched:
        return f"{zh}；错误记录 {names} 与之对应", f"{en}; error {names} belongs to it"
    if f.correct < 0:
        return f"{zh}；尚未评分", f"{en}; not graded yet"
    return zh, en


def check_answers(lines: Sequence[AnswerLine], rows: Sequence[Mapping[str, Any]], where: str) -> None:
    """Raise Unexplained unless the counted lines are the counted ``answers`` rows (event_id as text)."""
    listed = sorted((x.event_id, x.correct, x.score) for x in lines if x.counted)
    stored = sorted((str(r["event_id"]), r["correct"], r["score"]) for r in rows)
    if [(i, c, round((s or 0) * MICRO)) for i, c, s in listed] != [(i, c, round(s * MICRO)) for i, c, s in stored]:
        raise Unexplained(
            f"the archive gives {listed}, the table answers has {stored}",
            where=where,
            hint="is a worker behind? wait until it has caught up; else run `xuejing reconcile`",
        )
