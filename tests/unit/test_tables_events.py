"""Study and answer tables as events: encodings, delimiters, headers, ids, and errors by line."""

from __future__ import annotations

import codecs
import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import msgspec
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.tables import RECORDS, TableError, TableEvent, TableWarning, is_table, read_events, write_template
from producers.tables import events as events_module
from producers.tables.family_layouts import OWN_FIELDS
from producers.tables.text_source import detect_encoding
from schemas.decode import Arrival, Position, decode_line
from schemas.errors import ConfigError, InputError
from schemas.families import FAMILIES

ZONE = "Asia/Shanghai"
NOW_MS = 4_102_444_800_000  # 2100-01-01
STUDY = "学号,课程编号,单元编号,开始时间,结束时间\n"
ANSWERS = "member_id,course_id,exam_id,question_id,submitted_at,seconds,response,correct,score,max_score\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def split(path: Path, tz: str = ZONE) -> tuple[list[TableEvent], list[TableError], list[TableWarning]]:
    items = list(read_events(path, tz))
    kinds = (TableEvent, TableError, TableWarning)
    assert all(isinstance(item, kinds) for item in items)
    return tuple([item for item in items if isinstance(item, kind)] for kind in kinds)  # type: ignore[return-value]


def bodies(path: Path, tz: str = ZONE) -> list[dict[str, object]]:
    found, errors, _ = split(path, tz)
    assert errors == []
    return [json.loads(event.body) for event in found]


def said(errors: list[TableError]) -> list[tuple[int, str, str]]:
    return [(error.line, error.column, error.value) for error in errors]


def test_a_study_row_is_an_interval_that_ends_at_occurred_at(tmp_path):
    path = write(tmp_path / "a.csv", STUDY + "0012,C1,U1,2025-03-10 19:30,2025-03-10 20:15\n")
    (body,) = bodies(path)
    event_id = body.pop("event_id")
    assert body == {
        "event_type": "study",
        "member_id": "0012",
        "course_id": "C1",
        "unit_id": "U1",
        "occurred_at": "2025-03-10T12:15:00.000Z",
        "duration_ms": 2_700_000,
    }
    # Ids must never change: a re-import in a later version has to give the same ones.
    said = (
        '{"event_type":"study","member_id":"0012","course_id":"C1","occurred_at":"2025-03-10T12:15:00.000Z",'
        '"duration_ms":2700000,"unit_id":"U1"}'
    )
    assert event_id == str(uuid5(UUID("8d0f3b1e-5c0a-5f53-9f5e-2f6c1b7a4d90"), said))


def test_an_answer_row(tmp_path):
    path = write(
        tmp_path / "a.csv",
        ANSWERS + "m,c,e,q,2025-03-10 19:30:01.5,4.25,A;c,否,,2\nm,c,,q2,2025-03-10T19:31:00Z,,words; here,,,\n",
    )
    first, second = bodies(path)
    said = (
        '{"event_type":"answer","member_id":"m","course_id":"c","occurred_at":"2025-03-10T11:30:01.500Z",'
        '"question_id":"q","exam_id":"e","duration_ms":4250,"response":["A","C"],"correct":false,'
        '"score":0.0,"max_score":2.0}'
    )
    assert first.pop("event_id") == str(uuid5(UUID("8d0f3b1e-5c0a-5f53-9f5e-2f6c1b7a4d90"), said))
    assert first == {
        "event_type": "answer",
        "member_id": "m",
        "course_id": "c",
        "exam_id": "e",
        "question_id": "q",
        "occurred_at": "2025-03-10T11:30:01.500Z",
        "duration_ms": 4250,
        "response": ["A", "C"],
        "correct": False,
        "score": 0.0,
        "max_score": 2.0,
    }
    assert second["response"] == "words; here"
    assert second["correct"] is None
    assert "score" not in second
    assert "exam_id" not in second


ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_give_the_same_events(tmp_path, encoding, delimiter):
    plain = STUDY + "党员一,课程,,2025-03-10 19:30,2025-03-10 20:15\n党员二,课程,,2025-03-10 19:30,2025-03-10 20:15\n"
    expected = bodies(write(tmp_path / "plain.csv", plain))
    assert bodies(write(tmp_path / "other.tsv", plain.replace(",", delimiter), encoding)) == expected
    assert bodies(write(tmp_path / "sep.txt", f"sep={delimiter}\r\n" + plain.replace(",", delimiter), encoding)) == (
        expected
    )


