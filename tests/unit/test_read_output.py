"""What ``xuejing query`` writes: numbers exact, text safe in spreadsheets, bytes that are no text visible."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from rich.console import Console

from commands.query import category, destination, selected
from commands.tabular import WRITERS, show, write_csv
from schemas.errors import InputError
from sinks.read import QUERIES

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
