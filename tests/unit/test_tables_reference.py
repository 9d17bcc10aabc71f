"""Rosters and catalogues from folders and workbooks: found by name, read whole, refused with every error."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from producers.tables import TableErrors, inspect_reference, listing, read_reference
from schemas.errors import InputError
from schemas.reference import Course, Member, Organisation, ReferenceTables, Roster

ORGANISATIONS = "组织编号,上级组织编号,组织名称,组织类型\ntop,,学院党委,党委\nb1,top,第一支部,支部\n"
MEMBERS = "学号,姓名,所在支部,人员类别,职务,党员状态,转入日期,转出日期\n"


def folder(path: Path, encoding: str = "utf-8", **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.csv").write_bytes(text.encode(encoding))
    return path


def complaints(path: Path, **more: object) -> list[str]:
    with pytest.raises(TableErrors) as caught:
        read_reference(path, **more)  # type: ignore[arg-type]
    return [error.describe("en") for error in caught.value.errors]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_roster_in_chinese(tmp_path, encoding):
    rows = "0012,张三,b1,教师,书记,正式党员,,2025-03-01\n0012,张三,top,教师,,,2025/3/1,\n0013,李四,b1,学生,,预备,,\n"
    tables = read_reference(folder(tmp_path, encoding, 组织=ORGANISATIONS, 党员=MEMBERS + rows, 无关="a,b\n"))
    assert tables.present == {"organisations", "members"}
    assert tables.organisations[1] == Organisation(org_id="b1", parent_id="top", name="第一支部")
    assert tables.members[0] == Member(
        member_id="0012",
        name="张三",
        org_id="b1",
        category="staff",
        role="branch_secretary",
        valid_to=date(2025, 3, 1),
    )
    assert [member.status for member in tables.members] == ["full", "full", "probationary"]
    assert tables.lines["members"] == (2, 3, 4)
    roster = Roster(tables.organisations, tables.members)
    assert roster.org_of("0012", date(2025, 2, 28)) == "b1"
    assert roster.org_of("0012", date(2025, 3, 1)) == "top"


def test_a_workbook_and_a_folder_say_the_same(tmp_path):
    (tmp_path / "f").mkdir()
    members = MEMBERS + "0012,张三,b1,教师,书记,正式党员,,2025-03-01\n"
    book = openpyxl.Workbook()
    book.active.title = "封面"
    for name, text in (("Members", members), ("组织机构", ORGANISATIONS)):
        sheet = book.create_sheet(name)
        for line in text.splitlines():
            sheet.append([cell or None for cell in line.split(",")])
        if name == "Members":
            sheet["H2"] = date(2025, 3, 1)
    book.save(tmp_path / "roster.xlsx")
    one = read_reference(tmp_path / "roster.xlsx")
    other = read_reference(folder(tmp_path / "f", organisations=ORGANISATIONS, members=members))
    assert (one.organisations, one.members) == (other.organisations, other.members)
    assert one.files == {"organisations": "roster.xlsx[组织机构]", "members": "roster.xlsx[Members]"}
    single = read_reference(tmp_path / "f" / "members.csv")
    assert (single.members, single.present) == (one.members, {"members"})


def test_times_of_a_catalogue_are_local(tmp_path):
    courses = "course_id,title,audience,assigned_at,due_at,credit_minutes\nc,课,学生;x,2025-03-30,2025-03-30,90\n"
    path = folder(tmp_path, courses=courses, members="member_id,org_id\nm,x\n")
    tables = read_reference(path, "Europe/Rome")
    assert tables.courses == (
        Course(
            course_id="c",
            title="课",
            audience=("student", "x"),
            assigned_at=datetime(2025, 3, 29, 23, tzinfo=UTC),
            due_at=datetime(2025, 3, 30, 22, tzinfo=UTC),
            credit_minutes=90,
        ),
    )


def test_every_error_of_every_table_with_file_line_column_value_and_rule(tmp_path):
    rows = (
        "1.2E+11,张三,b1,教师,,,,\n"  # 2
        "m1,王五,b9,宇航员,,,soon,\n"  # 3: category and date; the row is gone, so its organisation isn't judged
        "m2,赵六,b9,,,,,\n"  # 4
        "m3,钱七,b1,,,,2025-01-01,\n"  # 5
        "m3,钱七,b1,,,,,\n"  # 6
    )
    path = folder(tmp_path, organisations=ORGANISATIONS + "b2,nowhere,,,\n", members=MEMBERS + rows)
    found = complaints(path)
    assert [line.split(" ")[:3] for line in found] == [
        ["organisations.csv:4", "上级组织编号", '"nowhere"'],
        ["members.csv:2", "学号", '"1.2E+11"'],
        ["members.csv:3", "人员类别", '"宇航员"'],
        ["members.csv:3", "转入日期", '"soon"'],
        ["members.csv:4", "所在支部", '"b9"'],
        ["members.csv:6", "学号", '"m3"'],
    ]
    assert found[-1].endswith("periods of one id overlap: lines 5 and 6")


def test_one_mistake_is_one_message(tmp_path):
    broken = ORGANISATIONS + "b2,top,,飞船\n"
    path = folder(tmp_path, organisations=broken, members=MEMBERS + "m,,b2,,,,,\n")
    assert [line.split(" ")[0] for line in complaints(path)] == ["organisations.csv:4"]


def test_known_rows_may_be_referred_to(tmp_path):
    path = folder(tmp_path, members="member_id,org_id\nm,b1\nn,b2\n")
    known = ReferenceTables(organisations=(Organisation(org_id="b1"),))
    assert [line.split(" ")[0] for line in complaints(path, known=known)] == ["members.csv:3"]
    assert len(read_reference(path).members) == 2


def test_a_bad_header_is_an_error_among_the_others(tmp_path):
    path = folder(tmp_path, organisations="编码,名\n1,2\n", members="member_id,org_id\n1E+12,b\n")
    found = complaints(path)
    assert found[0].startswith("organisations.csv:1 header not recognised. Expected (* required): organisations:")
    assert '"编码", "名"' in found[0]
    assert found[1].startswith("members.csv:2 member_id")


def test_warnings_do_not_stop_an_import(tmp_path):
    closed = "org_id,valid_to\na,2024-01-01\n"
    path = folder(
        tmp_path, organisations=closed, members="member_id,org_id,电话\nm,a,1\n", units="unit_id,course_id,title\n"
    )
    found = inspect_reference(path)
    assert found.errors == ()
    assert [(w.file, w.line, w.value) for w in found.warnings] == [
        ("members.csv", 1, "电话"),
        ("units.csv", 1, ""),
        ("members.csv", 2, "a"),
    ]
    assert read_reference(path).present == {"organisations", "members", "units"}


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="no roster or catalogue table"):
        read_reference(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_reference(tmp_path / "missing.xlsx")
    folder(tmp_path, members="member_id,org_id\n", 成员="member_id,org_id\n")
    with pytest.raises(InputError, match=r"two tables of members: members\.csv, 成员\.csv"):
        read_reference(tmp_path)


@pytest.mark.parametrize("kind", ["file", "workbook"])
def test_a_file_holds_the_one_table_that_is_meant_whatever_it_is_called(tmp_path, kind):
    rows = [["素养编号", "名称", "课程编号"], ["history", "党史国史", "c1"]]
    path = tmp_path / f"c.{'csv' if kind == 'file' else 'xlsx'}"
    if kind == "file":
        path.write_text("\n".join(",".join(row) for row in rows), "utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.create_sheet("说明").append(["请删除示例行"])
        book.save(path)
    known = ReferenceTables(courses=(Course(course_id="c1", title="课"),))
    found = inspect_reference(path, known=known, wanted={"competences"})
    assert found.errors == ()
    assert found.tables.present == {"competences"}
    assert [row.competence_id for row in found.tables.competences] == ["history"]
    assert inspect_reference(path, known=known, wanted={"places"}).errors[0].rule.en.startswith("header not recognised")
    with pytest.raises(InputError) as caught:
        inspect_reference(path, wanted=("organisations", "members"))
    assert caught.value.hint == "name the files or sheets: organisations, members"
    with pytest.raises(InputError, match="no roster or catalogue table"):
        inspect_reference(tmp_path, wanted={"competences"})  # of a folder any file could be meant


def test_a_long_list_is_cut_and_counted(tmp_path):
    path = folder(tmp_path, members="member_id,org_id\n" + ",b\n" * 50)
    with pytest.raises(TableErrors) as caught:
        read_reference(path)
    assert len(caught.value.errors) == 50
    lines = str(caught.value).splitlines()
    assert any("30 more" in line for line in lines)
    assert len(lines) == 22
    assert listing(caught.value.errors[:3], "en").count("\n") == 2