CELLS = st.text(
    st.characters(codec="gb18030", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cf", "Cn", "Co"]), min_size=1
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(CELLS.filter(lambda s: len(s) <= 64), CELLS), min_size=1, max_size=5), st.data())
def test_whatever_is_written_is_read_back(tmp_path, rows, data):
    encoding = data.draw(st.sampled_from(ENCODINGS))
    delimiter = data.draw(st.sampled_from([",", ";", "\t"]))
    newline = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerow(["作答", "学号", "课程编号", "题号", "提交时间", "是否正确"])
    for member, response in rows:
        writer.writerow([response, member, "c", "q", "2025-03-10 19:30", "是"])
    path = write(tmp_path / "t.csv", out.getvalue(), encoding)
    found, errors, _ = split(path)
    lines = {error.line for error in errors}
    kept = [row for index, row in enumerate(rows, start=2) if index not in lines]
    assert [(event.member_id, event.line) for event in found] == [
        (member, line) for line, (member, _) in enumerate(rows, start=2) if line not in lines
    ]
    # What is refused is refused for what it says, never for how it was written.
    rules = ("turned this id", "formula error", "line breaks")
    assert all(any(rule in error.rule.en for rule in rules) for error in errors)
    for event, (_, response) in zip(found, kept, strict=True):
        answer = json.loads(event.body)["response"]
        assert answer == response or "".join(answer) == "".join(sorted({c for c in response.upper() if c in "ABCDEF"}))


def test_every_event_passes_the_wire_contract(tmp_path):
    text = ANSWERS + "m,c,e,q,2025-03-10 19:30,1,A,1,1,1\n" + 'm,c,,q,2025-03-11 00:00:00,,"a\nb",0,,\n'
    study = STUDY + "m,c,u,2025-03-10 19:30,2025-03-10 19:30\n"
    for path in (write(tmp_path / "a.csv", text), write(tmp_path / "s.csv", study)):
        for event in split(path)[0]:
            verdict = decode_line(event.body, Position("k", "t", 0, 0, 0), NOW_MS)
            assert isinstance(verdict, Arrival), verdict
            assert str(verdict.event.event_id) == event.event_id
            assert verdict.event.member_id == event.member_id
            assert b"\n" not in event.body


def test_ids_depend_on_what_a_row_says_and_not_on_how(tmp_path):
    one = write(tmp_path / "one.csv", STUDY + "m,c,,2025-03-10 19:30,2025-03-10 20:00\n")
    other = write(
        tmp_path / "two.csv",
        "Minutes;Start;Course ID;Member ID;Unit ID;Device\n30;2025-03-10T11:30:00Z;c;m;;\n",
        "gb18030",
    )
    changed = write(tmp_path / "three.csv", STUDY + "m,c,,2025-03-10 19:30,2025-03-10 20:01\n")
    (a,), (b,), (c,) = split(one)[0], split(other, "Europe/Rome")[0], split(changed)[0]
    assert (a.event_id, a.body) == (b.event_id, b.body)
    assert c.event_id != a.event_id


def test_identical_rows_are_one_event_and_a_warning_says_so(tmp_path):
    row = "m,c,,2025-03-10 19:30,2025-03-10 20:00\n"
    found, errors, warnings = split(write(tmp_path / "a.csv", STUDY + row + "n" + row[1:] + row + row))
    assert errors == []
    assert len({event.event_id for event in found}) == 2
    assert len(found) == 4
    (warning,) = warnings
    assert warning.line == 4
    assert "2 row(s) repeat an earlier row" in warning.rule.en


