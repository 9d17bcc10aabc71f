"""Every member-day and branch-day figure of the two real data sets, straight from their CSV files.

Shares nothing with the product: polars expressions over columns, written from the published definitions. Both
functions return the member days and the branch days, ordered by key, with the columns of the parquet files but for
lengths, which are whole milliseconds (``study_ms`` for ``study_seconds``). Days are local to ``zone``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

KEY = ["member_id", "course_id", "day"]
BRANCH_KEY = ["org_id", "course_id", "day"]
EPM_EXAMS = {1: datetime(2015, 1, 15, 11, tzinfo=UTC), 2: datetime(2015, 2, 12, 11, tzinfo=UTC)}
CREDENTIAL_BEGIN = datetime(2014, 6, 2, 9, tzinfo=UTC)
SUMS = [
    "study_ms",
    "sessions",
    "answers",
    "graded",
    "correct",
    "score",
    "max_score",
    "response_ms",
    "timed_answers",
    "wrong_questions",
    "events",
]

_COURSE, _START, _END = pl.col("course_id"), pl.col("start"), pl.col("end")


def epm(folder: Path, zone: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Study intervals of laboratory sessions and points of the final exams; one branch of all students."""
    activities = pl.read_csv(folder / "activities.csv")
    local = {k: pl.col(f"{k}_time").str.to_datetime(time_unit="ms") for k in ("start", "end")}
    intervals = activities.filter(~pl.col("activity").is_in(["Other", "Blank"])).select(
        pl.col("student_id").cast(pl.String).alias("member_id"),
        pl.format("session-{}", pl.col("session")).alias("course_id"),
        *(column.dt.replace_time_zone("Europe/Rome").alias(k) for k, column in local.items()),
        pl.col("idle_time_ms").alias("idle"),
    )
    answers = pl.concat(_points(folder / f"final_grades_{n}.csv", n, at) for n, at in EPM_EXAMS.items())
    days = member_days(intervals, answers, zone).with_columns(org_id=pl.lit("genoa"))
    members = pl.concat([intervals["member_id"], answers["member_id"], activities["student_id"].cast(pl.String)])
    roster = pl.DataFrame({"member_id": members.unique()}).with_columns(org_id=pl.lit("genoa"))
    return days, branch_days(days, roster)


def _points(path: Path, number: int, at: datetime) -> pl.DataFrame:
    wide = pl.read_csv(path, infer_schema_length=None)
    long = wide.drop(wide.columns[-1]).unpivot(index="Student ID", variable_name="title", value_name="score")
    best = pl.col("title").str.extract(r"\((\d+) points\)").cast(pl.Float64)
    return long.select(
        pl.col("Student ID").cast(pl.String).alias("member_id"),
        pl.lit("final").alias("course_id"),
        pl.format(f"{number}-{{}}", "title").alias("question"),
        pl.lit(at).dt.cast_time_unit("ms").alias("at"),
        (pl.col("score") == best).alias("correct"),
        pl.col("score").cast(pl.Float64),
        best.alias("max_score"),
        pl.lit(None, pl.Int64).alias("response_ms"),
    )


