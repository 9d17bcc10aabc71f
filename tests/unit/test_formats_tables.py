"""Workbooks, CSV and Parquet: typed values of the same context, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import openpyxl
import polars as pl
import pyarrow.parquet as pq
import pytest

from reports.context.head import Head
from reports.figures import Figure, field_names, metrics_used, share, withheld
from reports.formats.csv_file import FORMULA, to_csv
from reports.formats.definitions import definitions
from reports.formats.parquet import SCHEMA, to_parquet
from reports.formats.tables import Sheet, sheets
from reports.formats.typed import WITHHELD, Typed, label, labels, typed
from reports.formats.workbook import to_workbook
from schemas.metrics import METRICS
from schemas.reference.columns import Text
from sinks.read import Scope
from tests.support.documents import MOMENT, figures, reports_of
from tests.support.small_reports import mapped
from tests.support.texts import CHINESE
from tests.unit.test_formats_pdf import KINDS
from tests.unit.test_report_pages import empty, full, side_by_side

ALL = [r for data in (full(), side_by_side(), empty()) for r in reports_of(data)]
ALL += reports_of(full(), Scope(None, "aggregate")) + reports_of(mapped())
EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "  =cmd|' /C calc'!A0", '=HYPERLINK("http://x")']


def tables_of(report: Any) -> list[Typed]:
    return [*map(typed, sheets(report)), definitions(report)]


@dataclass(frozen=True, slots=True)
class Line:
    """A row as contexts have them."""

    id: str
    title: Text
    study: Figure
    accuracy: Figure
    day: date
    done: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A context in small."""

    head: Head
    lines: tuple[Line, ...]


def little(text: str = "课程") -> Report:
    head = KINDS["group"].head
    seconds = Figure("study_seconds", 5400.0)
    rows = (
        Line("a", Text(text, text), seconds, share("accuracy", 3, 4), date(2026, 3, 2), True),
        Line("b", Text("乙", "B"), Figure("study_seconds", None), withheld("accuracy"), date(2026, 3, 3), False),
    )
    return Report(head, rows)


def book_of(report: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(to_workbook(tables_of(report), "题", MOMENT)))


def test_cells_have_types() -> None:
    sheet = next(s for s in book_of(little()) if s["A1"].value == "编号")
    head = {sheet.cell(1, c).value: c for c in range(1, sheet.max_column + 1)}
    row = {name: sheet.cell(3, column) for name, column in head.items()}
    assert row["学习时长"].value == timedelta(hours=1, minutes=30) or row["学习时长"].value == 0.0625
    assert row["学习时长"].number_format == "[h]:mm:ss"
    assert (row["正确率"].value, row["正确率"].number_format) == (0.75, "0.0%")
    assert (row["正确率：分子"].value, row["正确率：分母"].value) == (3, 4)
    assert row["日期"].value == datetime(2026, 3, 2)
    assert sheet.cell(4, head["正确率"]).value == WITHHELD
    assert sheet.cell(4, head["学习时长"]).value is None


def test_headings_are_in_both_languages_and_stay_in_sight() -> None:
    for sheet in book_of(KINDS["group"]):
        assert sheet.freeze_panes == "A3"
        for column in range(1, sheet.max_column + 1):
            zh, en = sheet.cell(1, column).value, sheet.cell(2, column).value
            assert zh
            assert en
            assert CHINESE.search(zh), zh


@pytest.mark.parametrize(("kind", "report"), ALL[::7], ids=lambda v: v if isinstance(v, str) else "")
def test_every_report_is_a_workbook_with_a_sheet_a_table(kind: str, report: Any) -> None:
    tables = tables_of(report)
    book = book_of(report)
    assert len(book.sheetnames) == len(tables) == len({t.id for t in tables})
    assert all(len(name) <= 31 for name in book.sheetnames)
    assert [sheet.max_row for sheet in book] == [len(t.rows) + 2 for t in tables]


def test_every_column_and_sheet_has_names_in_both_languages() -> None:
    for _, report in ALL:
        for table in tables_of(report):
            assert table.zh != table.id, table.id
            for column in table.columns:
                assert CHINESE.search(column.zh), f"{table.id}: {column.id}: name it in formats/labels.toml"
                assert not CHINESE.search(column.en), column.id


