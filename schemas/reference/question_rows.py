"""Questions and knowledge points of the catalogue, as rows."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from schemas.reference.catalogue_rows import TITLE_EN, course_column, title_column
from schemas.reference.columns import Choice, Column, Text, declare

QUESTION_KINDS = (
    Choice("single", Text("单选", "Single choice"), ("单选题", "single")),
    Choice("multiple", Text("多选", "Multiple choice"), ("多选题", "multiple", "不定项")),
    Choice("truefalse", Text("判断", "True or false"), ("判断题", "是非题", "true/false", "tf")),
    Choice("text", Text("文字", "Free text"), ("填空", "填空题", "简答", "简答题", "论述", "问答", "free text")),
)


def option_letters(text: str, *, adjacent: bool = False) -> tuple[str, ...]:
    """The letters A-F in ``text``, joined by ; , 、 / or blanks, sorted and distinct; else empty.

    ``adjacent`` also takes "AC": only where the text is known to be letters and not a word.
    """
    parts = [part for part in re.split(r"[;,；，、/\s]+", text.strip().upper()) if part]
    if adjacent:
        parts = [letter for part in parts for letter in part]
    return tuple(sorted(set(parts))) if all(part in tuple("ABCDEF") for part in parts) else ()


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
            aliases=("题号", "试题编号"),
            examples=("Q0001", "Q0002"),
        ),
    ]
    course_id: Annotated[str, course_column(Text("所属课程", "The course it belongs to"))]
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
            aliases=("题目", "题目内容", "内容", "问题", "question", "stem"),
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

    @property
    def key_letters(self) -> tuple[str, ...]:
        """The option letters of the key ("A;C", "AC", "a、c" alike), empty when it is not made of letters."""
        return option_letters(self.answer_key, adjacent=True)


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
    course_id: Annotated[str, course_column(Text("所属课程；空 = 多门课程共用", "Its course; empty = shared"))] = ""
    title: Annotated[
        str,
        title_column(
            Text("知识点名称", "Name of the knowledge point"),
            ("党的纲领", "党员条件与程序"),
            ("Programme", "Membership"),
            "知识点名称",
            "knowledge point title",
        ),
    ]
    title_en: Annotated[str, TITLE_EN] = ""


QUESTIONS = declare(
    Question, "questions", Text("题目", "Questions"), Text("题库", "The questions"),
    key=("question_id",), aliases=("试题", "题库"),
)  # fmt: skip
KNOWLEDGE_POINTS = declare(
    KnowledgePoint, "knowledge_points", Text("知识点", "Knowledge points"),
    Text("题目考查的知识点", "What the questions test"), key=("knowledge_point_id",),
)  # fmt: skip
