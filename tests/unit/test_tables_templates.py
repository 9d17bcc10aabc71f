"""Templates can be read back as they are, explain every column, and the documentation is fresh."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from producers.tables import (
    KINDS,
    TableError,
    TableEvent,
    TableWarning,
    inspect_reference,
    read_events,
    read_reference,
    write_template,
)
from producers.tables.markdown import tables_markdown
from schemas.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("zh", "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["study", "answers"])
def test_record_templates_are_read_back_the_same_from_both_formats(tmp_path, kind, language):
    found = []
    for suffix in ("csv", "xlsx"):
        (path,) = write_template(kind, tmp_path / f"t.{suffix}", language)
        items = list(read_events(path, "Asia/Shanghai"))
        assert not [item for item in items if isinstance(item, TableError)]
        found.append([item.body for item in items if isinstance(item, TableEvent)])
        forgotten = [item.line for item in items if isinstance(item, TableWarning)]
        assert forgotten == [2, 3], "example rows that were left in are warned of"
    assert found[0] == found[1]
    assert len(found[0]) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_reference_templates_fit_together(tmp_path, language):
    for kind in ("roster", "catalogue"):
        (book,) = write_template(kind, tmp_path / f"{kind}.xlsx", language)
        files = write_template(kind, tmp_path / "folder", language)
        assert [file.stem for file in files] == [table.name for table in KINDS[kind]]
        assert read_reference(book).present == {table.name for table in KINDS[kind]}
    whole = read_reference(tmp_path / "folder")
    forgotten = inspect_reference(tmp_path / "folder").warnings
    assert len(forgotten) == sum(len(whole.rows(name)) for name in whole.present)
    assert len(whole.present) == 7
    members = {member.member_id for member in whole.members}
    questions = {question.question_id for question in whole.questions}
    for kind in ("study", "answers"):
        (path,) = write_template(kind, tmp_path / f"{kind}.csv", language)
        for event in read_events(path, "Asia/Shanghai"):
            if isinstance(event, TableWarning):
                continue
            assert isinstance(event, TableEvent)
            assert event.member_id in members
            assert kind == "study" or any(question.encode() in event.body for question in questions)


@pytest.mark.parametrize("kind", KINDS)
def test_workbooks_explain_every_column_and_keep_ids_as_text(tmp_path, kind):
    for language, index in (("zh", 0), ("en", 1)):
        (path,) = write_template(kind, tmp_path / f"{kind}-{language}.xlsx", language)
        book = openpyxl.load_workbook(path)
        assert book.sheetnames == [*(table.title[index] for table in KINDS[kind]), ("说明", "Explanation")[index]]
        explained = {(row[0], row[1]) for row in book.worksheets[-1].iter_rows(values_only=True)}
        for table, sheet in zip(KINDS[kind], book.worksheets, strict=False):
            for number, column in enumerate(table.columns, start=1):
                assert (table.title[index], column.header[index]) in explained
                assert sheet.cell(1, number).value == column.header[index]
                assert sheet.cell(2, number).number_format == "@"
                assert sheet.column_dimensions[openpyxl.utils.get_column_letter(number)].number_format == "@"


def test_csv_opens_in_spreadsheets_with_its_chinese(tmp_path):
    (path,) = write_template("study", tmp_path / "学习.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_text(encoding="utf-8-sig").splitlines()[0].startswith("成员编号,课程编号,单元编号,开始时间")


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="one of: study, answers, attendance, dues, appraisal, roster, catalogue"):
        write_template("contest", tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"use a name in \.xlsx"):
        write_template("roster", tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"use a name in \.xlsx"):
        write_template("study", tmp_path / "a.pdf")
    (path,) = write_template("study", tmp_path / "a.csv")
    path.write_text("filled in", encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        write_template("study", path)
    assert path.read_text(encoding="utf-8") == "filled in"
    assert write_template("study", path, overwrite=True) == [path]


def test_documentation_is_fresh():
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == tables_markdown(), "run: python -m producers.tables.markdown > docs/tables.md"
