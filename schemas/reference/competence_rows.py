"""Competences, and the courses and knowledge points that show something about each, as dated rows."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from schemas.reference.catalogue_rows import TITLE_EN, title_column
from schemas.reference.columns import Column, Text, declare

WINGS = {
    "ideology": Text("思想道德", "Ideology and morality"),
    "science": Text("科学技术", "Science and technology"),
}
"""Wings that need no row of their own: a competence may name one as its wing."""


class Competence(msgspec.Struct, frozen=True, kw_only=True):
    """A competence during ``[valid_from, valid_to)``, local days, with what shows it.

    ``wing`` empty: it is a wing itself, and has what its competences have besides what it names. ``expected``: share
    of its questions that somebody is expected to answer right, None where nothing is expected.
    """

    competence_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("素养编号", "Competence ID"),
            description=Text(
                "素养的唯一编号；ideology 与 science 是预设的两个板块",
                "Unique id of the competence; ideology and science are the two wings that are there already",
            ),
            aliases=("能力编号", "素质编号", "编号", "competence"),
            examples=("ideology", "science", "party-history"),
        ),
    ]
    wing: Annotated[
        str,
        Column(
            kind="id",
            header=Text("所属板块", "Wing"),
            description=Text(
                "所属板块的编号；空 = 本行就是板块", "The wing it belongs to; empty = the row is a wing itself"
            ),
            aliases=("上级素养", "所属方面", "所属一翼", "翼", "parent"),
            examples=("", "", "ideology"),
        ),
    ] = ""
    title: Annotated[
        str,
        title_column(
            Text("报告中显示的素养名称", "Name of the competence in reports"),
            ("思想道德", "科学技术", "党史知识"),
            ("Ideology and morality", "Science and technology", "Party history"),
            "素养名称",
            "素养",
            "competence title",
        ),
    ]
    course_ids: Annotated[
        tuple[str, ...],
        Column(
            kind="ids",
            header=Text("课程编号", "Course IDs"),
            description=Text("体现该素养的课程，以 ; 分隔", "Courses that show it, joined by ';'"),
            aliases=("课程", "对应课程", "courses"),
            examples=("C01", "C06", ""),
        ),
    ] = ()
    knowledge_points: Annotated[
        tuple[str, ...],
        Column(
            kind="ids",
            header=Text("知识点编号", "Knowledge point IDs"),
            description=Text("体现该素养的知识点，以 ; 分隔", "Knowledge points that show it, joined by ';'"),
            aliases=("知识点", "对应知识点", "knowledge points"),
            examples=("", "", "K01;K02"),
        ),
    ] = ()
    expected: Annotated[
        float | None,
        Column(
            kind="number",
            header=Text("参照正确率", "Expected share"),
            description=Text(
                "期望答对的比例，0–1；空 = 不设参照，不显示差距",
                "Share expected to be right, 0–1; empty = no reference, and no gap is shown",
            ),
            aliases=("参照", "目标", "期望正确率", "expected", "target"),
            examples=("0.8", "0.75", ""),
            minimum=0,
            maximum=1,
        ),
    ] = None
    title_en: Annotated[str, TITLE_EN] = ""
    valid_from: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("生效日期", "Valid from"),
            description=Text("首日，含当日；空 = 自始", "First day, included; empty = since ever"),
            aliases=("开始日期", "起始日期", "from"),
        ),
    ] = None
    valid_to: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("失效日期", "Valid to"),
            description=Text(
                "末日之次日，不含；空 = 至另行通知", "First day no longer included; empty = until further notice"
            ),
            aliases=("结束日期", "终止日期", "to"),
        ),
    ] = None


COMPETENCES = declare(
    Competence,
    "competences",
    Text("素养", "Competences"),
    Text(
        "素养图谱：每项素养由哪些课程与知识点体现，每个时期一行",
        "The competence map: what courses and knowledge points show each competence, one row a period",
    ),
    key=("competence_id", "valid_from"),
    aliases=("素养图谱", "能力图谱", "素质图谱", "competence map"),
)
