"""Quotas of credit hours and exemptions from them, as rows. Why somebody is exempt is not kept anywhere."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from schemas.reference.columns import Choice, Column, Text, declare
from schemas.reference.organisation_rows import MEMBER_CATEGORIES, MEMBER_ROLES

CREDIT_KINDS = (
    Choice("organised", Text("集中学习", "Organised"), ("集中", "集中培训", "组织生活", "organized", "sessions")),
    Choice("self_study", Text("自学", "Self-study"), ("自主学习", "网络自学", "在线学习", "self study")),
)

_FROM = Text("首日，含当日；空 = 自始", "First day, included; empty = since ever")
_TO = Text("末日之次日，不含；空 = 至另行通知", "First day no longer included; empty = until further notice")
_VALID_FROM = Column(
    kind="date",
    header=Text("生效日期", "Valid from"),
    description=_FROM,
    aliases=("开始日期", "起始日期", "from"),
    examples=("2026-01-01", "2026-03-01"),
)
_VALID_TO = Column(
    kind="date",
    header=Text("失效日期", "Valid to"),
    description=_TO,
    aliases=("结束日期", "终止日期", "to"),
    examples=("", "2026-09-01"),
)


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """A member owes no credit hours during ``[valid_from, valid_to)``, local days."""

    member_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("成员编号", "Member ID"),
            description=Text("与名册一致", "The same id as in the roster"),
            aliases=("学号", "工号", "学号/工号", "工号/学号", "学工号", "党员编号", "人员编号", "member"),
            examples=("T0001", "S0001"),
        ),
    ]
    valid_from: Annotated[date | None, _VALID_FROM] = None
    valid_to: Annotated[date | None, _VALID_TO] = None


class QuotaRow(msgspec.Struct, frozen=True, kw_only=True):
    """Hours owed for a calendar year by members of whom all that is named holds, during ``[valid_from, valid_to)``."""

    quota_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("学时要求编号", "Quota ID"),
            description=Text("文件号等，显示在报告中", "Number of the document or the like; shown in reports"),
            aliases=("要求编号", "文件号", "编号", "quota"),
            examples=("2026-1", "2026-2"),
        ),
    ]
    kind: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("学时类别", "Kind"),
            description=Text("集中学习与自学从不相加", "Organised sessions and self-study are never added"),
            aliases=("类别", "类型", "学习方式"),
            choices=CREDIT_KINDS,
            examples=("organised", "organised"),
        ),
    ]
    hours: Annotated[
        float,
        Column(
            kind="number",
            header=Text("年度学时", "Hours a year"),
            description=Text("一个自然年应完成的学时", "Hours of credit owed for a calendar year"),
            aliases=("学时", "要求学时", "hours"),
            examples=("32", "56"),
            minimum=0,
            maximum=8784,
        ),
    ]
    category: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("人员类别", "Category"),
            description=Text("空 = 各类人员", "Empty = every category"),
            aliases=("成员类别", "党员类别", "身份"),
            choices=MEMBER_CATEGORIES,
        ),
    ] = ""
    role: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("党内职务", "Role"),
            description=Text("空 = 各种职务", "Empty = every role"),
            aliases=("职务", "角色", "position"),
            choices=MEMBER_ROLES,
            examples=("", "branch_secretary"),
        ),
    ] = ""
    org_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("组织编号", "Organisation ID"),
            description=Text("该组织及其下级；空 = 全部", "It and what is below it; empty = all"),
            aliases=("所在组织", "适用组织", "组织代码", "org"),
        ),
    ] = ""
    valid_from: Annotated[date | None, _VALID_FROM] = None
    valid_to: Annotated[date | None, _VALID_TO] = None


EXEMPTIONS = declare(
    Exemption,
    "exemptions",
    Text("免学", "Exemptions"),
    Text("不计入学时要求的成员与时段；不记录原因", "Members who owe no credit hours, and when; never why"),
    key=("member_id", "valid_from"),
    aliases=("豁免", "免学名单", "免于学时"),
)
QUOTAS = declare(
    QuotaRow,
    "quotas",
    Text("学时要求", "Quotas"),
    Text(
        "年度学时要求；某一类别有行时，取代规则文件中该类别的要求",
        "Credit hours owed a year; rows of a kind take the place of the rule file's quotas of that kind",
    ),
    key=("quota_id", "valid_from"),
    aliases=("学时标准", "学时任务"),
)
