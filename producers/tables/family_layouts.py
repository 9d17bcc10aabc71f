"""Tables of further families that branches keep by hand: whose dues are paid, which stages of an appraisal are done.

A row is an event: what it is about, what holds of it, and since when. Nothing else is sent, above all no amount and no
text. Families that programs send as they happen need no table.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from producers.tables.layouts import DEVICE, MEMBER, SOURCE
from schemas.families.appraisal import STAGES
from schemas.families.dues import STATUSES
from schemas.reference import Column, Table, Text, declare

_SINCE = Column(
    kind="start",
    header=Text("登记时间", "Recorded on"),
    description=Text(
        "日期或日期时间，年在前；不写时区则为组织所在时区",
        "A day, or a day and time, year first; without an offset: the organisation's time zone",
    ),
    # A bare "date" would take sheets of study for these.
    aliases=("登记日期", "完成时间", "完成日期", "交纳日期", "recorded at"),
    examples=("2025-03-12", "2025-03-12 14:00"),
)


class DuesRow(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of one member's dues of one term since ``at`` (a UTC instant); the latest row counts."""

    member_id: Annotated[str, MEMBER]
    due_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("所属期", "Term"),
            description=Text("党费所属的月份或其他时期，所有人相同", "Month or other term, the same for all"),
            aliases=("月份", "党费月份", "期间", "month"),
            examples=("2025-03", "2025-03"),
        ),
    ]
    status: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("交纳情况", "Status"),
            description=Text("不填金额", "Never an amount"),
            aliases=("状态", "是否交纳", "是否已交", "paid"),
            choices=STATUSES,
            examples=("paid", "exempt"),
        ),
    ]
    at: Annotated[datetime, _SINCE]
    device: Annotated[str, DEVICE] = ""
    source: Annotated[str, SOURCE] = ""


class AppraisalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of an appraisal that was completed for one member at ``at`` (a UTC instant)."""

    member_id: Annotated[str, MEMBER]
    appraisal_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("评议编号", "Appraisal"),
            description=Text("评议的年度或编号，所有人相同", "Its year or number, the same for all"),
            aliases=("年度", "评议年度", "评议", "year"),
            examples=("2025", "2025"),
        ),
    ]
    stage: Annotated[
        str,
        Column(
            kind="choice",
            header=Text("完成的环节", "Stage completed"),
            description=Text("不填票数、等次与意见", "Never ballots, grades or opinions"),
            aliases=("环节", "评议环节", "stage"),
            choices=STAGES,
            examples=("study", "self"),
        ),
    ]
    at: Annotated[datetime, _SINCE]
    device: Annotated[str, DEVICE] = ""
    source: Annotated[str, SOURCE] = ""


DUES: Table = declare(
    DuesRow,
    "dues",
    Text("党费交纳记录", "Records of dues"),
    Text(
        "每行一名成员一期党费的情况；同一期有多行时以最近登记的为准；不填金额",
        "One row a member and term: paid, unpaid or exempt; of several rows of a term the latest counts; no amounts",
    ),
    aliases=("党费", "党费交纳", "党费台账"),
)
APPRAISAL: Table = declare(
    AppraisalRow,
    "appraisal",
    Text("民主评议进度", "Stages of appraisals"),
    Text("每行一名成员完成的一个评议环节；不填评议内容", "One row a member and completed stage; never what was found"),
    aliases=("民主评议", "评议进度"),
)
OWN_FIELDS: dict[str, tuple[str, ...]] = {"dues": ("due_id", "status"), "appraisal": ("appraisal_id", "stage")}
"""By table, which is called as the event is: the columns that are fields of the event as they stand."""
