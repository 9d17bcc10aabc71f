"""What ``xuejing query`` writes: numbers exact, text safe in spreadsheets, bytes that are no text visible."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from rich.console import Console

from commands.as_of import parse_moment
from commands.context import day_of
from commands.query import FIRST, destination
from commands.reports import _moments
from commands.tabular import show
from reports.asking import ALL, category, selected
from reports.data import EVERYTHING, Period
from reports.formats.records import WRITERS, write_csv
from reports.issued.register import Issued, Series
from schemas.errors import InputError
from sinks.read import QUERIES

NOW = datetime(2026, 11, 24, 4, 0, 0, 5, UTC)
ZONE = ZoneInfo("Asia/Shanghai")
FRAME = pl.DataFrame(
    {
        "name": ["=1+1", "+a", "-b", "@c", "\td", "\re", "正常", 'q"u,o\nte'],
        "seconds": [0.001, 1234567.001, -1.5, None, 0.1, 2.0, 3.0, 4.0],
        "count": [-1, 2, 3, 4, 5, 6, 7, 8],
        "chosen": [["A", "C"], [], ["=x"], None, ["B"], ["B"], ["B"], ["B"]],
        "day": [date(2026, 3, 1)] * 8,
        "at": [datetime(2026, 3, 1, 16, 0, 0, 1000, UTC)] * 8,
        "raw": [b"\xff{", b"ok", b"", None, b"", b"", b"", b""],
        "right": [True, False, None, None, None, None, None, None],
    },
    schema_overrides={"at": pl.Datetime("ms", "UTC")},
)


def written(form: str, frames: Iterable[pl.DataFrame] = (FRAME,), **more: Any) -> bytes:
    out = io.BytesIO()
    (write_csv if form == "csv" else WRITERS[form])(frames, out, ZONE, **more)
    return out.getvalue()


def test_csv_escapes_formulas_in_text_only() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv").decode(), newline="")))
    assert [r["name"] for r in rows] == ["'=1+1", "'+a", "'-b", "'@c", "'\td", "'\re", "正常", 'q"u,o\nte']
    assert [r["seconds"] for r in rows[:4]] == ["0.001", "1234567.001", "-1.5", ""]
    assert [r["count"] for r in rows[:2]] == ["-1", "2"]
    assert [r["chosen"] for r in rows[:4]] == ["A;C", "", "'=x", ""]
    assert (rows[0]["day"], rows[0]["at"]) == ("2026-03-01", "2026-03-02T00:00:00.001+08:00")
    assert [r["raw"] for r in rows[:4]] == ["\\xff{", "ok", "", ""]
    assert [r["right"] for r in rows[:3]] == ["true", "false", ""]


def test_csv_of_nothing_has_its_header() -> None:
    assert written("csv", [FRAME.clear()]).decode().startswith("name,seconds,")
    assert written("csv", [FRAME.head(1)], bom=True).startswith("\ufeffname".encode())


def test_json_is_a_list_of_objects_and_ndjson_one_a_line() -> None:
    blocks = [FRAME.head(3), FRAME.clear(), FRAME.tail(5)]
    whole = json.loads(written("json", blocks))
    assert whole == [json.loads(line) for line in written("ndjson", blocks).splitlines()]
    assert (len(whole), whole[0]["seconds"], whole[0]["name"]) == (8, 0.001, "=1+1")
    assert whole[3]["chosen"] is None
    assert json.loads(written("json", [FRAME.clear()])) == []


def test_parquet_keeps_types_also_without_rows() -> None:
    found = pl.read_parquet(io.BytesIO(written("parquet", [FRAME.head(2), FRAME.clear(), FRAME.tail(6)])))
    assert found.equals(FRAME)
    assert pl.read_parquet(io.BytesIO(written("parquet", [FRAME.clear()]))).schema == FRAME.schema


def test_a_table_on_a_narrow_terminal_says_which_columns_it_left_out() -> None:
    out = io.StringIO()
    hidden = show(FRAME, Console(file=out, force_terminal=True, width=30, color_system=None), ZONE)
    assert hidden[-1] == "right"
    assert "name" in out.getvalue()
    assert "right" not in out.getvalue()
    assert "\t" not in out.getvalue()
    assert show(FRAME, Console(file=io.StringIO(), width=30), ZONE) == []

    whole = io.StringIO()
    assert show(FRAME.select("name", *[pl.lit("x" * 30).alias(f"column_{n}") for n in range(9)]), Console(file=whole),
                ZONE) == []  # fmt: skip
    head, first, *_ = whole.getvalue().splitlines()
    assert head.split() == ["name", *(f"column_{n}" for n in range(9))], "a pipe gets every column whole"
    assert first.count("x" * 30) == 9


def test_a_terminal_of_80_columns_has_the_hours_of_credit() -> None:
    assert set(FIRST) <= set(ALL)
    row = {"member_id": "m-00dc72c503", "year": 2026, "credit_kind": "self_study", "quota_hours": 56.125,
           "earned_hours": 37.649, "left_hours": 18.351, "state": "no_quota", "org_id": "o-undergraduate"}  # fmt: skip
    frame = pl.DataFrame([row]).select([*FIRST["credit"], "org_id"])
    assert set(FIRST["credit"]) < set(ALL["credit"].names)
    out = io.StringIO()
    assert show(frame, Console(file=out, force_terminal=True, width=80, color_system=None), ZONE) == ["org_id"]
    assert "37.649" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_the_register_lists_cut_offs_as_short_as_they_can_be_asked_for() -> None:
    autumn = datetime(2026, 10, 25, 0, 30, 5, 1, UTC)
    cut_offs = [autumn - timedelta(days=1), autumn, autumn + timedelta(hours=1), NOW, NOW + timedelta(seconds=1)]
    series = Series("group", "b1", EVERYTHING, Period(date(2026, 3, 1), date(2026, 3, 31)))
    zone = ZoneInfo("Europe/Berlin")
    listed = _moments([Issued(series, 1, c, c, "first", "r", "p", "h") for c in cut_offs], zone)
    assert [len(text) for text in listed] == [16, 32, 32, 32, 32]
    for text, cut_off in zip(listed, cut_offs, strict=True):
        first, end = parse_moment(text, zone)
        assert [c for c in cut_offs if first <= c < end] == [cut_off]


def test_a_day_that_is_none_is_said_with_an_example() -> None:
    assert day_of("--from")("2026-03-01") == datetime(2026, 3, 1)
    for text in ("2026-13-01", "tomorrow", "2026-02-30"):
        with pytest.raises(InputError, match=r"--from: .* is not a date .*e\.g\. 2026-03-31"):
            day_of("--from")(text)


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "x.csv"

    def interrupted() -> None:
        with destination(out) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with destination(out) as file:
        file.write(b"whole")
    assert out.read_bytes() == b"whole"
    with pytest.raises(InputError, match="can't write"), destination(tmp_path / "no" / "x"):
        pass


def test_categories_have_many_names_and_columns_one() -> None:
    assert [category(t) for t in ("staff", "教职工", "Student", "学生党员")] == ["staff", "staff", "student", "student"]
    with pytest.raises(InputError, match="no member category"):
        category("robot")
    assert selected(QUERIES["silent"], " org_id,kind ") == ["org_id", "kind"]
    with pytest.raises(InputError, match="no column nope"):
        selected(QUERIES["silent"], "nope")