def test_repeats_are_watched_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(events_module, "REMEMBERED", 1)
    row = "{},c,,2025-03-10 19:30,2025-03-10 20:00\n"
    text = STUDY + "".join(row.format(m) for m in "abab")
    assert "1 row(s)" in split(write(tmp_path / "a.csv", text))[2][0].rule.en


def test_all_errors_are_collected_with_their_lines(tmp_path):
    text = (
        "我的学习表,,,,\n"
        "\n" + STUDY + "1.23E+11,C1,,昨天,2025-03-10 20:15\n"  # line 4: two errors
        ",C1,,2025-03-10 19:30,2025-03-10 20:15\n"  # 5: member missing
        'm,"a\nb",,2025-03-10 19:30,2025-03-10 20:15\n'  # 6-7: one record over two lines
        "m,C1,,2025-03-10 19:30,2025-03-10 19:15\n"  # 8: ends before it starts
        "m,C1,,2025-03-10 19:30,\n"  # 9: neither end nor minutes
        "m,C1,,1999-12-31 19:30,1999-12-31 19:40\n"  # 10: before the contract's range
        "m,C1,,2025-03-10 19:30,2025-03-10 20:15,oops\n"  # 11: one cell too many
        ",,,,\n"
        "ok,C1,,2025-03-10 19:30,2025-03-10 20:15\n"
    )
    found, errors, _ = split(write(tmp_path / "表.csv", text))
    assert [(event.member_id, event.line) for event in found] == [("ok", 13)]
    assert said(errors) == [
        (4, "学号", "1.23E+11"),
        (4, "开始时间", "昨天"),
        (5, "学号", ""),
        (6, "课程编号", "a\nb"),
        (8, "结束时间", "2025-03-10 19:15"),
        (9, "结束时间", ""),
        (10, "开始时间", "1999-12-31 19:30"),
        (11, "", "oops"),
    ]
    assert errors[3].describe("en") == '表.csv:6 课程编号 "a\\nb" an id holds no line breaks or tabs'
    assert errors[0].describe().startswith('表.csv:4 学号 "1.23E+11" 编号被电子表格变成了数字')


def test_end_and_minutes_must_agree(tmp_path):
    head = "member_id,course_id,start,end,minutes\n"
    rows = (
        "m,c,2025-03-10 19:30,2025-03-10 20:00,31\nm,c,2025-03-10 19:30,2025-03-10 20:00,32\nm,c,2025-03-10 19:30,,15\n"
    )
    found, errors, _ = split(write(tmp_path / "a.csv", head + rows))
    assert [json.loads(event.body)["duration_ms"] for event in found] == [1_800_000, 900_000]
    assert said(errors) == [(3, "minutes", "32")]


def test_scores_fit_their_maximum(tmp_path):
    head = ANSWERS.replace("seconds,response,", "")
    rows = "m,c,e,{},2025-03-10 19:30,{},{},{}\n"
    cases = [("1", "", ""), ("0", "", "5"), ("", "", "5"), ("1", "5", ""), ("1", "6", "5"), ("0", "2.5", "5")]
    path = write(tmp_path / "a.csv", head + "".join(rows.format(i, *case) for i, case in enumerate(cases)))
    found, errors, _ = split(path)
    scores = [json.loads(event.body) for event in found]
    assert [body.get("score") for body in scores] == [None, 0.0, None, 2.5]
    assert [(error.line, error.rule.en) for error in errors] == [
        (5, "above 1 needs max_score"),
        (6, "is above max_score"),
    ]


def test_an_unclosed_quote_costs_its_row_and_not_the_file(tmp_path):
    good = "m,c,,2025-03-10 19:30,2025-03-10 20:15\n"
    text = STUDY + good + '"m,c,,2025-03-10 19:30,2025-03-10 20:15\n' + good.replace("m", "n") * 2000 + good
    found, errors, _ = split(write(tmp_path / "a.csv", text))
    assert len(errors) == 1
    assert errors[0].line == 3
    assert "check the quotes" in errors[0].rule.en
    assert found[0].line == 2
    assert found[-1].line == 2004
    at_end = STUDY + good + '"m,c'
    assert [error.line for error in split(write(tmp_path / "b.csv", at_end))[1]] == [3]


