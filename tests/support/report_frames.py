"""Frames as the read side gives them, made from what the pure pipelines wrote to the in-memory store."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import polars as pl

from producers.simulate import Scenario, simulate, write_reference
from producers.tables import read_reference
from reports.catalogue import Catalogue
from reports.data import Period, ReportData
from schemas.families.contest import CONTEST
from schemas.reference import Member, Organisation, Roster
from schemas.tables import ANSWERS, MEMBER_DAY, REJECTED
from tests.support.harness import FixedRoster, Harness

DAYS = {
    "member_id": pl.String,
    "org_id": pl.String,
    "course_id": pl.String,
    "day": pl.Date,
    "study_seconds": pl.Float64,
    "sessions": pl.Int64,
    "answers": pl.Int64,
    "correct": pl.Int64,
    "score": pl.Float64,
    "max_score": pl.Float64,
    "response_ms": pl.Int64,
    "wrong_questions": pl.Int64,
    "graded": pl.Int64,
    "active_seconds": pl.Float64,
    "open_seconds": pl.Float64,
    "timed_answers": pl.Int64,
    "events": pl.Int64,
    "capped": pl.Int64,
    "first_at": pl.Datetime("ms", "UTC"),
    "last_at": pl.Datetime("ms", "UTC"),
    "hour_seconds": pl.List(pl.Float64),
}
ANSWER = {
    "member_id": pl.String,
    "org_id": pl.String,
    "course_id": pl.String,
    "question_id": pl.String,
    "exam_id": pl.String,
    "attempt": pl.Int64,
    "day": pl.Date,
    "at": pl.Datetime("ms", "UTC"),
    "correct": pl.Boolean,
    "score": pl.Float64,
    "max_score": pl.Float64,
    "response_ms": pl.Int64,
    "response": pl.List(pl.String),
    "knowledge_points": pl.List(pl.String),
    "event_id": pl.String,
    "contest": pl.Boolean,
}
LINES = {"member_id": pl.String, "reason": pl.String, "org_id": pl.String, "day": pl.Date}


def days_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A member-day frame; columns that a row leaves out are zero."""
    zero: dict[str, Any] = {
        "first_at": None,
        "last_at": None,
        "hour_seconds": [0.0] * 24,
        "course_id": "",
        "org_id": "",
    }
    return pl.DataFrame([{c: row.get(c, zero.get(c, 0)) for c in DAYS} for row in rows], schema=DAYS)


def answers_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """An answers frame; columns that a row leaves out are empty."""
    rest: dict[str, Any] = {
        "exam_id": "", "attempt": 1, "org_id": "", "response": [], "knowledge_points": [], "response_ms": None,
        "score": 0.0, "max_score": 1.0, "contest": False,
    }  # fmt: skip
    return pl.DataFrame([{c: row[c] if c in row else rest[c] for c in ANSWER} for row in rows], schema=ANSWER)


def report_data(
    organisations: list[Organisation],
    members: list[Member],
    days: list[dict[str, Any]] = [],  # noqa: B006
    answers: list[dict[str, Any]] = [],  # noqa: B006
    *,
    first: date,
    last: date,
    catalogue: Catalogue | None = None,
    rejected: list[dict[str, Any]] = [],  # noqa: B006
    **more: Any,
) -> ReportData:
    """Report data from plain rows; ``org_id`` is filled in from the roster. Rejected lines without a day came on the
    first one."""
    roster = Roster(organisations, members)
    rejected = [{"day": first, **row} for row in rejected]
    for row in (*days, *answers, *rejected):
        row.setdefault("org_id", roster.org_of(row["member_id"], row["day"]) or "")
    return ReportData(
        period=Period(first, last),
        as_of=datetime(last.year, last.month, last.day, 16, tzinfo=UTC),
        timezone="Asia/Shanghai",
        generation=1,
        days=days_frame(days),
        answers=answers_frame(answers),
        rejected=pl.DataFrame(rejected, schema=LINES),
        roster=roster,
        catalogue=catalogue or Catalogue(),
        **more,
    )


def scenario_data(scenario: Scenario, *, batch: int = 2000) -> ReportData:
    """A simulated term, run through the pure pipelines."""
    with TemporaryDirectory() as folder:
        write_reference(scenario, Path(folder))
        tables = read_reference(Path(folder), scenario.timezone)
    organisations, members = list(tables.organisations), list(tables.members)
    harness = Harness(rosters=FixedRoster(organisations, members), zone=scenario.timezone)
    messages: list[list[bytes]] = []
    for flush in simulate(scenario):
        messages.append(list(flush.lines))
        if len(messages) == batch:
            harness.send(*messages)
            messages = []
    harness.send(*messages)
    rows = harness.sink.rows
    days = [_day(r) for r in rows(MEMBER_DAY) if r["events"] or r["study_ms"]]
    contests = {r["contest_id"] for r in rows(CONTEST.table) if r["events"]} - {e.exam_id for e in tables.exams}
    answers = [_answer(r) | {"contest": r["exam_id"] in contests} for r in rows(ANSWERS) if r["counted"]]
    seen = [r["day"] for r in days]
    # The harness receives everything at one moment: take it for the last day.
    rejected = [{"member_id": r["member_id"], "reason": r["reason"], "day": max(seen)} for r in rows(REJECTED)]
    return report_data(
        organisations, members, days, answers, first=min(seen), last=max(seen), rejected=rejected,
        catalogue=Catalogue.of(
            tables.courses, tables.exams, tables.questions, tables.knowledge_points, tables.competences
        ),
    )  # fmt: skip


def _day(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "study_seconds": row["study_ms"] / 1000,
        "active_seconds": row["active_ms"] / 1000,
        "open_seconds": row["open_ms"] / 1000,
        "score": row["score_micro"] / 1e6,
        "max_score": row["max_micro"] / 1e6,
        "hour_seconds": [ms / 1000 for ms in row["hour_ms"]],
    }


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "score": row["score_micro"] / 1e6,
        "max_score": row["max_micro"] / 1e6,
        "event_id": str(UUID(bytes=row["event_id"])),
        "response": list(row["response"]),
        "knowledge_points": list(row["knowledge_points"]),
    }
