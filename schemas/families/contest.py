"""Contests (答题竞赛): a timed set of questions. Its attempts are answers whose exam is the contest."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.envelope import Event, Id, Millis
from schemas.families.family import Counts, Family, Measure, Rows, family_table
from schemas.reference.columns import Text
from schemas.table import Column

Step = Annotated[str, Meta(pattern="^(entered|finished)$")]

Questions = Annotated[int, Meta(ge=1, le=10_000)]


class Contest(Event, tag="contest", kw_only=True, omit_defaults=True, gc=False):
    """A member entered or finished a contest. That is for the member alone; the board has who asks to be on it
    (``board``). What was answered are events ``answer`` whose ``exam_id`` is the ``contest_id``: single ones and the
    result of an attempt are for the member alone too, figures of questions and sums count them like all answers. A
    contest is not listed as an exam in the catalogue: what is listed there is an exam."""

    contest_id: Annotated[Id, Meta(description="the contest; answers name it as their exam")]
    step: Annotated[Step, Meta(description="entered: the time begins; finished: handed in, or the time was over")]
    course_id: Annotated[str, Meta(max_length=64, description="course that it belongs to, if any")] = ""
    questions: Annotated[Questions | None, Meta(description="how many questions the set has")] = None
    limit_ms: Annotated[Millis | None, Meta(description="time allowed; absent: none")] = None
    board: Annotated[bool, Meta(description="the member asks to be on the board; the latest event says")] = False


CONTEST = Family(
    Contest,
    "contest_id",
    family_table(
        "contest",
        "Each member's part in a contest, on the local day of entering.",
        Column("contest_id", "String", "the contest"),
        (
            Column("events", "UInt32", "events that count; 0: everything behind the row was taken back"),
            Column("entered", "Bool", "the member took part"),
            Column("finished", "Bool", "it was finished"),
            Column("at", "DateTime64(3, 'UTC')", "when it was entered first"),
            Column("duration_ms", "Nullable(Int64)", "from entering to finishing, at most the time allowed"),
            Column("questions", "Nullable(Int32)", "questions of the set"),
            Column("board", "Bool", "the member asks to be on the board"),
            Column("course_id", "LowCardinality(String)", "course, or ''"),
            Column("event_ids", "Array(UUID)", "events that count"),
        ),
    ),
    queries=("contest-results", "contest-board"),
    title=Text("答题竞赛", "Contests"),
    purpose=Text("本人成绩与各组织参与面", "results for the member, participation of organisations"),
    audience="self",
    answered=True,
    rows=Rows(
        name="contests",
        title=Text("本人参加的答题竞赛", "Own contests"),
        description=Text(
            "本人参加的每次竞赛一行：进入时间、是否完成、用时。成绩见 contest-results。",
            "One row per contest that one took part in: when it was entered, whether it was finished, how long it "
            "took. See contest-results for results.",
        ),
        texts={
            "contest_id": "竞赛编号",
            "entered": "是否参加",
            "finished": "是否完成",
            "at": "首次进入时间",
            "duration_ms": "从进入到完成，不超过限时",
            "questions": "题数；空 = 未知",
            "board": "本人同意上榜",
        },
    ),
    counts=Counts(
        name="contest-counts",
        title=Text("各组织竞赛参与", "Contest participation of organisations"),
        description=Text(
            "每次竞赛、每个有直属成员的组织一行：参加人数与完成比例。只看参与，不比成绩。",
            "One row per contest and organisation with members of its own: who took part, and the share that finished. "
            "Participation only, never results.",
        ),
        by_subject=True,
    ),
    measures=(Measure("contest_entries", "entered"), Measure("contest_finished", "finished", "entered")),
)