def test_odd_bytes_are_an_error_of_their_cell(tmp_path):
    rows = "党,c,,2025-03-10 19:30,2025-03-10 20:15\n".encode("gb18030")
    path = tmp_path / "a.csv"
    path.write_bytes(STUDY.encode("gb18030") + b"\xff" + rows + rows)
    found, errors, _ = split(path)
    assert [event.line for event in found] == [3]
    assert errors[0].line == 2
    assert "invalid in the file's encoding" in errors[0].rule.en


def test_damaged_utf8_is_not_read_as_something_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes((STUDY + "党" * 30).encode() + b"\xff\n")
    with pytest.raises(InputError, match=f"byte {len((STUDY + '党' * 30).encode())}"):
        read_events(path, ZONE)


def test_encoding_is_judged_across_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("producers.tables.text_source._CHUNK", 7)
    text = "学号,课程编号\n" * 20
    for encoding, expected in (("utf-8", "utf-8-sig"), ("gb18030", "gb18030"), ("utf-16", "utf-16")):
        assert detect_encoding(write(tmp_path / "a.csv", text, encoding)) == expected
    path = tmp_path / "b.csv"
    path.write_bytes(text.encode() + b"\xe5\xad")
    with pytest.raises(InputError, match=f"byte {len(text.encode())}"):
        detect_encoding(path)


def test_a_header_that_does_not_fit_lists_expected_and_found(tmp_path):
    path = write(tmp_path / "a.csv", "学号,日期,内容\n1,2,3\n")
    with pytest.raises(InputError) as caught:
        read_events(path, ZONE)
    text = str(caught.value) + "".join(caught.value.words("zh"))
    for part in ("a.csv", "课程编号*", "开始时间", '"日期"', '"内容"', "lacks Course ID", "xuejing template"):
        assert part in text
    twice = write(tmp_path / "b.csv", "学号,工号,课程编号,开始时间,结束时间\n")
    with pytest.raises(InputError, match='"学号" and "工号"'):
        read_events(twice, ZONE)
    neither = write(tmp_path / "c.csv", "学号,课程编号,开始时间\n")
    with pytest.raises(InputError, match="Minutes"):
        read_events(neither, ZONE)


