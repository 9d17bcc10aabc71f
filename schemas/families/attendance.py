"""Attendance at organised sessions: meetings, party lectures, theme days, training."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id, Millis
from schemas.families.family import Family, family_table
from schemas.reference.columns import Choice, Text
from schemas.table import Column

MEETINGS = (
    Choice("branch_meeting", Text("支部党员大会", "Branch meeting"), ("党员大会", "支部大会")),
    Choice("committee_meeting", Text("支部委员会", "Committee meeting"), ("支委会", "支部委员会会议")),
    Choice("group_meeting", Text("党小组会", "Group meeting"), ("小组会",)),
    Choice("party_lecture", Text("党课", "Party lecture"), ("上党课", "lecture")),
    Choice("theme_day", Text("主题党日", "Theme day"), ("党日", "主题党日活动")),
    Choice("training", Text("集中培训", "Training"), ("培训", "集中学习", "学习培训", "轮训")),
    Choice("other", Text("其他", "Other"), ("其它",)),
)
"""Kinds of session; the first four are the three meetings and one lesson (三会一课)."""
METHODS = (
    Choice("card", Text("刷卡", "Card"), ("读卡", "打卡机", "nfc")),
    Choice("code", Text("扫码", "Code"), ("二维码", "签到码", "qr")),
    Choice("hand", Text("手工", "By hand"), ("签名", "手签", "人工", "纸质签到", "手工签到")),
)
"""How attendance was recorded; all have equal standing."""

Meeting = Annotated[str, Meta(pattern=f"^({'|'.join(c.code for c in MEETINGS)})$")]
Method = Annotated[str, Meta(pattern=f"^({'|'.join(c.code for c in METHODS)})$")]


class Attendance(Event, tag="attendance", kw_only=True, omit_defaults=True, gc=False):
    """A member attended an organised session. ``occurred_at`` is when the member came (signed in) or was recorded;
    several records of one session and day are one attendance."""

    session_id: Annotated[Id, Meta(description="the organised session, the same for all who were there")]
    meeting: Annotated[Meeting, Meta(description="kind of session")]
    course_id: Annotated[str, Meta(max_length=64, description="course that the session belongs to, if any")] = ""
    method: Annotated[Method | None, Meta(description="how it was recorded; all have equal standing")] = None
    duration_ms: Annotated[
        Millis | None, Meta(description="how long the member was there; absent: from the first record to the last")
    ] = None
    make_up: Annotated[bool, Meta(description="made up for a session that was missed")] = False


ATTENDANCE = Family(
    Attendance,
    "session_id",
    family_table(
        "attendance",
        "What each member's attendance at an organised session counts for, by local day.",
        Column("session_id", "String", "organised session"),
        (
            Column("attended", "Bool", "false: everything behind the row was taken back"),
            Column("meeting", "LowCardinality(String)", "kind of session, by the first record"),
            Column("methods", "Array(LowCardinality(String))", "how it was recorded"),
            Column("make_up", "Bool", "made up for a session that was missed"),
            Column("at", "DateTime64(3, 'UTC')", "first record"),
            Column("duration_ms", "Nullable(Int64)", "how long; NULL: no record says"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    ("attendance", "meetings", "rhythm"),
    title=Text("出勤", "Attendance"),
    from_members=False,
)
