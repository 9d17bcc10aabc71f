"""``member_day`` from ``events``, in polars: set-based, by joins and windows.

It shares no code with the folds on purpose. It follows the published definitions (docs/metrics.md): the body with
the smallest hash counts, withdrawn events do not, study time is the union of intervals, an error belongs to its
answer. Input and output are frames in memory: callers hand over whole members, some at a time.
"""

from __future__ import annotations

import polars as pl

MINUTE = 60_000
SESSION_GAP, BEAT_GAP, LONGEST = 30 * MINUTE, 2 * MINUTE, 240 * MINUTE
MICRO = 1_000_000

FIGURES = (
    "study_ms overlap_ms sessions answers graded correct score_micro max_micro response_ms timed_answers "
    "wrong_questions events"
).split()
KEY = ["member_id", "day", "course_id"]

EVENT_COLUMNS = (
    "member_id at event_id body_hash skew_ms event_type course_id duration_ms beat_ms device_id session_id "
    "question_id exam_id attempt correct score_micro max_micro answer_id target_id"
).split()
"""What is needed of ``events``; ``at`` in ms since the epoch, ids and hashes as bytes."""


def counting(events: pl.DataFrame) -> pl.DataFrame:
    """One row per event that counts: the winning body of each id, unless a winning body takes it back."""
    won = (
        events.with_columns(pl.col("skew_ms").abs().alias("_abs"))
        .sort("member_id", "event_id", "body_hash", "_abs", "skew_ms", descending=[False, False, False, False, True])
        .unique(["member_id", "event_id"], keep="first", maintain_order=True)
        .drop("_abs")
    )
    taken = won.filter(pl.col("target_id").is_not_null()).select("member_id", pl.col("target_id").alias("event_id"))
    return won.join(taken.unique(), on=["member_id", "event_id"], how="anti")


def study_intervals(live: pl.DataFrame) -> pl.DataFrame:
    """``member_id, course_id, event_id, start, end`` in ms, of intervals longer than nothing."""
    study = live.filter(pl.col("event_type") == "study")
    explicit = study.filter(pl.col("beat_ms").is_null()).with_columns(
        start=pl.max_horizontal(pl.col("at") - pl.col("duration_ms").fill_null(0), pl.col("at") - LONGEST),
        end=pl.col("at"),
    )
    stream = ["member_id", "device_id", "session_id"]
    beats = (
        study.filter(pl.col("beat_ms").is_not_null())
        .sort([*stream, "at", "event_id"])
        .with_columns(gap=pl.col("at").shift(-1).over(stream) - pl.col("at"))
        .with_columns(
            start=pl.col("at"),
            end=pl.col("at")
            + pl.when(pl.col("gap") <= BEAT_GAP)
            .then(pl.col("gap"))
            .otherwise(pl.min_horizontal(pl.col("beat_ms"), pl.lit(BEAT_GAP))),
        )
    )
    columns = ["member_id", "course_id", "event_id", "start", "end"]
    return pl.concat([explicit.select(columns), beats.select(columns)]).filter(pl.col("end") > pl.col("start"))


