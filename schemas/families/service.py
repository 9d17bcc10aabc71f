"""Requests of members to their organisation: opened, answered, closed. How soon, never what about."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Text
from schemas.table import Column

Step = Annotated[str, Meta(pattern="^(opened|answered|closed)$")]


class Service(Event, tag="service", kw_only=True, omit_defaults=True, gc=False):
    """A step of a member's request. ``member_id`` is who asked, in all of them. Neither the subject nor a text is
    sent."""

    request_id: Annotated[Id, Meta(description="the request, the same for all its steps")]
    step: Annotated[Step, Meta(description="opened by the member, answered by the organisation, closed")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it is about, if any")] = ""


SERVICE = Family(
    Service,
    "request_id",
    family_table(
        "service",
        "Each request of a member, on the local day on which it was opened.",
        Column("request_id", "String", "the request"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("opened", "Bool", "it was opened: false where only later steps are recorded"),
            Column("answered", "Bool", "it has been answered"),
            Column("closed", "Bool", "it has been closed"),
            Column("at", "DateTime64(3, 'UTC')", "when it was opened"),
            Column("answer_ms", "Nullable(Int64)", "from opening to the first answer"),
            Column("close_ms", "Nullable(Int64)", "from opening to closing"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    title=Text("党员诉求", "Requests"),
    purpose=Text("统计答复时效（不存内容）", "how soon requests are answered; never what about"),
    audience="branch",
    steps_of_others=frozenset({"answered", "closed"}),
    rows=Rows(
        name="service-requests",
        title=Text("党员诉求", "Requests"),
        description=Text(
            "每名成员的每件诉求一行：提出时间、是否已答复与办结、用时。只有本人与所在组织可见，不存内容。",
            "One row per request of a member: when it was opened, whether and how soon it was answered and closed. For "
            "the member and the organisation itself only; no content.",
        ),
        texts={
            "request_id": "诉求编号",
            "opened": "是否有提出记录",
            "answered": "是否已答复",
            "closed": "是否已办结",
            "at": "提出时间",
            "answer_ms": "从提出到首次答复",
            "close_ms": "从提出到办结",
        },
    ),
    counts=Counts(
        name="service-counts",
        title=Text("各组织答复时效", "Response times of organisations"),
        description=Text(
            "每个有直属成员的组织一行：诉求件数、答复与办结的比例、平均答复与办结用时。",
            "One row per organisation with members of its own: requests, the shares answered and closed, mean times.",
        ),
    ),
    measures=(
        Measure("service_requests", "opened"),
        Measure("service_answered", "answered", "opened"),
        Measure("service_answer_seconds", "answer_ms"),
        Measure("service_closed", "closed", "opened"),
        Measure("service_close_seconds", "close_ms"),
    ),
)
