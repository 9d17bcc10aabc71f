"""Dues (党费): whether they are paid. Never how much. For the member and the member's own branch only."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Choice, Text
from schemas.table import Column

STATUSES = (
    Choice("paid", Text("已交", "Paid"), ("已缴", "交纳")),
    Choice("unpaid", Text("未交", "Unpaid"), ("未缴", "欠交")),
    Choice("exempt", Text("免交", "Exempt"), ("免缴",)),
)
Status = Annotated[str, Meta(pattern=f"^({'|'.join(c.code for c in STATUSES)})$")]


class Dues(Event, tag="dues", kw_only=True, omit_defaults=True, gc=False):
    """The status of a member's dues for a month or another term was set; the latest counts. No amount is sent."""

    due_id: Annotated[Id, Meta(description="what is due, such as the month: 2026-03")]
    status: Annotated[Status, Meta(description="paid, unpaid or exempt")]
    course_id: Annotated[str, Meta(max_length=64, description="always absent")] = ""


DUES = Family(
    Dues,
    "due_id",
    family_table(
        "dues",
        "The status of each member's dues, on the local day on which it was first set.",
        Column("due_id", "String", "what is due, such as the month"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("status", "LowCardinality(String)", "paid, unpaid or exempt, by the latest event"),
            Column("owed", "Bool", "dues are owed: not exempt"),
            Column("paid", "Bool", "they are paid"),
            Column("at", "DateTime64(3, 'UTC')", "when the status was set"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    title=Text("党费", "Dues"),
    purpose=Text("本支部核对交纳情况（不存金额）", "for the branch to check who has paid; never an amount"),
    audience="branch",
    from_members=False,
    rows=Rows(
        name="dues",
        title=Text("党费", "Dues"),
        description=Text(
            "每名成员每期党费一行：已交、未交或免交。只有本人与所在支部可见，上级看不到；不存金额。",
            "One row per member and term: paid, unpaid or exempt. For the member and the branch itself only, no "
            "committee sees it; no amount.",
        ),
        texts={
            "due_id": "所属期",
            "status": "paid 已交，unpaid 未交，exempt 免交",
            "owed": "是否应交",
            "paid": "是否已交",
            "at": "状态设定时间",
        },
    ),
    counts=Counts(upward=False),
    measures=(Measure("dues_paid", "paid", "owed"),),
)