def test_files_that_are_no_tables(tmp_path):
    for name, content in (
        ("a.csv", b""),
        ("b.csv", b"\n \n"),
        ("c.xlsx", b"not a zip"),
        ("d.xls", b""),
        ("e.pdf", b""),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_events(tmp_path / name, ZONE)
    with zipfile.ZipFile(tmp_path / "f.xlsx", "w") as archive:
        archive.writestr("hello.txt", "x")
    for name in ("f.xlsx", "missing.csv"):
        with pytest.raises(InputError, match=name):
            read_events(tmp_path / name, ZONE)
    (tmp_path / "u.csv").write_bytes(codecs.BOM_UTF16_LE + b"a")
    with pytest.raises(InputError, match=r"u\.csv"):
        read_events(tmp_path / "u.csv", ZONE)
    with pytest.raises(ConfigError):
        read_events(write(tmp_path / "g.csv", STUDY), "Mars/Olympus")


def test_compressed_table_is_refused_and_not_taken_for_events(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="unpack it first"):
        read_events(path, ZONE)


def test_tables_are_known_by_their_names():
    assert all(is_table(Path(name)) for name in ("a.csv.gz", "b.XLSX.zst"))
    assert not is_table(Path("c.ndjson.gz"))
    assert [is_table(Path(name)) for name in ("a.csv", "A.XLSX", "b.tsv", "c.xls", "d.ndjson", "e.json.gz", "f")] == [
        *(True, True, True, True, False, False, False)
    ]


def test_unknown_columns_and_a_missing_verdict_are_warned_of(tmp_path):
    path = write(tmp_path / "a.csv", "学号,课程编号,题号,提交时间,心情\nm,c,q,2025-03-10 19:30,好\n")
    found, errors, warnings = split(path)
    assert len(found) == 1
    assert errors == []
    assert {warning.value for warning in warnings} == {"心情", ""}
    assert any("not graded" in warning.rule.en for warning in warnings)


def book(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_workbook_cells_have_types(tmp_path):
    start = datetime(2025, 3, 10, 19, 30)
    head = ["学号", "课程编号", "开始时间", "结束时间", "时长分钟"]
    rows: list[list[object]] = [
        ["成绩单"],
        head,
        ["0012", "C1", start, start + timedelta(minutes=45), None],
        ["0012", "C2", start, None, timedelta(minutes=45)],
        [],
        [20230001, "C1", start, None, 10.5],
        ["0012", "C1", 45726.8, None, 10],
        ["0012", "C1", "2025-03-10 20:30", None, 10.5],
    ]
    found, errors, warnings = split(
        book(tmp_path / "a.xlsx", {"三月": rows, "说明": [["请填写"]], "草稿": [["x"]], "空": []})
    )
    assert [event.line for event in found] == [3, 4, 8]
    assert [json.loads(event.body)["duration_ms"] for event in found] == [2_700_000, 2_700_000, 630_000]
    moment = datetime.fromisoformat(json.loads(found[0].body)["occurred_at"])
    assert moment == datetime(2025, 3, 10, 12, 15, tzinfo=UTC)
    assert said(errors) == [(6, "学号", "20230001"), (7, "开始时间", "45726.8")]
    assert errors[0].file == "a.xlsx[三月]"
    assert [warning.file for warning in warnings] == ["a.xlsx[草稿]"]


def test_a_workbook_may_hold_both_tables_and_a_wrong_extent(tmp_path):
    study: list[list[object]] = [["学号", "课程编号", "开始时间", "时长分钟"], ["m", "c", "2025-03-10 19:30", 5]]
    answers: list[list[object]] = [
        ["学号", "课程编号", "题号", "提交时间", "是否正确"],
        ["m", "c", "q", "2025-03-10 19:30", True],
    ]
    path = book(tmp_path / "a.xlsx", {"一": study, "二": answers})
    assert [event.event_type for event in split(path)[0]] == ["study", "answer"]
    # Some exporters declare the extent A1 for any sheet.
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert b'<dimension ref="A1:E2"' in parts["xl/worksheets/sheet2.xml"]
    parts["xl/worksheets/sheet2.xml"] = parts["xl/worksheets/sheet2.xml"].replace(b'ref="A1:E2"', b'ref="A1"')
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert [event.event_type for event in split(tmp_path / "b.xlsx")[0]] == ["study", "answer"]


def test_reading_streams(tmp_path):
    path = tmp_path / "big.csv"
    row = "m,c,,2025-03-10 19:30,2025-03-10 20:15\n"
    path.write_text(STUDY + row * 20_000, encoding="utf-8")
    stream = read_events(path, ZONE)
    first = next(stream)
    assert isinstance(first, TableEvent)
    path.write_text(STUDY, encoding="utf-8")  # the rest was not in memory
    assert sum(1 for _ in stream) < 19_999


SIGN_IN = "工号,会议名称,会议类型,签到时间,签退时间,签到方式,是否补学\n"


def test_a_sign_in_table(tmp_path):
    path = write(tmp_path / "a.csv", SIGN_IN + "0012,三月党课,党课,2025-03-12 14:00,2025-03-12 15:30,扫码,是\n")
    (body,) = bodies(path)
    event_id = body.pop("event_id")
    assert body == {
        "event_type": "attendance",
        "member_id": "0012",
        "occurred_at": "2025-03-12T06:00:00.000Z",
        "session_id": "三月党课",
        "meeting": "party_lecture",
        "method": "code",
        "duration_ms": 5_400_000,
        "make_up": True,
    }
    said = (
        '{"event_type":"attendance","member_id":"0012","occurred_at":"2025-03-12T06:00:00.000Z",'
        '"session_id":"三月党课","meeting":"party_lecture","method":"code","duration_ms":5400000,"make_up":true}'
    )
    assert event_id == str(uuid5(UUID("8d0f3b1e-5c0a-5f53-9f5e-2f6c1b7a4d90"), said))


def test_what_a_card_reader_exports_is_one_record_a_touch(tmp_path):
    text = "学号\t场次\t类型\t刷卡时间\t设备\n"
    text += "".join(f"S1\tL3\t主题党日\t2025-03-12 {at}\t门2\n" for at in ("14:00:05", "15:31:00"))
    first, second = bodies(write(tmp_path / "a.txt", text, "gb18030"))
    assert (first["meeting"], first["device_id"], "duration_ms" in first, "method" in first) == (
        "theme_day", "门2", False, False,
    )  # fmt: skip
    assert second["occurred_at"] == "2025-03-12T07:31:00.000Z"
    assert first["event_id"] != second["event_id"]


def test_what_is_wrong_with_a_sign_in_row(tmp_path):
    rows = (
        "1,L,党课,2025-03-12 14:00,2025-03-12 13:00,,\n"
        "2,L,聚餐,2025-03-12 14:00,,,\n"
        "3,L,党课,2025-03-12 14:00,,刷脸,\n"
    )  # fmt: skip
    found, errors, _ = split(write(tmp_path / "a.csv", SIGN_IN + rows))
    assert found == []
    assert [(line, column) for line, column, _ in said(errors)] == [(2, "签退时间"), (3, "会议类型"), (4, "签到方式")]


def test_a_table_of_dues(tmp_path):
    rows = "0012,2025-03,已缴,2025-03-12\n0013,2025-03,免交,2025-03-12 09:30\n"
    first, second = bodies(write(tmp_path / "党费.csv", "工号,月份,是否交纳,交纳日期\n" + rows))
    event_id = first.pop("event_id")
    assert first == {
        "event_type": "dues",
        "member_id": "0012",
        "occurred_at": "2025-03-11T16:00:00.000Z",
        "due_id": "2025-03",
        "status": "paid",
    }
    said = (
        '{"event_type":"dues","member_id":"0012","occurred_at":"2025-03-11T16:00:00.000Z",'
        '"due_id":"2025-03","status":"paid"}'
    )
    assert event_id == str(uuid5(UUID("8d0f3b1e-5c0a-5f53-9f5e-2f6c1b7a4d90"), said))
    assert (second["status"], second["occurred_at"]) == ("exempt", "2025-03-12T01:30:00.000Z")


def test_a_table_of_appraisals(tmp_path):
    rows = "1,2025,党员互评,2025-12-10\n2,2025,优秀,2025-12-10\n3,2025,,2025-12-10\n"
    found, errors, _ = split(write(tmp_path / "a.csv", "学号,年度,环节,完成日期\n" + rows))
    assert [json.loads(event.body)["stage"] for event in found] == ["peers"]
    assert [(line, column) for line, column, _ in said(errors)] == [(3, "环节"), (4, "环节")]


@pytest.mark.parametrize("table", OWN_FIELDS)
def test_rows_of_a_family_are_events_that_decode(tmp_path, table):
    names = {column.name for column in RECORDS[table].columns}
    family = FAMILIES[table]
    assert set(OWN_FIELDS[table]) == set(family.fields) - {"course_id"} <= names
    (path,) = write_template(table, tmp_path / "t.csv")
    for event in read_events(path, ZONE):
        if isinstance(event, TableEvent):
            assert type(msgspec.json.decode(event.body, type=family.event)) is family.event
    assert sum(isinstance(event, TableEvent) for event in read_events(path, ZONE)) == 2
