"""``xuejing explain``: the records behind a figure, from the archive, and proof that they add up to it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.box import HEAVY_HEAD

from schemas.days import day_number
from schemas.errors import InputError
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import ALL_ANSWERS, Filters, Reader, Scope
from streams.facts import FACT_COLUMNS, facts_from_archive
from streams.member import MemberFacts
from streams.rules import Generation

from . import context as contexts
from .auditing import looked
from .connect import connected
from .explaining import StudyExplained, check_against, explain_study, moment
from .explaining_answers import AnswerLine, check_answers, explain_answers
from .tabular import show_whole
from .worker import generation

app = typer.Typer(no_args_is_help=True, help="逐条说明一个数字从何而来 · The records behind a figure, one by one")


class Format(StrEnum):
    """How it is printed."""

    table = "table"
    json = "json"


_MEMBER = typer.Option("--member", help="成员编号 · member")
_COURSE = typer.Option("--course", help="只看一门课程 · one course only")
_FORMAT = typer.Option("--format", "-f", help="table 或 json")


@app.command("study")
def study(
    ctx: typer.Context,
    member: Annotated[str, _MEMBER],
    day: Annotated[
        datetime,
        typer.Option("--day", parser=contexts.day_of("--day"), metavar="YYYY-MM-DD", help="当地日期 · local day"),
    ],
    course: Annotated[str, _COURSE] = "",
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """某日学习时长背后的每个区间 · Every interval behind a day's study time.

    Says of each what counts of it and why: merged with others, cut at midnight, cut to its last 4 hours, without
    length, taken back, delivered again. Fails when they do not add up to the figure in the store.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found, active = study_of(store, member, day.date(), course)
        looked(context.settings, store, "explain study", [member], len(_study_rows(found, active, "en")))
    if format is Format.json:
        _json(_study_json(found, active))
        return
    rows = _study_rows(found, active, context.settings.language)
    show_whole(rows, box=HEAVY_HEAD)
    minutes = found.study_ms / 60_000
    context.say(
        f"{found.day} 共 {minutes:.2f} 分钟 = 各区间之和 {found.sum_ms / 60_000:.2f} − 重叠 "
        f"{found.overlap_ms / 60_000:.2f}；{found.sessions} 次学习；与存储一致",
        f"{found.day}: {minutes:.2f} min = sum of the intervals {found.sum_ms / 60_000:.2f} − overlap "
        f"{found.overlap_ms / 60_000:.2f}; {found.sessions} session(s); equal to the store",
    )


@app.command("answer")
def answer(
    ctx: typer.Context,
    member: Annotated[str, _MEMBER],
    question: Annotated[str, typer.Option("--question", help="题目编号 · question")],
    course: Annotated[str, _COURSE] = "",
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """一题的每次作答与错误记录，计入与否及原因 · Every answer and error of a question, what counts and why."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found, active = answers_of(store, member, question, course)
        looked(context.settings, store, "explain answer", [member], len(found))
    if format is Format.json:
        lines = [{**msgspec.to_builtins(x), "at": moment(x.at, active)} for x in found]
        _json({"member_id": member, "question_id": question, "answers": lines, "equal_to_store": True})
        return
    show_whole(_answer_rows(found, active, context.settings.language), box=HEAVY_HEAD)


def study_of(store: Store, member: str, day: date, course: str = "") -> tuple[StudyExplained, Generation]:
    """The explanation, checked against ``member_day``. Raises InputError for an unknown member, Unexplained."""
    sink = ClickHouseSink(store, patience=30)
    active = generation(Reader(store).generation())
    facts = member_facts(sink, member, active)
    found = explain_study(facts, member, day_number(day), active, course, _repeats(store, member))
    rows = sink.member_days(active.number, [(member, day)]).to_pylist()
    check_against(found, next((r for r in rows if r["course_id"] == course), None))
    return found, active


def answers_of(store: Store, member: str, question: str, course: str = "") -> tuple[tuple[AnswerLine, ...], Generation]:
    """The explanation, checked against ``answers``. Raises InputError for an unknown member, Unexplained."""
    reader = Reader(store)
    active = generation(reader.generation())
    facts = member_facts(ClickHouseSink(store, patience=30), member, active)
    found = explain_answers(facts, question, active, course)
    filters = Filters(member=member, course=course or None)
    frame = reader.frame(ALL_ANSWERS, Scope.everything(), filters)
    rows = [r for r in frame.to_dicts() if r["question_id"] == question]
    check_answers(found, rows, f"{member} {question}")
    return found, active


def member_facts(sink: ClickHouseSink, member: str, active: Generation) -> MemberFacts:
    """All facts of a member, from the archive."""
    facts = MemberFacts([active])
    for _, fact in facts_from_archive(sink.facts([member], FACT_COLUMNS)):
        facts.add(fact)
    if not facts.bodies:
        raise InputError(f"no event of member {member!r} is archived", where="--member", hint="xuejing query silent")
    return facts


def _repeats(store: Store, member: str) -> dict[int, int]:
    sql = "SELECT toString(event_id), count() FROM duplicates FINAL WHERE member_id = {m:String} GROUP BY event_id"
    return {UUID(i).int: n for i, n in store.rows(sql, {"m": member})}


def _study_json(found: StudyExplained, active: Generation) -> dict[str, Any]:
    body = msgspec.to_builtins(found)
    for line in body["intervals"]:
        for name in ("sent_start", "sent_end", "start", "end"):
            line[name] = moment(line[name], active) or None
    for name in ("day_start", "day_end"):
        body[name] = moment(body[name], active)
    body["segments"] = [[moment(a, active), moment(b, active)] for a, b in found.segments]
    body["session_starts"] = [moment(s, active) for s in found.session_starts]
    return {**body, "equal_to_store": True}


_STUDY_HEAD = {
    "zh": ("课程", "类型", "开始", "结束", "结论", "计入秒", "新增秒", "重复送达", "说明", "事件"),
    "en": ("course", "kind", "start", "end", "verdict", "counted s", "new s", "repeats", "why", "event"),
}
_ANSWER_HEAD = {
    "zh": ("类型", "时间", "考试", "次", "作答", "所报", "计入", "判定", "得分", "原因", "事件"),
    "en": ("type", "at", "exam", "attempt", "response", "sent", "counted", "right", "points", "why", "event"),
}


def _study_rows(found: StudyExplained, active: Generation, language: str) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = [_STUDY_HEAD[language]]
    for x in found.intervals:
        note = x.note_zh if language == "zh" else x.note_en
        if x.taken_by:
            note = f"{note} ({x.taken_by})"
        rows.append(
            (x.course_id, x.kind, moment(x.sent_start, active), moment(x.sent_end, active), x.verdict,
             f"{x.counted_ms / 1000:g}", f"{x.new_ms / 1000:g}", x.repeats, note, x.event_id)
        )  # fmt: skip
    return rows


def _answer_rows(lines: Iterable[AnswerLine], active: Generation, language: str) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = [_ANSWER_HEAD[language]]
    for x in lines:
        why = x.why_zh if language == "zh" else x.why_en
        score = "" if x.score is None else f"{x.score:g}/{x.max_score:g}"
        rows.append(
            (x.event_type, moment(x.at, active), x.exam_id, x.attempt, ";".join(x.response), _bool(x.sent_correct),
             _bool(x.counted), _bool(x.correct), score, why, x.event_id)
        )  # fmt: skip
    return rows


def _bool(value: bool | None) -> str:
    return "" if value is None else "1" if value else "0"


def _json(body: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
