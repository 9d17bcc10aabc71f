"""One cell at a time: what is accepted, and what is refused with which rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.tables.cells import CellError, parse
from producers.tables.layouts import ANSWERS, STUDY
from producers.tables.moments import NotAMoment, to_date, to_instant
from schemas.reference import TABLES, Column, Text

SHANGHAI, ROME = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Rome")


def column(kind: str, **more: object) -> Column:
    return Column(kind=kind, header=Text("列", "c"), description=Text("列", "c"), **more)  # type: ignore[arg-type]


def refused(column: Column, raw: object) -> str:
    with pytest.raises(CellError) as caught:
        parse(column, raw, SHANGHAI)  # type: ignore[arg-type]
    assert caught.value.rule.zh != caught.value.rule.en
    return caught.value.rule.en


@pytest.mark.parametrize("raw", ["0012", " 0012\u3000", "2E3", "1.0", "2.10", "工-7", "x" * 64, "2025-03-01"])
def test_ids_are_kept_as_written(raw):
    assert parse(column("id"), raw, SHANGHAI) == raw.strip()


@pytest.mark.parametrize("raw", ["1.2E+11", "1E+05", "1.23e+12", "20230001.0", "1,5E+10"])
def test_text_that_a_spreadsheet_made_of_an_id_is_refused(raw):
    assert "turned this id into a number" in refused(column("id"), raw)


@pytest.mark.parametrize("raw", [20230001, 20230001.0, 1.23e12, True])
def test_number_cells_are_no_ids(raw):
    assert "number cell" in refused(column("id"), raw)
    assert "number cell" in refused(column("ids"), raw)


def test_other_bad_ids():
    assert "date or time cell" in refused(column("id"), datetime(2025, 3, 1))
    assert "64" in refused(column("id"), "x" * 65)
    assert "line breaks" in refused(column("id"), "a\nb")
    assert "control" in refused(column("id"), "a\x00b")
    assert "invalid in the file's encoding" in refused(column("id"), "a\udc80")
    assert "formula error" in refused(column("text"), "#REF!")


@pytest.mark.parametrize("raw", [None, "", "  ", "\u3000", "\ufeff"])
@pytest.mark.parametrize("kind", ["id", "ids", "text", "integer", "boolean", "date", "time", "audience"])
def test_blank_cells_are_absent(kind, raw):
    assert parse(column(kind), raw, SHANGHAI) is None


def test_lists():
    assert parse(column("ids"), "a; b；a;", SHANGHAI) == ("a", "b")
    assert parse(column("audience"), "教师;学生;branch-1", SHANGHAI) == ("staff", "student", "branch-1")
    assert parse(column("audience"), "全体", SHANGHAI) == parse(column("audience"), "all", SHANGHAI) == ()


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [("category", "教师", "staff"), ("category", "Student", "student"), ("role", "支部书记", "branch_secretary"),
     ("status", "预备党员", "probationary"), ("status", "full", "full")],
)  # fmt: skip
def test_choices_by_any_of_their_names(name, raw, code):
    assert parse(TABLES["members"].column(name), raw, SHANGHAI) == code


def test_a_choice_outside_the_list_names_the_list():
    rule = refused(TABLES["members"].column("category"), "宇航员")
    assert rule == "must be one of staff, student, retired, other"


@pytest.mark.parametrize("raw", ["是", "对", "1", 1, 1.0, True, "TRUE", "yes", "√", "正确", "Ｙ"])
def test_right(raw):
    assert parse(ANSWERS.column("correct"), raw, SHANGHAI) is True


@pytest.mark.parametrize("raw", ["否", "错", "0", 0, False, "false", "N", "×", "错误"])
def test_wrong(raw):
    assert parse(ANSWERS.column("correct"), raw, SHANGHAI) is False


@pytest.mark.parametrize("raw", ["maybe", 2, "半对", "10"])
def test_neither(raw):
    assert "right/wrong" in refused(ANSWERS.column("correct"), raw)


def test_numbers():
    assert parse(column("integer"), "３", SHANGHAI) == 3
    assert parse(column("integer"), 3.0, SHANGHAI) == 3
    assert parse(column("number"), "-0.5", SHANGHAI) == -0.5
    assert parse(STUDY.column("minutes"), "10.5", SHANGHAI) == 630_000
    assert parse(STUDY.column("minutes"), 0.1, SHANGHAI) == 6_000
    assert parse(STUDY.column("minutes"), timedelta(hours=25), SHANGHAI) == 90_000_000
    assert parse(STUDY.column("minutes"), time(0, 45), SHANGHAI) == 2_700_000
    assert parse(ANSWERS.column("seconds"), "18.25", SHANGHAI) == 18_250


@pytest.mark.parametrize("raw", ["x", "nan", "inf", "1,5", "1e400x", True, datetime(2025, 1, 1)])
def test_not_a_number(raw):
    assert "number" in refused(column("number"), raw)


def test_bounds():
    assert refused(ANSWERS.column("attempt"), "0") == "must be at least 1"
    assert refused(ANSWERS.column("attempt"), "1.5") == "must be a whole number"
    assert refused(ANSWERS.column("attempt"), "1e30") == "must be at most 1e+06"
    assert refused(column("integer"), "1e30") == "must be a whole number"
    assert refused(STUDY.column("minutes"), -1) == "must be at least 0"
    assert refused(ANSWERS.column("response"), "x" * 4097) == "has at most 4096 characters"


@pytest.mark.parametrize(
    "raw",
    ["2025-03-01", "2025/3/1", "2025.3.1", "2025年3月1日", "20250301", "２０２５-3-1", "2025-03-01 00:00",
     datetime(2025, 3, 1), date(2025, 3, 1)],
)  # fmt: skip
def test_dates(raw):
    assert to_date(raw) == date(2025, 3, 1)


@pytest.mark.parametrize("raw", ["3/1/2025", "2025-02-30", "1899-12-31", "2101-01-01", "2025-03-01 08:00", "soon"])
def test_not_dates(raw):
    with pytest.raises(NotAMoment):
        to_date(raw)


@pytest.mark.parametrize(
    "raw",
    ["2025-03-01 19:30:00", "2025/3/1 19:30", "2025-03-01T19:30:00.000", "2025年3月1日 19时30分", "2025年3月1日19:30",
     "2025-03-01T11:30Z", "2025-03-01T12:30:00+01:00", "2025-03-01 19:30:00+0800", datetime(2025, 3, 1, 19, 30)],
)  # fmt: skip
def test_instants(raw):
    assert to_instant(raw, SHANGHAI) == datetime(2025, 3, 1, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize("raw", ["2025-03-01", "19:30", "2025-03-01 25:00", "2025-03-01 19:305", "2025-03-01 8:30 PM"])
def test_not_instants(raw):
    with pytest.raises(NotAMoment):
        to_instant(raw, SHANGHAI)


def test_a_time_that_happens_twice_is_the_first_and_one_that_clocks_skip_is_refused():
    assert to_instant("2025-10-26 02:30", ROME) == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    assert to_instant("2025-10-26 02:30+01:00", ROME) == datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    with pytest.raises(NotAMoment) as caught:
        to_instant("2025-03-30 02:30", ROME)
    assert "Europe/Rome" in caught.value.rule.en


def test_a_day_alone_begins_or_ends():
    for raw in ("2025-03-30", datetime(2025, 3, 30), date(2025, 3, 30)):
        assert to_instant(raw, ROME, "first") == datetime(2025, 3, 29, 23, tzinfo=UTC)
        assert to_instant(raw, ROME, "last") == datetime(2025, 3, 30, 22, tzinfo=UTC)
    # Clocks skipped midnight: the day begins at 01:00 local, 03:00 UTC.
    assert to_instant("2018-11-04", ZoneInfo("America/Sao_Paulo"), "first") == datetime(2018, 11, 4, 3, tzinfo=UTC)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1)), st.sampled_from([SHANGHAI, ROME]))
def test_any_spelling_of_an_instant_is_the_same_instant(moment, zone):
    instant = moment.replace(tzinfo=UTC)
    local = instant.astimezone(zone)
    assert to_instant(local.isoformat(), zone) == instant
    assert to_instant(instant.isoformat().replace("+00:00", "Z"), zone) == instant
    naive = local.replace(tzinfo=None)
    if local.fold == 0:
        assert to_instant(naive.isoformat(" "), zone) == to_instant(naive, zone) == instant


@given(st.text(max_size=40))
def test_no_text_breaks_a_parser(text):
    for table in (STUDY, ANSWERS, *TABLES.values()):
        for each in table.columns:
            try:
                parse(each, text, ROME)
            except CellError:
                continue  # the only way out; anything else fails the test
