"""Reflections (心得体会): that one was submitted, and that it was replied to. Never what it says."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Text
from schemas.table import Column

Step = Annotated[str, Meta(pattern="^(submitted|replied)$")]


class Reflection(Event, tag="reflection", kw_only=True, omit_defaults=True, gc=False):
    """A member submitted a reflection, or somebody replied to it. ``member_id`` is the author of the reflection in
    both. No text and no length is sent: reflections are voluntary, and counted only."""

    reflection_id: Annotated[Id, Meta(description="the reflection, the same for what was submitted and its replies")]
    step: Annotated[Step, Meta(description="what happened: submitted, or replied by somebody")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it is about, if any")] = ""


REFLECTION = Family(
    Reflection,
    "reflection_id",
    family_table(
        "reflection",
        "Each reflection that a member submitted, on the local day of its first submission.",
        Column("reflection_id", "String", "the reflection"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("submitted", "Bool", "it was submitted"),
            Column("replied", "Bool", "somebody has replied since"),
            Column("at", "DateTime64(3, 'UTC')", "first submission"),
            Column("reply_ms", "Nullable(Int64)", "from the first submission to the first reply"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    title=Text("心得体会", "Reflections"),
    purpose=Text("统计提交与回复（不存内容）", "to count what was submitted and answered; never a text"),
    steps_of_others=frozenset({"replied"}),
    rows=Rows(
        name="reflections",
        title=Text("心得体会", "Reflections"),
        description=Text(
            "每名成员提交的每篇心得体会一行：提交时间、是否已有回复、回复用时。不存内容，不评分。",
            "One row per reflection of a member: when it was submitted, whether somebody replied, how soon. "
            "No text, no score.",
        ),
        texts={
            "reflection_id": "心得体会编号",
            "submitted": "是否已提交",
            "replied": "其后是否有回复",
            "at": "首次提交时间",
            "reply_ms": "从首次提交到首次回复",
        },
    ),
    counts=Counts(
        name="reflection-counts",
        title=Text("各组织心得体会", "Reflections of organisations"),
        description=Text(
            "每个有直属成员的组织一行：提交人数、篇数与得到回复的比例。",
            "One row per organisation with members of its own: authors, reflections, the share that was replied to.",
        ),
    ),
    measures=(Measure("reflections_submitted", "submitted"), Measure("reflections_replied", "replied", "submitted")),
)