def islands(intervals: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Unions of overlapping or touching intervals within ``by``, with the end of the island before."""
    return (
        intervals.sort([*by, "start", "end"])
        .with_columns(reach=pl.col("end").cum_max().over(by))
        .with_columns(before=pl.col("reach").shift(1).over(by))
        .with_columns(island=(pl.col("before").is_null() | (pl.col("start") > pl.col("before"))).cum_sum().over(by))
        .group_by([*by, "island"])
        .agg(pl.col("start").min(), pl.col("end").max())
        .sort([*by, "start"])
        .with_columns(previous=pl.col("end").shift(1).over(by))
    )


def _day(column: str, zone: str) -> pl.Expr:
    return (
        pl.from_epoch(pl.col(column), time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()
    )


def _midnight(day: pl.Expr, zone: str) -> pl.Expr:
    # Where clocks skip midnight the day begins at 01:00.
    at = [
        (day.cast(pl.Datetime("ms")) + pl.duration(hours=h)).dt.replace_time_zone(
            zone, ambiguous="earliest", non_existent="null"
        )
        for h in (0, 1)
    ]
    return pl.coalesce(at).dt.epoch("ms")


def by_day(pieces: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Pieces ``[start, end)`` cut at local midnights: one row per piece and day, with ``ms``."""
    return (
        pieces.with_columns(first=_day("start", zone), last=(pl.col("end") - 1).alias("_last"))
        .with_columns(last=_day("last", zone))
        .with_columns(day=pl.date_ranges("first", "last"))
        .explode("day")
        .with_columns(lower=_midnight(pl.col("day"), zone), upper=_midnight(pl.col("day").dt.offset_by("1d"), zone))
        .with_columns(
            ms=pl.min_horizontal("end", "upper") - pl.max_horizontal("start", "lower"),
        )
    )


def study_days(intervals: pl.DataFrame, zone: str, by: list[str]) -> pl.DataFrame:
    """Study time, overlap and sessions per local day within ``by``."""
    if intervals.is_empty():
        return pl.DataFrame()
    joined = islands(intervals, by)
    union = by_day(joined, zone).group_by([*by, "day"]).agg(study_ms=pl.col("ms").sum())
    total = (
        by_day(intervals, zone)
        .group_by([*by, "day"])
        .agg(total=pl.col("ms").sum(), events=pl.col("event_id").n_unique().cast(pl.Int64))
    )
    sessions = (
        joined.filter(pl.col("previous").is_null() | (pl.col("start") - pl.col("previous") > SESSION_GAP))
        .with_columns(day=_day("start", zone))
        .group_by([*by, "day"])
        .agg(sessions=pl.len().cast(pl.Int64))
    )
    return (
        union.join(total, on=[*by, "day"])
        .join(sessions, on=[*by, "day"], how="left")
        .with_columns(overlap_ms=pl.col("total") - pl.col("study_ms"), sessions=pl.col("sessions").fill_null(0))
        .drop("total")
    )


def outcomes(live: pl.DataFrame) -> pl.DataFrame:
    """Every answer that counts, and every error that found none, with its verdict and points."""
    attempt = ["member_id", "course_id", "question_id", "exam_id", "attempt"]
    answers = live.filter(pl.col("event_type") == "answer").sort([*attempt, "at", "event_id"])
    errors = live.filter(pl.col("event_type") == "error")
    where = ["member_id", "course_id", "question_id"]
    named = (
        errors.filter(pl.col("answer_id").is_not_null())
        .select(*where, pl.col("answer_id").alias("event_id"), marked=pl.lit(True))
        .unique()
    )
    answers = (
        answers.join(named, on=[*where, "event_id"], how="left")
        .with_columns(
            correct=pl.when(pl.col("marked").is_not_null()).then(pl.lit(False)).otherwise(pl.col("correct")),
            is_last=pl.col("event_id").last().over(attempt) == pl.col("event_id"),
        )
        .with_columns(counted=(pl.col("exam_id") == "") | pl.col("is_last"))
    )
    best = pl.col("max_micro").fill_null(MICRO)
    answers = answers.with_columns(
        score=pl.when(pl.col("score_micro").is_not_null())
        .then(pl.col("score_micro"))
        .when(pl.col("correct").fill_null(False))
        .then(best)
        .otherwise(0),
        best=pl.when(pl.col("score_micro").is_null() & pl.col("correct").is_null()).then(0).otherwise(best),
        spent=pl.col("duration_ms").fill_null(0),
    )
    has_answer = errors.join(
        answers.select(*where, pl.col("event_id").alias("answer_id")), on=[*where, "answer_id"], how="semi"
    ).select("member_id", "event_id")
    wrong = answers.filter(pl.col("correct").eq(False)).select(*attempt, pl.col("at").alias("wrong_at"))
    after_wrong = (
        errors.join(wrong, on=attempt, how="inner")
        .filter(pl.col("wrong_at") <= pl.col("at"))
        .select("member_id", "event_id")
    )
    alone = errors.join(pl.concat([has_answer, after_wrong]).unique(), on=["member_id", "event_id"], how="anti")
    alone = alone.with_columns(
        correct=pl.lit(False),
        score=pl.lit(0, pl.Int64),
        best=pl.lit(MICRO, pl.Int64),
        spent=pl.lit(0, pl.Int64),
    )
    columns = ["member_id", "course_id", "question_id", "at", "correct", "score", "best", "spent"]
    return pl.concat([answers.filter("counted").select(columns), alone.select(columns)])


def answer_days(found: pl.DataFrame, zone: str, by: list[str]) -> pl.DataFrame:
    """Answer figures per local day within ``by``."""
    if found.is_empty():
        return pl.DataFrame()
    return (
        found.with_columns(day=_day("at", zone))
        .group_by([*by, "day"])
        .agg(
            answers=pl.len().cast(pl.Int64),
            graded=pl.col("correct").is_not_null().sum().cast(pl.Int64),
            correct=pl.col("correct").fill_null(False).sum().cast(pl.Int64),
            score_micro=pl.col("score").sum(),
            max_micro=pl.col("best").sum(),
            response_ms=pl.col("spent").sum(),
            timed_answers=(pl.col("spent") > 0).sum().cast(pl.Int64),
            wrong_questions=pl.col("question_id").filter(pl.col("correct").eq(False)).n_unique().cast(pl.Int64),
        )
    )


def member_days(events: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Figures per member, local day and course ('' over all), only rows with at least one event that counts or
    time that counts. ``events`` holds all events of its members (columns ``EVENT_COLUMNS``)."""
    live = counting(events)
    intervals, found = study_intervals(live), outcomes(live)
    graded = live.filter(pl.col("event_type").is_in(["answer", "error"])).with_columns(day=_day("at", zone))
    beats = live.filter(pl.col("beat_ms").is_not_null()).with_columns(day=_day("at", zone))
    spans = intervals.join(beats.select("member_id", "event_id"), on=["member_id", "event_id"], how="anti")
    parts = []
    for by in (["member_id"], ["member_id", "course_id"]):
        on = [*by, "day"]
        present = [graded.select([*on, "event_id"]), beats.select([*on, "event_id"])]
        if not spans.is_empty():
            present.append(by_day(spans, zone).select([*on, "event_id"]))
        events_on = pl.concat(present).group_by(on).agg(events=pl.len().cast(pl.Int64))
        whole = events_on
        for part in (study_days(intervals, zone, by), answer_days(found, zone, by)):
            if not part.is_empty():
                whole = whole.join(part.drop("events", strict=False), on=on, how="full", coalesce=True)
        if by == ["member_id"]:
            whole = whole.with_columns(course_id=pl.lit(""))
        missing = [pl.lit(0, pl.Int64).alias(c) for c in FIGURES if c not in whole.columns]
        parts.append(
            whole.with_columns(missing).select([*KEY, *[pl.col(c).fill_null(0).cast(pl.Int64) for c in FIGURES]])
        )
    return pl.concat(parts).sort(KEY)
