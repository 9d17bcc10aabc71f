"""Every figure about exams, change and credit hours equals the query that a person could ask instead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from reports.analytics.computed import COMPUTED
from reports.site import ReportIndex, write_reports
from reports.text import Words
from schemas.credit import CreditPolicy
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import Filters, Reader, Scope
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.engine import EVERY
from tests.support.harness import RECEIVED, Harness
from tests.support.world import DAYS, day, lines, reference

SCOPE = Scope.everything()
FIRST, LAST = day(DAYS // 2), day(DAYS - 2)


@pytest.fixture(scope="module")
def reader(engine_store: Store) -> Reader:
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    ensure_generation(engine_store, "Asia/Shanghai", "{}")
    sink = ClickHouseSink(engine_store)
    write_reference(sink, reference(11), datetime(2026, 9, 1, tzinfo=UTC))
    harness = Harness(sink, StoreRosters(sink))
    sent = lines(11, 2400)
    for start in range(0, len(sent), 200):
        harness.send(*[[line] for line in sent[start : start + 200]], received=RECEIVED + start)
    return Reader(engine_store)


@pytest.fixture(scope="module")
def index(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> ReportIndex:
    return write_reports(
        reader,
        SCOPE,
        tmp_path_factory.mktemp("reports"),
        first=FIRST,
        last=LAST,
        languages=("en",),
        formats=("json",),
        as_of=datetime(2026, 9, 2, 8, tzinfo=UTC),
        credit=CreditPolicy.of(),
    )


def read(index: ReportIndex, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((index.folder / path).read_text("utf-8"))["report"]
    return found


def query(reader: Reader, name: str, **filters: Any) -> list[dict[str, Any]]:
    return COMPUTED[name].frame(reader, SCOPE, Filters(first=FIRST, last=LAST, **filters)).to_dicts()


def equal(figure: dict[str, Any], value: float | None) -> bool:
    return bool(figure["value"] == pytest.approx(value, abs=1e-9) if value is not None else figure["value"] is None)


def test_items_equal_the_query(reader: Reader, index: ReportIndex) -> None:
    report = read(index, index.exams["e1"])
    rows = query(reader, "items", exam="e1")
    assert len(rows) == len(report["items"]) > 2
    for line, row in zip(report["items"], rows, strict=True):
        assert line["question"]["question_id"] == row["question_id"]
        assert equal(line["members"], row["n"])
        assert equal(line["facility"], row["facility"])
        assert line["facility"].get("low") == pytest.approx(row["facility_low"])
        assert equal(line["r"], row["r_rest"])
        assert line["r"].get("high") == (None if row["r_high"] is None else pytest.approx(row["r_high"]))
        assert equal(line["efficiency"], row["efficiency"])


def test_options_equal_the_query_where_they_are_shown(reader: Reader, index: ReportIndex) -> None:
    report = read(index, index.exams["e1"])
    rows = {(r["question_id"], r["option"]): r for r in query(reader, "item-options", exam="e1")}
    seen = 0
    for line in report["items"]:
        for option in line["options"]:
            row = rows[line["question"]["question_id"], option["letter"]]
            if option["hidden"]:
                assert option["share"]["value"] is None
            else:
                seen += 1
                assert equal(option["share"], row["share"])
                assert equal(option["r"], row["r_rest"])
    assert seen or not rows


def test_the_test_as_a_whole_equals_the_query(reader: Reader, index: ReportIndex) -> None:
    report = read(index, index.exams["e1"])
    (row,) = query(reader, "tests", exam="e1")
    assert equal(report["participants"], row["n"])
    assert equal(report["questions"], row["questions"])
    assert equal(report["points"], row["max_score"])
    assert equal(report["reliability"]["alpha"], row["alpha"])
    assert report["reliability"]["alpha"].get("low") == (
        None if row["alpha_low"] is None else pytest.approx(row["alpha_low"])
    )
    assert equal(report["reliability"]["error"], row["standard_error"])


def test_suggestions_for_authors_equal_the_query(reader: Reader, index: ReportIndex) -> None:
    report = read(index, index.exams["e1"])
    asked = [r["subject"] for r in query(reader, "suggestions", exam="e1") if r["audience"] == "author"]
    shown = [r["item"]["question"]["question_id"] for r in (*report["repairs"], *report["polish"])]
    assert sorted(asked) == sorted(shown)


def test_the_period_before_equals_the_queries_of_that_period(reader: Reader, index: ReportIndex) -> None:
    ago = Filters(first=FIRST - timedelta(days=(LAST - FIRST).days + 1), last=FIRST - timedelta(days=1))
    days = reader.frame("member-day", SCOPE, ago).filter(pl.col("course_id") == "")
    report = read(index, index.groups["top"])
    lines = {line["now"]["metric"]: line for line in report["change"]["lines"]}
    here = reader.frame("branch-day", SCOPE, Filters(first=ago.first, last=ago.last, org="top"))
    whole = here.filter(pl.col("course_id") == "")
    assert equal(lines["accuracy"]["before"], sum(whole["correct"].to_list()) / sum(whole["graded"].to_list()))
    compared = 0
    for member, path in index.members.items():
        own, change = days.filter(pl.col("member_id") == member), read(index, path)["change"]
        if change is not None:
            study = change["lines"][0]
            compared += 1
            assert study["before"]["value"] == pytest.approx(own["study_seconds"].sum(), abs=1e-6)
    assert compared > 5


def test_credit_hours_equal_the_query(reader: Reader, index: ReportIndex) -> None:
    rows = {(r["member_id"], str(r["year"]), r["credit_kind"]): r for r in query(reader, "credit")}
    assert rows
    kinds = {"Organised sessions": "organised", "Self-study": "self_study"}
    words = Words("en")
    seen = 0
    for member, path in index.members.items():
        for line in read(index, path)["credit"]:
            row = rows[member, line["year"], kinds[words(line["kind"])]]
            seen += 1
            assert equal(line["earned"], row["earned_hours"])
            assert equal(line["in_period"], row["period_hours"])
            assert equal(line["quota"], row["quota_hours"])
            assert equal(line["left"], row["left_hours"])
    assert seen == len(rows)


def test_mastery_equals_the_query(reader: Reader, index: ReportIndex) -> None:
    rows = COMPUTED["mastery"].frame(reader, SCOPE, Filters(last=LAST)).to_dicts()
    shown = 0
    for member, path in index.members.items():
        mine = {r["title"]: r for r in rows if r["member_id"] == member}
        for point in read(index, path)["measures"]["points"]:
            shown += 1
            assert equal(point["mastery"], mine[point["title"]]["mastery_kept"])
    assert shown > 0
