"""The yearly democratic appraisal (民主评议): which stages are completed. No ballots, no grades, no opinions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Choice, Text
from schemas.table import Column

STAGES = (
    Choice("study", Text("学习动员", "Study")),
    Choice("self", Text("个人自评", "Self-assessment")),
    Choice("peers", Text("党员互评", "Peers")),
    Choice("vote", Text("民主测评", "Vote held")),
    Choice("committee", Text("组织评定", "Committee")),
    Choice("follow_up", Text("整改落实", "Follow-up")),
)
"""Stages in their order; which a place has is its own affair."""
Stage = Annotated[str, Meta(pattern=f"^({'|'.join(c.code for c in STAGES)})$")]


class Appraisal(Event, tag="appraisal", kw_only=True, omit_defaults=True, gc=False):
    """A stage of the appraisal is completed for a member. What was said, voted or found is never sent."""

    appraisal_id: Annotated[Id, Meta(description="the appraisal, such as the year")]
    stage: Annotated[Stage, Meta(description="stage that is completed")]
    course_id: Annotated[str, Meta(max_length=64, description="always absent")] = ""


APPRAISAL = Family(
    Appraisal,
    "appraisal_id",
    family_table(
        "appraisal",
        "Stages of an appraisal that were completed for a member, by local day.",
        Column("appraisal_id", "String", "the appraisal, such as the year"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("stages", "Array(LowCardinality(String))", "stages first completed on the day"),
            Column("completed", "UInt32", "how many those are"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    title=Text("民主评议", "Appraisal"),
    purpose=Text(
        "跟进评议各环节是否完成（不存评议内容）", "to follow which stages are completed; never what was found"
    ),
    audience="branch",
    from_members=False,
    rows=Rows(
        name="appraisals",
        title=Text("民主评议进度", "Appraisal stages"),
        description=Text(
            "每名成员每次评议每天一行：当日首次完成的环节。只有本人与所在组织可见；不存票数、等次与意见。",
            "One row per member, appraisal and day: stages first completed. For the member and the organisation itself "
            "only; no ballots, grades or opinions.",
        ),
        texts={"appraisal_id": "评议编号", "stages": "当日首次完成的环节", "completed": "其个数"},
    ),
    counts=Counts(
        name="appraisal-counts",
        title=Text("各组织评议进度", "Appraisal stages of organisations"),
        description=Text(
            "每次评议、每个有直属成员的组织一行：有记录的人数与完成的环节数。",
            "One row per appraisal and organisation with members of its own: members with a record, stages completed.",
        ),
        by_subject=True,
    ),
    measures=(Measure("appraisal_stages", "completed"),),
)