def test_names_that_are_listed_are_used() -> None:
    parts = {p for _, r in ALL for s in sheets(r) for p in (s.id, s.id.rpartition("_")[2])}
    known = {"", "about", "definitions", "figures"} | {n for _, r in ALL for n in field_names(type(r))}
    idle = [name for name in labels()["sheet"] if name not in parts | known]
    assert len(idle) <= 4, idle
    assert label("column", "no.such") == ("no.such", "no.such")


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_becomes_a_formula(evil: str) -> None:
    for sheet in book_of(little(evil)):
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", cell.value
                if isinstance(cell.value, str) and cell.row > 2:
                    assert cell.quotePrefix
    for table in tables_of(little(evil)):
        for row in csv.reader(io.StringIO(to_csv(table).decode("utf-8-sig"))):
            assert not [c for c in row if c.strip(" ").startswith(FORMULA) and not _number(c)], row


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_text_that_no_workbook_can_hold_is_made_fit() -> None:
    text = "a\x00b\x0bc\ufffe" + "长" * 40000
    sheet = next(s for s in book_of(little(text)) if s["A1"].value == "编号")
    assert len(sheet.cell(3, 2).value) <= 32767


def test_csv_is_for_excel_and_says_what_is_withheld() -> None:
    lines = next(t for t in tables_of(little()) if t.id == "lines")
    content = to_csv(lines)
    assert content.startswith(b"\xef\xbb\xbf")
    head, first, second = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    row, other = dict(zip(head, first, strict=True)), dict(zip(head, second, strict=True))
    assert row["学习时长 Study time"] == "5400.0"
    assert row["日期 Day"] == "2026-03-02"
    assert other["正确率 Accuracy"] == ""
    assert other["不列出 withheld"] == "accuracy"


def test_parquet_has_one_schema_and_the_definitions() -> None:
    frames = []
    for _, report in ALL:
        content = to_parquet(report)
        file = pq.read_table(io.BytesIO(content))
        assert file.schema.equals(SCHEMA)
        metadata = {k.decode(): v.decode() for k, v in file.schema.metadata.items() if k.startswith(b"xuejing.")}
        assert metadata["xuejing.rules"] == report.head.rules
        known = msgspec.json.decode(metadata["xuejing.definitions"])
        assert known.keys() == set(metrics_used(report))
        assert set(file["metric"].to_pylist()) <= known.keys()
        frames.append(pl.read_parquet(io.BytesIO(content)))
    assert pl.concat(frames).height > 1000


@pytest.mark.parametrize(("kind", "report"), ALL[::5], ids=lambda v: v if isinstance(v, str) else "")
def test_parquet_has_every_figure_of_the_context(kind: str, report: Any) -> None:
    rows = pl.read_parquet(io.BytesIO(to_parquet(report)))
    wanted = {(f.metric_id, f.value, f.x, f.n, f.hidden) for f in figures(report)}
    found = set(rows.select("metric", "value", "x", "n", "withheld").iter_rows())
    assert wanted <= found
    assert rows.filter(pl.col("withheld") & pl.col("value").is_not_null()).height == 0
    assert set(rows["unit"]) == {METRICS[m].unit for m in rows["metric"]}


def test_workbook_has_the_values_of_the_context() -> None:
    report = KINDS["group"]
    courses = next(t for t in tables_of(report) if t.id == "courses")
    column = next(i for i, c in enumerate(courses.columns) if c.metric == "study_seconds")
    assert [row[column] for row in courses.rows] == [line.study.value for line in report.courses]


def test_nothing_withheld_is_in_any_file() -> None:
    hidden = typed(Sheet("lines", ("a",), ({"a": withheld("accuracy")}, {"a": share("accuracy", 1, 2)})))
    assert [row[0] for row in hidden.rows] == [WITHHELD, 0.5]
    assert [row[1] for row in hidden.rows] == [None, 1]


def test_the_same_report_gives_the_same_bytes() -> None:
    for report in (KINDS["member"], KINDS["group"]):
        tables = tables_of(report)
        assert to_workbook(tables, "题", MOMENT) == to_workbook(tables, "题", MOMENT)
        assert to_workbook(tables, "题", MOMENT + timedelta(days=1)) != to_workbook(tables, "题", MOMENT)
        assert to_parquet(report) == to_parquet(report)
    properties = openpyxl.load_workbook(io.BytesIO(to_workbook(tables, "题", MOMENT))).properties
    assert (properties.title, properties.creator) == ("题", None)
    assert properties.modified == properties.created == MOMENT.replace(tzinfo=None)
