"""The rows of an in-memory store as the frames that the read side gives."""

from __future__ import annotations

import polars as pl

from schemas.tables import ANSWERS, MICRO
from sinks.memory import MemorySink
from sinks.read.reader import DTYPES

ANSWER_COLUMNS = {
    "member_id": "text", "org_id": "text", "category": "text", "course_id": "text", "question_id": "text",
    "exam_id": "text", "attempt": "integer", "day": "day", "at": "time", "correct": "boolean", "score": "number",
    "max_score": "number", "response_ms": "integer", "response": "texts", "knowledge_points": "texts",
    "from_error": "boolean", "event_id": "text",
}  # fmt: skip


def answers_frame(sink: MemorySink, org_id: str = "b1") -> pl.DataFrame:
    """The query ``answers`` over everything, everybody in one branch."""
    rows = [
        {
            **{name: row.get(name) for name in ANSWER_COLUMNS},
            "org_id": org_id,
            "category": "teacher",
            "score": row["score_micro"] / MICRO,
            "max_score": row["max_micro"] / MICRO,
            "event_id": row["event_id"].hex(),
        }
        for row in sink.rows(ANSWERS)
        if row["counted"]
    ]
    return pl.DataFrame(rows, schema={name: DTYPES[type_] for name, type_ in ANSWER_COLUMNS.items()}).sort(
        "member_id", "at", "event_id"
    )
