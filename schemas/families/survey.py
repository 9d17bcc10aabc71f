"""Answers to anonymous surveys, in the name of the organisation: no event says whose an answer is."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id
from schemas.families.family import Family, family_table
from schemas.reference.columns import Text
from schemas.table import Column

Answering = Annotated[str, Meta(pattern="^org:", min_length=5, max_length=64)]


class Survey(Event, tag="survey", kw_only=True, omit_defaults=True, gc=False):
    """An answer to a question of an anonymous survey. ``member_id`` is ``org:`` and the id of the organisation of
    whoever answered; no device is named, and ``occurred_at`` is rounded to the half hour or coarser. The app that asks
    sees to it that everybody answers once, shuffles, and sends later; its event ids must not tell the moment."""

    member_id: Annotated[Answering, Meta(description="org: and the organisation's id; never a person's")]
    item_id: Annotated[Id, Meta(description="the question of the survey, the same for all who answer it")]
    survey_id: Annotated[Id, Meta(description="the survey")]
    choice: Annotated[Id, Meta(description="code of the option that was chosen; never a text")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it is about, if any")] = ""
    device_id: Annotated[None, Meta(description="always absent: a device would tell who answered")] = None


SURVEY = Family(
    Survey,
    "item_id",
    family_table(
        "survey",
        "How the members of an organisation answered a question of an anonymous survey, by local day.",
        Column("item_id", "String", "question of the survey"),
        (
            Column("events", "UInt32", "answers that count; 0: everything behind the row was taken back"),
            Column("survey_id", "String", "the survey, by the day's first answer"),
            Column("choices", "Array(String)", "options that were chosen"),
            Column("answers", "Array(UInt32)", "how often each of them was"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
        anonymous=True,
    ),
    queries=("survey-answers",),
    title=Text("匿名问卷", "Anonymous surveys"),
    purpose=Text("汇总问卷结果（不存是谁答的）", "results of surveys as a whole; never who answered"),
    audience="self",
    anonymous=True,
)
