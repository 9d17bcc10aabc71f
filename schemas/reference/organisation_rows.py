"""Organisations and members: the dated roster, as rows."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from schemas.reference.columns import Choice, Column, Text, declare

ORGANISATION_KINDS = (
    Choice("party_group", Text("党小组", "Party group"), ("小组", "group")),
    Choice("branch", Text("党支部", "Branch"), ("支部", "party branch")),
    Choice("general_branch", Text("党总支", "General branch"), ("总支", "党总支部", "总支部")),
    Choice("committee", Text("党委", "Committee"), ("委员会", "党委会", "基层党委", "party committee")),
    Choice("upper_committee", Text("上级党委", "Upper committee"), ("上级",)),
)
MEMBER_CATEGORIES = (
    Choice(
        "staff",
        Text("教职工", "Staff"),
        ("教师", "教工", "职工", "在职", "教师党员", "教职工党员", "teacher", "employee"),
    ),
    Choice("student", Text("学生", "Student"), ("学生党员", "本科生", "研究生")),
    Choice("retired", Text("离退休", "Retired"), ("退休", "离休", "离退休人员", "离退休党员")),
    Choice("other", Text("其他", "Other"), ("其它",)),
)
MEMBER_ROLES = (
    Choice("member", Text("党员", "Member"), ("成员", "普通党员", "一般党员", "无")),
    Choice("branch_secretary", Text("支部书记", "Branch secretary"), ("书记", "党支部书记", "secretary")),
    Choice("organisation_officer", Text("组织委员", "Organisation officer"), ("organization officer",)),
    Choice("committee_member", Text("委员", "Committee member"), ("支部委员", "支委", "党委委员", "班子成员")),
)
MEMBER_STATUSES = (
    Choice("full", Text("正式", "Full"), ("正式党员", "full member")),
    Choice("probationary", Text("预备", "Probationary"), ("预备党员", "probationary member")),
    Choice("mobile", Text("流动", "Mobile"), ("流动党员", "外出", "away", "mobile member")),
    Choice("retired", Text("离退休", "Retired"), ("退休", "离休", "retired member")),
    Choice("exempt", Text("免学", "Exempt"), ("免", "豁免", "免于考核", "exempted")),
)

_FROM = Text("生效日期，含当日；空 = 自始有效", "First day, included; empty = since ever")
_TO = Text("失效日期，不含当日；空 = 至今有效", "First day no longer included; empty = until further notice")


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the organisation tree during ``[valid_from, valid_to)``, local days.

    ``parent_id`` empty means the top. An organisation that moved or was renamed has one row a period.
    """

    org_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("组织编号", "Organisation ID"),
            description=Text("组织的唯一编号，1–64 个字符", "Unique id of the organisation, 1–64 characters"),
            aliases=("组织代码", "支部编号", "组织机构编号", "organization id", "org"),
            examples=("college", "branch-1"),
        ),
    ]
    parent_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("上级组织编号", "Parent organisation ID"),
            description=Text("上级组织的编号；空 = 最高一级", "Id of the organisation above; empty = the top"),
            aliases=("上级编号", "上级组织代码", "上级组织", "parent organization id", "parent"),
            examples=("", "college"),
        ),
    ] = ""
    name: Annotated[
        str,
        Column(
            kind="text",
            header=Text("组织名称", "Organisation name"),
            description=Text("报告中显示的名称；空 = 显示编号", "Name shown in reports; empty = the id is shown"),
            aliases=("名称", "支部名称", "党组织名称", "organization name"),
            examples=("学院党委", "教工第一党支部"),
            examples_en=("College committee", "Staff branch 1"),
        ),
    ] = ""
    kind: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("组织类型", "Organisation kind"),
            description=Text("空 = 党支部", "Empty = branch"),
            aliases=("类型", "类别", "组织类别", "级别", "organization kind", "type"),
            choices=ORGANISATION_KINDS,
            examples=("committee", "branch"),
        ),
    ] = "branch"
    valid_from: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("生效日期", "Valid from"),
            description=_FROM,
            aliases=("开始日期", "起始日期", "成立日期", "from"),
        ),
    ] = None
    valid_to: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("失效日期", "Valid to"),
            description=_TO,
            aliases=("结束日期", "终止日期", "撤销日期", "to"),
        ),
    ] = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A membership: ``member_id`` belongs to ``org_id`` during ``[valid_from, valid_to)``, local days.

    A member who transferred has one row a period; periods of one member never overlap.
    """

    member_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("成员编号", "Member ID"),
            description=Text(
                "学号、工号或其他编号，1–64 个字符；与学习、答题记录一致",
                "Student, staff or other number, 1–64 characters; the same as in study and answer records",
            ),
            aliases=(
                "学号",
                "工号",
                "学号/工号",
                "工号/学号",
                "党员编号",
                "人员编号",
                "编号",
                "学工号",
                "member",
            ),
            examples=("T0001", "S0001"),
        ),
    ]
    name: Annotated[
        str,
        Column(
            kind="text",
            header=Text("姓名", "Name"),
            description=Text("只保存在名册中；空 = 显示编号", "Kept in the roster only; empty = the id is shown"),
            aliases=("名字", "党员姓名", "成员姓名", "member name", "full name"),
            examples=("张示例", "李示例"),
            examples_en=("Zhang Example", "Li Example"),
        ),
    ] = ""
    org_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("组织编号", "Organisation ID"),
            description=Text("所在组织的编号", "Id of the organisation the member belongs to"),
            aliases=("所在组织", "所在支部", "支部编号", "组织代码", "所属支部", "organization id", "org"),
            examples=("branch-1", "branch-1"),
        ),
    ]
    category: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("人员类别", "Category"),
            description=Text("报告按类别分列；空 = 其他", "Reports are split by it; empty = other"),
            aliases=("类别", "成员类别", "党员类别", "身份", "member category"),
            choices=MEMBER_CATEGORIES,
            examples=("staff", "student"),
        ),
    ] = "other"
    role: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("党内职务", "Role"),
            description=Text("空 = 党员", "Empty = member"),
            aliases=("职务", "角色", "member role", "position"),
            choices=MEMBER_ROLES,
            examples=("branch_secretary", "member"),
        ),
    ] = "member"
    status: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("党员状态", "Status"),
            description=Text(
                "空 = 正式；免学者不计入学时分母，不记录原因",
                "Empty = full; exempt members leave the denominator, the reason is not kept",
            ),
            aliases=("状态", "成员状态", "党籍状态", "member status"),
            choices=MEMBER_STATUSES,
            examples=("full", "probationary"),
        ),
    ] = "full"
    valid_from: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("生效日期", "Valid from"),
            description=_FROM,
            aliases=("开始日期", "起始日期", "转入日期", "from"),
            examples=("2025-03-01", ""),
        ),
    ] = None
    valid_to: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("失效日期", "Valid to"),
            description=_TO,
            aliases=("结束日期", "终止日期", "转出日期", "to"),
        ),
    ] = None


ORGANISATIONS = declare(
    Organisation,
    "organisations",
    Text("组织", "Organisations"),
    Text("组织树，每个时期一行", "The organisation tree, one row a period"),
    key=("org_id", "valid_from"),
    aliases=("组织机构", "党组织", "支部", "organizations", "orgs"),
)
MEMBERS = declare(
    Member,
    "members",
    Text("成员", "Members"),
    Text(
        "成员与所在组织；调动的成员每个时期一行",
        "Members and their organisations; one row a period for those who transferred",
    ),
    key=("member_id", "valid_from"),
    aliases=("党员", "人员", "名册", "花名册", "成员名册", "roster"),
)
