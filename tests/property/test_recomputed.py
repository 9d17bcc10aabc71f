"""Study time, sessions and answers equal an independent computation, around midnights and changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schemas.tables import MEMBER_DAY
from tests.e2e import recompute
from tests.support.harness import Harness, event

MINUTE = 60_000
Record = tuple[str, str, int, int]
"""Course, question ('' for study), end in ms after the start of the span, length in ms."""

SPANS = st.sampled_from(
    [
        ("Asia/Shanghai", datetime(2026, 3, 1, 15, tzinfo=UTC)),
        ("Europe/Rome", datetime(2026, 3, 28, 22, tzinfo=UTC)),
        ("Europe/Rome", datetime(2025, 10, 25, 21, tzinfo=UTC)),
        ("America/Santiago", datetime(2025, 9, 7, 3, tzinfo=UTC)),
    ]
)
"""A zone and an hour before a local midnight: one like any other, the days with 23 and 25 hours, and one on which
midnight does not exist."""
MOMENTS = st.one_of(
    st.integers(0, 30 * 3_600_000),
    st.sampled_from([0, 29, 30, 31, 59, 60, 61, 89, 90, 91, 120, 1440, 1500, 1560]).map(lambda m: m * MINUTE),
)
LENGTHS = st.one_of(st.integers(0, 40 * MINUTE), st.sampled_from([0, 1, 30 * MINUTE, 240 * MINUTE, 300 * MINUTE]))
RECORDS = st.lists(
    st.tuples(st.sampled_from(["c1", "c2"]), st.sampled_from(["", "", "", "q1", "q2"]), MOMENTS, LENGTHS)
)


@settings(max_examples=100, deadline=None)
@given(SPANS, RECORDS)
@example(
    ("Asia/Shanghai", datetime(2026, 3, 1, 15, tzinfo=UTC)), [("c2", "", 59 * MINUTE, 1), ("c1", "", 75 * MINUTE, 1)]
)
def test_member_days_equal_a_recomputation(span: tuple[str, datetime], records: list[Record]) -> None:
    zone, begin = span
    lines, study, answers = [], [], []
    for n, (course, question, end, length) in enumerate(records, 1):
        at = begin + timedelta(milliseconds=end)
        if question:
            correct = bool(length % 2)
            marks = {"question_id": question, "correct": correct, "duration_ms": length}
            lines.append(event(n, "answer", at.isoformat(), course=course, **marks))
            answers.append(("m1", course, question, at, correct, float(correct), 1.0, length or None))
        else:
            lines.append(event(n, "study", at.isoformat(), course=course, duration_ms=length))
            study.append(("m1", course, at - timedelta(milliseconds=length), at, 0))
    h = Harness(zone=zone)
    for line in lines:
        h.send([line])
    time = pl.Datetime("ms", "UTC")
    expected = recompute.member_days(
        pl.DataFrame(
            study,
            {"member_id": pl.String, "course_id": pl.String, "start": time, "end": time, "idle": pl.Int64},
            orient="row",
        ),
        pl.DataFrame(
            answers,
            {
                "member_id": pl.String,
                "course_id": pl.String,
                "question": pl.String,
                "at": time,
                "correct": pl.Boolean,
                "score": pl.Float64,
                "max_score": pl.Float64,
                "response_ms": pl.Int64,
            },
            orient="row",
        ),
        zone,
    )
    found = computed(h)
    assert_frame_equal(found, expected.select(found.columns), check_exact=True, check_dtypes=False)


def computed(h: Harness) -> pl.DataFrame:
    """The member days of a pipeline on which anything counts, in the columns of the recomputation."""
    rows = [r for r in h.sink.rows(MEMBER_DAY) if r["events"] or r["study_ms"]]
    frame = pl.from_arrow(MEMBER_DAY.rows(rows))
    assert isinstance(frame, pl.DataFrame)
    return frame.select(
        *recompute.KEY,
        *("sessions", "answers", "graded", "correct", "response_ms", "timed_answers", "wrong_questions", "events"),
        "study_ms",
        "overlap_ms",
        (pl.col("score_micro") / 1_000_000).alias("score"),
        (pl.col("max_micro") / 1_000_000).alias("max_score"),
    ).sort(recompute.KEY)
