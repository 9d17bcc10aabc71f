"""Discussion around a course or a question: that a member posted or replied. Never what was said."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Text
from schemas.table import Column

Step = Annotated[str, Meta(pattern="^(posted|replied)$")]


class Discussion(Event, tag="discussion", kw_only=True, omit_defaults=True, gc=False):
    """A member wrote in a discussion. ``member_id`` is who wrote, of a reply too. No text is sent."""

    thread_id: Annotated[Id, Meta(description="the discussion, the same for all who take part")]
    step: Annotated[Step, Meta(description="posted: a new contribution; replied: to that of somebody else")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it is about, if any")] = ""
    question_id: Annotated[str, Meta(max_length=64, description="question that it is about, if any")] = ""


DISCUSSION = Family(
    Discussion,
    "thread_id",
    family_table(
        "discussion",
        "What each member contributed to a discussion, by local day.",
        Column("thread_id", "String", "the discussion"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("posted", "UInt32", "new contributions of the day"),
            Column("replied", "UInt32", "replies of the day"),
            Column("at", "DateTime64(3, 'UTC')", "first contribution of the day"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("question_id", "String", "question, or ''"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    title=Text("讨论", "Discussion"),
    purpose=Text("统计讨论参与（不存内容）", "to count who takes part in discussion; never a text"),
    rows=Rows(
        name="discussions",
        title=Text("讨论", "Discussion"),
        description=Text(
            "每名成员每天在每个讨论中一行：发言与回复的条数，以及所围绕的课程或题目。不存内容。",
            "One row per member, discussion and day: contributions and replies, and what course or question it "
            "is about. No text.",
        ),
        texts={
            "thread_id": "讨论编号",
            "posted": "当日发言条数",
            "replied": "当日回复条数",
            "at": "当日首次发言",
            "question_id": "题目；空 = 无",
        },
    ),
    counts=Counts(
        name="discussion-counts",
        title=Text("各组织讨论", "Discussion of organisations"),
        description=Text(
            "每个有直属成员的组织一行：参与人数、发言与回复条数。",
            "One row per organisation with members of its own: who took part, contributions and replies.",
        ),
    ),
    measures=(Measure("discussion_posts", "posted"), Measure("discussion_replies", "replied")),
)
