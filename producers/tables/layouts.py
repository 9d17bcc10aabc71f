"""The tables of study and answers that people fill in. One declaration a column."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from schemas.events import MAX_SCORE
from schemas.reference import Column, Text, declare

MEMBER = Column(
    kind="id",
    header=Text("成员编号", "Member ID"),
    description=Text("学号、工号或其他编号，与名册一致", "The same id as in the roster"),
    aliases=("学号", "工号", "学号/工号", "工号/学号", "学工号", "党员编号", "人员编号", "member"),
    examples=("T0001", "S0001"),
)
_COURSE = Column(
    kind="id",
    header=Text("课程编号", "Course ID"),
    description=Text("课程编号，与目录一致", "The same id as in the catalogue"),
    aliases=("课程代码", "课程", "course"),
    examples=("C01", "C01"),
)
DEVICE = Column(
    kind="text",
    header=Text("设备", "Device"),
    description=Text("设备编号，可空", "Id of the device, may be empty"),
    aliases=("设备编号", "终端", "device id"),
    max_length=4096,
)
SOURCE = Column(
    kind="text",
    header=Text("来源", "Source"),
    description=Text("记录出自哪个系统，可空", "The system the record comes from, may be empty"),
    aliases=("数据来源", "平台", "app"),
    examples=("学习平台", "学习平台"),
    examples_en=("learning-platform", "learning-platform"),
    max_length=4096,
)


class StudyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of study. ``start`` and ``end`` are UTC instants; ``end`` or ``minutes`` is given."""

    member_id: Annotated[str, MEMBER]
    course_id: Annotated[str, _COURSE]
    unit_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("单元编号", "Unit ID"),
            description=Text("所学单元，可空", "The unit studied, may be empty"),
            aliases=("章节编号", "课时编号", "单元", "章节", "unit"),
            examples=("C01-1", "C01-2"),
        ),
    ] = ""
    start: Annotated[
        datetime,
        Column(
            kind="time",
            header=Text("开始时间", "Start"),
            description=Text(
                "年在前；不写时区则为组织所在时区",
                "Year first; without an offset: the organisation's time zone",
            ),
            aliases=("学习开始时间", "起始时间", "start time", "started at"),
            examples=("2025-03-10 19:30", "2025-03-11 20:00"),
        ),
    ]
    end: Annotated[
        datetime | None,
        Column(
            kind="time",
            header=Text("结束时间", "End"),
            description=Text("与时长分钟二选一", "Either this or the minutes"),
            aliases=("学习结束时间", "终止时间", "end time", "ended at"),
            examples=("2025-03-10 20:15", ""),
        ),
    ] = None
    minutes: Annotated[
        int | None,
        Column(
            kind="minutes",
            header=Text("时长分钟", "Minutes"),
            description=Text("可有小数；与结束时间二选一", "May have decimals; either this or the end"),
            aliases=("学习时长（分钟）", "时长（分钟）", "分钟", "学习分钟", "duration minutes"),
            examples=("", "45"),
            minimum=0,
            maximum=1_000_000,
        ),
    ] = None
    device: Annotated[str, DEVICE] = ""
    source: Annotated[str, SOURCE] = ""


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One submitted answer. ``submitted_at`` is a UTC instant, ``seconds`` is held in milliseconds."""

    member_id: Annotated[str, MEMBER]
    course_id: Annotated[str, _COURSE]
    exam_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("考试编号", "Exam ID"),
            description=Text("空 = 练习", "Empty = practice"),
            aliases=("试卷编号", "考试", "exam"),
            examples=("E01", ""),
        ),
    ] = ""
    question_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("题目编号", "Question ID"),
            description=Text("题目编号，在全部课程中唯一", "Id of the question, unique over all courses"),
            aliases=("题号", "试题编号"),
            examples=("Q0001", "Q0002"),
        ),
    ]
    attempt: Annotated[
        int,
        Column(
            kind="integer",
            header=Text("第几次", "Attempt"),
            description=Text("第几次参加考试，从 1 起；空 = 1", "Which attempt at the exam, from 1; empty = 1"),
            aliases=("次数", "答题次数", "作答次数", "尝试次数"),
            examples=("1", ""),
            minimum=1,
            maximum=1_000_000,
        ),
    ] = 1
    submitted_at: Annotated[
        datetime,
        Column(
            kind="time",
            header=Text("提交时间", "Submitted at"),
            description=Text(
                "年在前；不写时区则为组织所在时区",
                "Year first; without an offset: the organisation's time zone",
            ),
            aliases=("作答时间", "答题时间", "交卷时间", "submitted", "time"),
            examples=("2025-06-20 09:12:30", "2025-03-11 20:50:05"),
        ),
    ]
    seconds: Annotated[
        int | None,
        Column(
            kind="seconds",
            header=Text("用时秒", "Seconds"),
            description=Text("在该题上用的秒数，可有小数，可空", "Seconds spent on it, may have decimals or be empty"),
            aliases=("用时（秒）", "答题用时", "作答用时", "用时", "response time"),
            examples=("42", "18.5"),
            minimum=0,
            maximum=100_000_000,
        ),
    ] = None
    response: Annotated[
        str,
        Column(
            kind="text",
            header=Text("作答", "Response"),
            description=Text("所选选项，多选如 A;C；或文字", "The option chosen, several as A;C; or a text"),
            aliases=("答案", "作答内容", "选项", "所选答案", "answer"),
            examples=("A", "B"),
            max_length=4096,
        ),
    ] = ""
    correct: Annotated[
        bool | None,
        Column(
            kind="boolean",
            header=Text("是否正确", "Correct"),
            description=Text("是/否、对/错、1/0；空 = 尚未评阅", "yes/no, right/wrong, 1/0; empty = not graded yet"),
            aliases=("对错", "正确", "正误", "判定", "is correct"),
            examples=("是", "否"),
            examples_en=("yes", "no"),
        ),
    ] = None
    score: Annotated[
        float | None,
        Column(
            kind="number",
            header=Text("得分", "Score"),
            description=Text("空 = 对得满分、错得 0", "Empty = all points when right, none when wrong"),
            aliases=("分数", "points"),
            examples=("50", ""),
            minimum=-MAX_SCORE,
            maximum=MAX_SCORE,
        ),
    ] = None
    max_score: Annotated[
        float | None,
        Column(
            kind="number",
            header=Text("满分", "Maximum score"),
            description=Text("该题满分；空 = 1", "Points the question is worth; empty = 1"),
            aliases=("分值", "题目满分", "max"),
            examples=("50", ""),
            minimum=0,
            maximum=MAX_SCORE,
        ),
    ] = None
    device: Annotated[str, DEVICE] = ""
    source: Annotated[str, SOURCE] = ""


STUDY = declare(
    StudyRow,
    "study",
    Text("学习记录", "Study records"),
    Text(
        "每行一段学习：谁、哪门课、从何时起、学了多久",
        "One row a stretch of study: who, what, from when, how long",
    ),
    aliases=("学习", "学习时长", "study"),
)
ANSWERS = declare(
    AnswerRow,
    "answers",
    Text("答题记录", "Answer records"),
    Text("每行一次作答：谁、哪道题、何时、对错", "One row an answer: who, which question, when, right or wrong"),
    aliases=("答题", "作答记录", "考试记录", "answer"),
)
