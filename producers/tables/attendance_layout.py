"""The table of who attended which organised session: a sign-in sheet, or what a card reader exports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from producers.tables.layouts import DEVICE, MEMBER, SOURCE
from schemas.families.attendance import MEETINGS, METHODS
from schemas.reference import Column, Table, Text, declare


class AttendanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of attendance. ``start`` and ``end`` are UTC instants; a length may be given, or follow from several
    records of one session."""

    member_id: Annotated[str, MEMBER]
    session_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("活动编号", "Session ID"),
            description=Text(
                "活动或会议的编号或名称，同一次活动所有人相同",
                "Number or name of the session, the same for all who attended it",
            ),
            aliases=("会议编号", "活动", "会议", "活动名称", "会议名称", "场次", "session"),
            examples=("2025-03-lecture", "2025-03-lecture"),
        ),
    ]
    meeting: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("活动类型", "Kind of session"),
            description=Text("三会一课、主题党日、培训等", "Meetings, party lecture, theme day, training"),
            aliases=("会议类型", "类型", "活动类别", "meeting"),
            choices=MEETINGS,
            examples=("party_lecture", "party_lecture"),
        ),
    ]
    start: Annotated[
        datetime,
        Column(
            kind="time",
            header=Text("签到时间", "Signed in"),
            description=Text(
                "或活动开始时间；年在前；不写时区则为组织所在时区",
                "Or when the session began; year first; without an offset: the organisation's time zone",
            ),
            aliases=("开始时间", "刷卡时间", "打卡时间", "时间", "活动时间", "会议时间", "start", "time", "check in"),
            examples=("2025-03-12 14:00", "2025-03-12 14:03:20"),
        ),
    ]
    end: Annotated[
        datetime | None,
        Column(
            kind="time",
            header=Text("签退时间", "Signed out"),
            description=Text("或活动结束时间，可空", "Or when the session ended, may be empty"),
            aliases=("结束时间", "离开时间", "end", "check out"),
            examples=("2025-03-12 15:30", ""),
        ),
    ] = None
    minutes: Annotated[
        int | None,
        Column(
            kind="minutes",
            header=Text("时长分钟", "Minutes"),
            description=Text(
                "与签退时间二选一；都空 = 以同一活动首次与末次记录之间为准",
                "Either this or the end; both empty = from the first to the last record of the session",
            ),
            aliases=("时长（分钟）", "分钟", "活动时长（分钟）", "duration minutes"),
            examples=("", "90"),
            minimum=0,
            maximum=1_000_000,
        ),
    ] = None
    method: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("签到方式", "Method"),
            description=Text("三种方式同等有效；空 = 未注明", "All have equal standing; empty = not said"),
            aliases=("方式", "记录方式"),
            choices=METHODS,
            examples=("hand", "card"),
        ),
    ] = ""
    make_up: Annotated[
        bool | None,
        Column(
            kind="boolean",
            header=Text("补学", "Made up"),
            description=Text("是否为缺席后的补学；空 = 否", "Made up for a session that was missed; empty = no"),
            aliases=("是否补学", "补课", "make-up"),
            examples=("", "是"),
            examples_en=("", "yes"),
        ),
    ] = None
    course_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("课程编号", "Course ID"),
            description=Text("活动所属课程，可空", "Course that the session belongs to, may be empty"),
            aliases=("课程代码", "课程", "course"),
        ),
    ] = ""
    device: Annotated[str, DEVICE] = ""
    source: Annotated[str, SOURCE] = ""


ATTENDANCE: Table = declare(
    AttendanceRow,
    "attendance",
    Text("出勤记录", "Attendance records"),
    Text(
        "每行一次签到：谁、哪次活动、何时；同一活动的多行算一次出勤",
        "One row a record: who, which session, when; several rows of one session are one attendance",
    ),
    aliases=("出勤", "签到", "签到表", "考勤", "考勤记录", "sign-in"),
)