def credential(folder: Path, zone: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Answers of one licensure test; the school is the branch."""
    wide = pl.read_csv(folder / "responses.csv", infer_schema_length=None)
    marks, seconds = (
        wide.unpivot([f"{name}.{i}" for i in range(1, 201)], index="EID", value_name=name).with_columns(
            pl.col("variable").str.split(".").list.last().cast(pl.Int64)
        )
        for name in ("iraw", "idur")
    )
    spent = pl.col("idur").fill_null(0).cast(pl.Int64) * 1000
    answers = (
        marks.join(seconds, on=["EID", "variable"])
        .filter(pl.col("iraw").is_not_null())
        .sort("EID", "variable")
        .select(
            pl.col("EID").alias("member_id"),
            pl.lit("licensure").alias("course_id"),
            pl.col("variable").cast(pl.String).alias("question"),
            (
                pl.lit(CREDENTIAL_BEGIN).dt.cast_time_unit("ms") + pl.duration(milliseconds=spent.cum_sum().over("EID"))
            ).alias("at"),
            (pl.col("iraw") == 1).alias("correct"),
            pl.col("iraw").alias("score"),
            pl.lit(1.0).alias("max_score"),
            pl.when(spent > 0).then(spent).alias("response_ms"),
        )
    )
    school = pl.format("school-{}", pl.col("School_ID").cast(pl.Int64)).fill_null("unknown")
    roster = wide.select(pl.col("EID").alias("member_id"), school.alias("org_id"))
    nothing = pl.DataFrame(schema={"member_id": pl.String, "course_id": pl.String, "start": answers.schema["at"]})
    intervals = nothing.with_columns(pl.col("start").alias("end"), pl.lit(0, pl.Int64).alias("idle"))
    days = member_days(intervals, answers, zone).join(roster, on="member_id")
    return days, branch_days(days, roster)


def member_days(intervals: pl.DataFrame, answers: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Figures per member, course and local day, and per member and local day over all courses (``''``)."""
    studied = both(_usable(intervals, zone))
    answered = both(answers.with_columns(day=pl.col("at").dt.convert_time_zone(zone).dt.date()))
    merged = _segments(studied)
    whole, parts = _by_day(merged, zone), _by_day(studied, zone)
    tables = [
        whole.group_by(KEY).agg(study_ms=_length().sum()),
        merged.filter(pl.col("opens")).group_by(*KEY[:2], _START.dt.date().alias("day")).agg(sessions=pl.len()),
        parts.group_by(KEY).agg(
            listed_ms=_length().sum(),
            active_ms=(_length() - pl.col("idle")).clip(lower_bound=0).sum(),
            intervals=pl.len(),
        ),
        answered.group_by(KEY).agg(
            answers=pl.len(),
            graded=pl.col("correct").count(),
            correct=pl.col("correct").sum(),
            score=pl.col("score").sum(),
            max_score=pl.col("max_score").sum(),
            response_ms=pl.col("response_ms").sum(),
            timed_answers=pl.col("response_ms").count(),
            wrong_questions=pl.col("question").filter(~pl.col("correct")).n_unique(),
        ),
    ]
    found = tables[0]
    for table in tables[1:]:
        found = found.join(table, on=KEY, how="full", coalesce=True)
    return (
        found.fill_null(0)
        .with_columns(
            overlap_ms=pl.col("listed_ms") - pl.col("study_ms"), events=pl.col("intervals") + pl.col("answers")
        )
        .drop("listed_ms", "intervals")
        .sort(KEY)
    )


def branch_days(days: pl.DataFrame, roster: pl.DataFrame) -> pl.DataFrame:
    """Sums of member days over the members of each branch, for the days and courses on which it has any."""
    size = roster.group_by("org_id").agg(members=pl.len())
    active = ((pl.col("study_ms") > 0) | (pl.col("answers") > 0)).sum()
    sums = days.group_by(BRANCH_KEY).agg(pl.col(SUMS).sum(), active_members=active)
    return sums.join(size, on="org_id").sort(BRANCH_KEY)


def both(frame: pl.DataFrame) -> pl.DataFrame:
    """Every row twice: for its course, and for all courses together."""
    return pl.concat([frame, frame.with_columns(course_id=pl.lit(""))])


def _usable(intervals: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Intervals with a length, their last four hours if they are longer, in local time."""
    local = intervals.with_columns(pl.col("start", "end").dt.convert_time_zone(zone)).filter(_END > _START)
    return local.with_columns(start=pl.max_horizontal(_START, _END - timedelta(hours=4)))


def _segments(studied: pl.DataFrame) -> pl.DataFrame:
    """The union of intervals: disjoint segments, and whether one opens a session (more than 30 minutes after
    what was before it)."""
    key = KEY[:2]
    reach = _END.cum_max().shift().over(key)
    ordered = studied.sort(*key, "start").with_columns(piece=(reach < _START).fill_null(True).cum_sum().over(key))
    merged = ordered.group_by(*key, "piece").agg(_START.min(), _END.max()).sort(*key, "start")
    gap = _START - _END.shift().over(key)
    return merged.with_columns(opens=(gap > timedelta(minutes=30)).fill_null(True))


def _by_day(pieces: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Pieces of time cut at local midnights."""
    days = pl.date_ranges(_START.dt.date(), _END.dt.date()).alias("day")
    cut = pieces.with_columns(days).explode("day")
    begin, finish = _midnight(pl.col("day"), zone), _midnight(pl.col("day").dt.offset_by("1d"), zone)
    cut = cut.with_columns(start=pl.max_horizontal(_START, begin), end=pl.min_horizontal(_END, finish))
    return cut.filter(_END > _START)


def _midnight(day: pl.Expr, zone: str) -> pl.Expr:
    """The instant at which a local day begins: 01:00 where clocks skip midnight."""
    first, second = (
        (day.cast(pl.Datetime("ms")) + timedelta(hours=hour)).dt.replace_time_zone(
            zone, ambiguous="earliest", non_existent="null"
        )
        for hour in (0, 1)
    )
    return pl.coalesce(first, second)


def _length() -> pl.Expr:
    return (_END - _START).dt.total_milliseconds()
