"""Improvements (整改事项): a problem that figures show, taken on by an organisation until it is closed.

An improvement belongs to an organisation, and several people act on it. Every event is of the member who acts – the
owner, for ``assigned`` – and names nobody else: so rows, erasure and retention follow the member as everywhere, and an
organisation's improvement is what the rows of all its members say of it (docs/decisions/0026-improvement.md).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Family, Rows, family_table
from schemas.reference.columns import Choice, Text
from schemas.table import Column

PROBLEMS = (
    Choice("silent", Text("有成员没有学习记录", "Members without records")),
    Choice("no_records", Text("没有任何记录", "No records at all")),
    Choice("topic", Text("知识点易混", "A knowledge point confuses")),
    Choice("question", Text("题目错答较多", "A question is missed by most")),
    Choice("accuracy", Text("正确率偏低", "Accuracy is low")),
    Choice("study", Text("学习时间偏少", "Little study time")),
    Choice("ungraded", Text("作答待评阅", "Answers wait for grading")),
    Choice("rejected", Text("记录未能计入", "Lines could not be counted")),
)
"""What may be found: codes of suggestions and figures of reports, never a text of one's own."""
ACTIONS = (
    Choice("session", Text("集中学习、专题辅导", "Joint session")),
    Choice("review", Text("错题讲评", "Questions discussed")),
    Choice("discussion", Text("组织讨论", "Discussion")),
    Choice("talk", Text("谈心了解、主动帮助", "Talks, offers of help")),
    Choice("pairing", Text("结对帮学", "Learning in pairs")),
    Choice("schedule", Text("调整学习安排", "Study rescheduled")),
    Choice("content", Text("修订课程或试题", "Course or question mended")),
    Choice("data", Text("补报、更正数据", "Records supplied or corrected")),
    Choice("other", Text("其他措施（见会议记录）", "Other, see the minutes")),
)
"""What was done, in kinds; the words are in the minutes of the organisation."""
STEPS = (
    Choice("raised", Text("提出", "raised")),
    Choice("assigned", Text("认领", "assigned")),
    Choice("acted", Text("整改", "acted")),
    Choice("closed", Text("销号", "closed")),
    Choice("reopened", Text("重新整改", "reopened")),
)


def _one_of(choices: tuple[Choice, ...]) -> str:
    return f"^({'|'.join(c.code for c in choices)})$"


Step = Annotated[str, Meta(pattern=_one_of(STEPS))]
Problem = Annotated[str, Meta(pattern=_one_of(PROBLEMS))]
Action = Annotated[str, Meta(pattern=_one_of(ACTIONS))]
_Place = Annotated[str, Meta(max_length=64)]


class Improvement(Event, tag="improvement", kw_only=True, omit_defaults=True, gc=False):
    """A step of an organisation's improvement. ``member_id`` is who takes it: who raised, acted on, closed or reopened
    it, and for ``assigned`` the one who owns it from then on. Every step says what the improvement is, so that it
    remains whole when another member's step is taken back or erased. No names and no text."""

    improvement_id: Annotated[Id, Meta(description="the improvement, the same for all its steps")]
    step: Annotated[Step, Meta(description="raised, assigned to the member, acted on, closed, reopened")]
    target_org: Annotated[Id, Meta(description="organisation that is to improve")]
    problem: Annotated[Problem, Meta(description="what was found: code of a suggestion or figure")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it is about, if any")] = ""
    about: Annotated[_Place, Meta(description="knowledge point or question that it is about, if any")] = ""
    from_org: Annotated[_Place, Meta(description="organisation above that sent it down; '': its own")] = ""
    period_first: Annotated[date | None, Meta(description="first day of the period whose figures show it")] = None
    period_last: Annotated[date | None, Meta(description="last day of that period")] = None
    due: Annotated[date | None, Meta(description="assigned, reopened: day by which it is to be closed")] = None
    action: Annotated[Action | None, Meta(description="acted: what was done, in kinds")] = None


IMPROVEMENT = Family(
    Improvement,
    "improvement_id",
    family_table(
        "improvement",
        "What each member did for an improvement of an organisation on a local day.",
        Column("improvement_id", "String", "the improvement"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("target_org", "LowCardinality(String)", "organisation that is to improve, by the day's first step"),
            Column("from_org", "LowCardinality(String)", "organisation above that sent it down, or ''"),
            Column("problem", "LowCardinality(String)", "what was found: code of a suggestion or figure"),
            Column("about", "String", "knowledge point or question that it is about, or ''"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("period_first", "String", "first day of the period whose figures show it, or ''"),
            Column("period_last", "String", "last day of that period, or ''"),
            Column("steps", "Array(LowCardinality(String))", "the day's steps in their order"),
            Column("moments", "Array(Int64)", "when each was taken, in ms since 1970 (UTC)"),
            Column("dues", "Array(String)", "day by which each says that it is to be closed, or ''"),
            Column("actions", "Array(LowCardinality(String))", "what each says was done, or ''"),
            Column("event_ids", "Array(UUID)", "the events, in the same order"),
        ),
    ),
    ("improvements",),
    title=Text("整改事项", "Improvements"),
    purpose=Text("查摆问题、整改并反馈效果", "problems found, acted on, and what became of their figures"),
    from_members=False,
    concerns="target_org",
    rows=Rows(
        name="improvement-steps",
        title=Text("整改步骤", "Steps of improvements"),
        description=Text(
            "每名成员每天对每个整改事项所做的步骤一行：提出、认领、整改、销号、重新整改。事项本身见 improvements。",
            "One row per member, day and improvement: the steps that the member took. The improvements themselves are "
            "in the query improvements.",
        ),
        texts={
            "improvement_id": "事项编号",
            "target_org": "整改组织",
            "from_org": "下达组织；空 = 自查",
            "problem": "问题代码",
            "about": "涉及的知识点或题目；空 = 无",
            "period_first": "依据数据的起始日",
            "period_last": "依据数据的截止日",
            "steps": "当日步骤",
            "moments": "各步骤的时间，1970 年起的毫秒数（UTC）",
            "dues": "各步骤写明的期限；空 = 无",
            "actions": "各步骤写明的措施；空 = 无",
        },
    ),
)
