"""The catalogue: what courses, units, exams, questions and knowledge points are called and say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from schemas.reference.columns import Choice, Column, Text, declare

QUESTION_KINDS = (
    Choice("single", Text("单选", "Single choice"), ("单选题", "single")),
    Choice("multiple", Text("多选", "Multiple choice"), ("多选题", "multiple", "不定项")),
    Choice("truefalse", Text("判断", "True or false"), ("判断题", "是非题", "true/false", "tf")),
    Choice(
        "text", Text("文字", "Free text"), ("填空", "填空题", "简答", "简答题", "论述", "问答", "free text")
    ),
)

_AUDIENCE = Text(
    "面向对象：人员类别或组织编号（含下级），以 ; 分隔；空 = 全体",
    "Who it is for: member categories or organisation ids (with what is below), joined by ';'; empty = all",
)
_ASSIGNED = Text("布置时间；只写日期 = 当日开始", "When it was assigned; a day alone means its first instant")
_DUE = Text("截止时间；只写日期 = 当日结束", "When it is due; a day alone means its last instant")


def _course(description: Text, examples: tuple[str, ...] = ("C01", "C01")) -> Column:
    return Column(
        kind="id",
        header=Text("课程编号", "Course ID"),
        description=description,
        aliases=("课程代码", "课程", "course"),
        examples=examples,
    )


def _title(description: Text, zh: tuple[str, ...], en: tuple[str, ...], *aliases: str) -> Column:
    return Column(
        kind="text",
        header=Text("名称", "Title"),
        description=description,
        aliases=("标题", "name", *aliases),
        examples=zh,
        examples_en=en,
    )


_TITLE_EN = Column(
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

    course_id: Annotated[str, _course(Text("课程的唯一编号", "Unique id of the course"), ("C01", "C02"))]
    title: Annotated[
        str,
        _title(
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
    title_en: Annotated[str, _TITLE_EN] = ""


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
    course_id: Annotated[str, _course(Text("所属课程", "The course it belongs to"))]
    title: Annotated[
        str,
        _title(
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
    title_en: Annotated[str, _TITLE_EN] = ""


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
    course_id: Annotated[str, _course(Text("所属课程", "The course it belongs to"))]
    title: Annotated[
        str,
        _title(
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
    title_en: Annotated[str, _TITLE_EN] = ""


def _option(letter: str, zh: tuple[str, ...], en: tuple[str, ...]) -> Column:
    return Column(
        kind="text",
        header=Text(f"选项{letter}", f"Option {letter}"),
        description=Text(f"选项 {letter} 的文字", f"Text of option {letter}"),
        aliases=(letter,),
        examples=zh,
        examples_en=en,
    )


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it is shown wherever it is reported. ``question_id`` is unique over all courses."""

    question_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("题目编号", "Question ID"),
            description=Text("题目编号，在全部课程中唯一", "Id of the question, unique over all courses"),
            aliases=("题号", "试题编号", "题目", "question"),
            examples=("Q0001", "Q0002"),
        ),
    ]
    course_id: Annotated[str, _course(Text("所属课程", "The course it belongs to"))]
    unit_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("单元编号", "Unit ID"),
            description=Text("所属单元；空 = 不分单元", "The unit it belongs to; empty = none"),
            aliases=("章节编号", "课时编号", "单元", "unit"),
            examples=("C01-1", "C01-2"),
        ),
    ] = ""
    exam_ids: Annotated[
        tuple[str, ...],
        Column(
            kind="ids",
            header=Text("考试编号", "Exam IDs"),
            description=Text(
                "用到该题的考试，以 ; 分隔；空 = 只用于练习",
                "Exams that contain it, joined by ';'; empty = practice only",
            ),
            aliases=("所属考试", "试卷编号", "exam id", "exams"),
            examples=("E01", "E01"),
        ),
    ] = ()
    kind: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("题型", "Question kind"),
            description=Text("空 = 单选", "Empty = single choice"),
            aliases=("类型", "题目类型", "type"),
            choices=QUESTION_KINDS,
            examples=("single", "truefalse"),
        ),
    ] = "single"
    text: Annotated[
        str,
        Column(
            kind="text",
            header=Text("题干", "Question text"),
            description=Text("题目的文字", "What the question says"),
            aliases=("题目内容", "内容", "问题", "stem"),
            examples=("党的最高纲领写在哪里？", "预备党员的预备期为一年。"),
            examples_en=("Where is the programme written down?", "Probation lasts one year."),
        ),
    ]
    option_a: Annotated[str, _option("A", ("党章总纲", "对"), ("General programme", "True"))] = ""
    option_b: Annotated[str, _option("B", ("入党誓词", "错"), ("Oath", "False"))] = ""
    option_c: Annotated[str, _option("C", ("党内法规", ""), ("Regulations", ""))] = ""
    option_d: Annotated[str, _option("D", ("会议纪要", ""), ("Minutes", ""))] = ""
    option_e: Annotated[str, _option("E", (), ())] = ""
    option_f: Annotated[str, _option("F", (), ())] = ""
    answer_key: Annotated[
        str,
        Column(
            kind="text",
            header=Text("正确答案", "Answer key"),
            description=Text(
                "选项字母，多选如 A;C；文字题写参考答案",
                "Option letters, e.g. A;C; a model answer for free text",
            ),
            aliases=("答案", "标准答案", "参考答案", "key"),
            examples=("A", "A"),
        ),
    ] = ""
    explanation: Annotated[
        str,
        Column(
            kind="text",
            header=Text("解析", "Explanation"),
            description=Text("错题本中显示", "Shown in the wrong-question book"),
            aliases=("答案解析", "试题解析"),
            examples=("见党章总纲。", "见党章第七条。"),
            examples_en=("See the general programme.", "See article 7."),
        ),
    ] = ""
    max_score: Annotated[
        float,
        Column(
            kind="number",
            header=Text("满分", "Maximum score"),
            description=Text("空 = 1", "Empty = 1"),
            aliases=("分值", "分数", "max"),
            examples=("50", "50"),
            minimum=0,
        ),
    ] = 1.0
    knowledge_points: Annotated[
        tuple[str, ...],
        Column(
            kind="ids",
            header=Text("知识点编号", "Knowledge point IDs"),
            description=Text("考查的知识点，以 ; 分隔", "Knowledge points it tests, joined by ';'"),
            aliases=("知识点", "knowledge points"),
            examples=("K01", "K02"),
        ),
    ] = ()
    version: Annotated[
        int,
        Column(
            kind="integer",
            header=Text("版本", "Version"),
            description=Text("题目文字的版本；空 = 1", "Version of the wording; empty = 1"),
            aliases=("版本号",),
            minimum=1,
        ),
    ] = 1
    text_en: Annotated[
        str,
        Column(
            kind="text",
            header=Text("英文题干", "Question text in English"),
            description=Text("英文报告使用；空 = 同题干", "Used by English reports; empty = the text"),
            aliases=("text (en)",),
        ),
    ] = ""

    @property
    def options(self) -> dict[str, str]:
        """The options that have a text, by letter."""
        texts = (self.option_a, self.option_b, self.option_c, self.option_d, self.option_e, self.option_f)
        return {letter: text for letter, text in zip("ABCDEF", texts, strict=True) if text}


class KnowledgePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge point; ``course_id`` empty means that several courses share it."""

    knowledge_point_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("知识点编号", "Knowledge point ID"),
            description=Text("知识点的唯一编号", "Unique id of the knowledge point"),
            aliases=("编号", "knowledge point"),
            examples=("K01", "K02"),
        ),
    ]
    course_id: Annotated[str, _course(Text("所属课程；空 = 多门课程共用", "Its course; empty = shared"))] = ""
    title: Annotated[
        str,
        _title(
            Text("知识点名称", "Name of the knowledge point"),
            ("党的纲领", "党员条件与程序"),
            ("Programme", "Membership"),
            "知识点名称",
            "knowledge point title",
        ),
    ]
    title_en: Annotated[str, _TITLE_EN] = ""


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
QUESTIONS = declare(
    Question, "questions", Text("题目", "Questions"), Text("题库", "The questions"),
    key=("question_id",), aliases=("试题", "题库"),
)  # fmt: skip
KNOWLEDGE_POINTS = declare(
    KnowledgePoint, "knowledge_points", Text("知识点", "Knowledge points"),
    Text("题目考查的知识点", "What the questions test"), key=("knowledge_point_id",),
)  # fmt: skip
