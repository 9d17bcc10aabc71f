"""The catalogue: what courses, units and exams are called, whom they are for and when they are due."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from schemas.reference.columns import Column, Text, declare

_AUDIENCE = Text(
    "面向对象：人员类别或组织编号（含下级），以 ; 分隔；空 = 全体",
    "Who it is for: member categories or organisation ids (with what is below), joined by ';'; empty = all",
)
_ASSIGNED = Text("布置时间；只写日期 = 当日开始", "When it was assigned; a day alone means its first instant")
_DUE = Text("截止时间；只写日期 = 当日结束", "When it is due; a day alone means its last instant")


def course_column(description: Text, examples: tuple[str, ...] = ("C01", "C01")) -> Column:
    return Column(
        kind="id",
        header=Text("课程编号", "Course ID"),
        description=description,
        aliases=("课程代码", "课程", "course"),
        examples=examples,
    )


def title_column(description: Text, zh: tuple[str, ...], en: tuple[str, ...], *aliases: str) -> Column:
    return Column(
        kind="text",
        header=Text("名称", "Title"),
        description=description,
        aliases=("标题", "name", *aliases),
        examples=zh,
        examples_en=en,
    )


TITLE_EN = Column(
    kind="text",
    header=Text("英文名称", "English title"),
    description=Text("英文报告使用；空 = 同名称", "Used by English reports; empty = the title"),
    aliases=("英文名", "title (en)"),
)
_ROW_AUDIENCE = Column(
    kind="audience",
    header=Text("面向对象", "Audience"),
    description=_AUDIENCE,
    aliases=("对象", "学习对象", "参加对象"),
    examples=("", ""),
)
_ROW_ASSIGNED = Column(
    kind="start",
    header=Text("布置时间", "Assigned at"),
    description=_ASSIGNED,
    aliases=("开始时间", "发布时间", "开放时间", "assigned"),
    examples=("2025-03-01", "2025-03-01"),
)
_ROW_DUE = Column(
    kind="deadline",
    header=Text("截止时间", "Due at"),
    description=_DUE,
    aliases=("结束时间", "截止日期", "due", "deadline"),
    examples=("2025-06-30", "2025-06-30"),
)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A course. ``assigned_at`` and ``due_at`` are UTC instants; ``audience`` empty means everyone."""

    course_id: Annotated[str, course_column(Text("课程的唯一编号", "Unique id of the course"), ("C01", "C02"))]
    title: Annotated[
        str,
        title_column(
            Text("报告中显示的课程名称", "Name of the course in reports"),
            ("党章学习", "党的历史"),
            ("The Constitution", "History"),
            "课程名称",
            "course title",
        ),
    ]
    audience: Annotated[tuple[str, ...], _ROW_AUDIENCE] = ()
    assigned_at: Annotated[datetime | None, _ROW_ASSIGNED] = None
    due_at: Annotated[datetime | None, _ROW_DUE] = None
    credit_minutes: Annotated[
        int | None,
        Column(
            kind="integer",
            header=Text("计学时分钟", "Credit minutes"),
            description=Text("学完课程计入学时的分钟数", "Minutes of credit for the finished course"),
            aliases=("学时分钟", "课程分钟数"),
            examples=("90", "135"),
            minimum=0,
        ),
    ] = None
    title_en: Annotated[str, TITLE_EN] = ""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of a course; ``unit_id`` is unique within its course. ``length_ms``: milliseconds of media."""

    unit_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("单元编号", "Unit ID"),
            description=Text("单元编号，在课程内唯一", "Id of the unit, unique within its course"),
            aliases=("章节编号", "课时编号", "单元", "unit"),
            examples=("C01-1", "C01-2"),
        ),
    ]
    course_id: Annotated[str, course_column(Text("所属课程", "The course it belongs to"))]
    title: Annotated[
        str,
        title_column(
            Text("单元名称", "Name of the unit"),
            ("第一讲 总纲", "第二讲 党员"),
            ("1. General programme", "2. Membership"),
            "单元名称",
            "章节名称",
            "unit title",
        ),
    ]
    length_ms: Annotated[
        int | None,
        Column(
            kind="integer",
            header=Text("时长毫秒", "Length (ms)"),
            description=Text("音视频时长，毫秒", "Length of the media, milliseconds"),
            aliases=("时长（毫秒）", "length in milliseconds"),
            examples=("2700000", "2700000"),
            minimum=0,
        ),
    ] = None
    quiz_exam_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("单元测验编号", "Quiz exam ID"),
            description=Text(
                "完成单元须通过的测验（考试编号）；空 = 无",
                "Exam required to complete the unit; empty = none",
            ),
            aliases=("测验编号", "单元测验", "quiz"),
        ),
    ] = ""
    title_en: Annotated[str, TITLE_EN] = ""


class Exam(msgspec.Struct, frozen=True, kw_only=True):
    """An examination. ``max_score`` None means the sum over its questions. Times are UTC instants."""

    exam_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("考试编号", "Exam ID"),
            description=Text("考试的唯一编号", "Unique id of the exam"),
            aliases=("试卷编号", "考试", "exam"),
            examples=("E01",),
        ),
    ]
    course_id: Annotated[str, course_column(Text("所属课程", "The course it belongs to"))]
    title: Annotated[
        str,
        title_column(
            Text("考试名称", "Name of the exam"),
            ("党章学习期末考试",),
            ("Final exam on the Constitution",),
            "考试名称",
            "试卷名称",
            "exam title",
        ),
    ]
    audience: Annotated[tuple[str, ...], _ROW_AUDIENCE] = ()
    assigned_at: Annotated[datetime | None, _ROW_ASSIGNED] = None
    due_at: Annotated[datetime | None, _ROW_DUE] = None
    max_score: Annotated[
        float | None,
        Column(
            kind="number",
            header=Text("满分", "Maximum score"),
            description=Text("空 = 各题满分之和", "Empty = the sum over its questions"),
            aliases=("总分", "max", "full score"),
            examples=("100",),
            minimum=0,
        ),
    ] = None
    title_en: Annotated[str, TITLE_EN] = ""


COURSES = declare(
    Course, "courses", Text("课程", "Courses"), Text("课程目录", "The courses"),
    key=("course_id",), aliases=("课程目录",),
)  # fmt: skip
UNITS = declare(
    Unit, "units", Text("单元", "Units"), Text("课程的单元", "Units of the courses"),
    key=("course_id", "unit_id"), aliases=("章节", "课时"),
)  # fmt: skip
EXAMS = declare(
    Exam, "exams", Text("考试", "Exams"), Text("考试与测验", "Exams and quizzes"),
    key=("exam_id",), aliases=("试卷", "测验"),
)  # fmt: skip
