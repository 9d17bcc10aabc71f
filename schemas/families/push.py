"""Pushed content: that it was delivered to a member and opened. Shown as the reach of content, never of persons."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Text
from schemas.table import Column

Step = Annotated[str, Meta(pattern="^(delivered|opened)$")]


class Push(Event, tag="push", kw_only=True, omit_defaults=True, gc=False):
    """A piece of content was delivered to a member's device, or the member opened it."""

    content_id: Annotated[Id, Meta(description="the content, the same for all to whom it is sent")]
    step: Annotated[Step, Meta(description="delivered to a device, or opened")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it belongs to, if any")] = ""


PUSH = Family(
    Push,
    "content_id",
    family_table(
        "push",
        "Each piece of content that reached a member, on the local day of its first delivery.",
        Column("content_id", "String", "the content"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("delivered", "Bool", "it reached the member"),
            Column("opened", "Bool", "the member opened it"),
            Column("at", "DateTime64(3, 'UTC')", "first delivery, or opening where none is recorded"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    title=Text("推送内容", "Pushed content"),
    purpose=Text("统计内容送达与打开（不看个人）", "reach of content; never shown of a person"),
    audience="self",
    rows=Rows(
        name="pushes",
        title=Text("本人收到的推送", "Own pushed content"),
        description=Text(
            "本人收到的每条推送内容一行：何时送达、是否打开。除本人外，任何人都看不到。",
            "One row per piece of content that reached oneself: when, and whether it was opened. Nobody else sees it.",
        ),
        texts={
            "content_id": "内容编号",
            "delivered": "是否送达",
            "opened": "是否打开",
            "at": "首次送达；无记录时为打开时间",
        },
    ),
    counts=Counts(
        name="push-counts",
        title=Text("推送内容送达情况", "Reach of pushed content"),
        description=Text(
            "每条内容、每个有直属成员的组织一行：送达人数与打开比例。说明内容的送达，不说明个人。",
            "One row per piece of content and organisation with members of its own: members reached, and the share "
            "that opened it. About the content, not about persons.",
        ),
        by_subject=True,
    ),
    measures=(Measure("push_delivered", "delivered"), Measure("push_opened", "opened", "delivered")),
)
