"""Empty tables for people to fill in: headers in one language, example rows, and an explanation."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from producers.tables.attendance_layout import ATTENDANCE
from producers.tables.examples import example, example_rows
from producers.tables.family_layouts import APPRAISAL, DUES
from producers.tables.issues import Unusable
from producers.tables.layouts import ANSWERS, STUDY
from schemas.reference import TABLES, Column, Language, Table, Text

_APART = ("organisations", "members", "exemptions", "quotas", "competences", "places")
KINDS: dict[str, tuple[Table, ...]] = {
    "study": (STUDY,),
    "answers": (ANSWERS,),
    "attendance": (ATTENDANCE,),
    "dues": (DUES,),
    "appraisal": (APPRAISAL,),
    "roster": (TABLES["organisations"], TABLES["members"]),
    "catalogue": tuple(table for name, table in TABLES.items() if name not in _APART),
    "credit": (TABLES["exemptions"], TABLES["quotas"]),
    "competences": (TABLES["competences"],),
    "places": (TABLES["places"],),
}
"""Tables of each template."""

EXPLANATION = Text("说明", "Explanation")
_TYPES: dict[str, Text] = {
    "id": Text("编号（文本）", "id (text)"),
    "ids": Text("编号，以 ; 分隔", "ids, joined by ';'"),
    "text": Text("文字", "text"),
    "choice": Text("选项", "one of a list"),
    "audience": Text("类别或组织，以 ; 分隔", "categories or organisations, joined by ';'"),
    "integer": Text("整数", "whole number"),
    "number": Text("数字", "number"),
    "minutes": Text("分钟", "minutes"),
    "seconds": Text("秒", "seconds"),
    "boolean": Text("是/否/空", "yes, no or empty"),
    "date": Text("日期", "date"),
    "time": Text("日期时间", "date and time"),
    "start": Text("日期或日期时间", "date, or date and time"),
    "deadline": Text("日期或日期时间", "date, or date and time"),
}
_NOTES = (
    Text("示例行请删除后再填写。", "Delete the example rows before you fill the table in."),
    Text("列的顺序不限，可省略非必填列。", "Columns may stand in any order; optional ones may be left out."),
    Text(
        "编号列已设为文本，请勿改为数字格式，否则前导零会丢失。",
        "Id columns are set to text; as numbers they would lose leading zeros.",
    ),
    Text(
        "日期年在前，如 2025-03-01；生效日期含当日，失效日期不含当日。",
        "Dates begin with the year, such as 2025-03-01; from is included, to is not.",
    ),
    Text(
        "不写时区的时间按组织所在时区解读。",
        "Times without an offset are read in the organisation's time zone.",
    ),
)


def type_name(column: Column, language: Language) -> str:
    """What a cell of the column holds, in a few words; the choices of a choice column by name."""
    if column.choices:
        return (" / ").join(choice.title.of(language) for choice in column.choices)
    return _TYPES[column.kind].of(language)


def write_template(kind: str, path: Path, language: Language = "zh", *, overwrite: bool = False) -> list[Path]:
    """Write the tables of ``kind`` (a key of ``KINDS``) and return the files written.

    ``path`` ends in .xlsx (a workbook with all tables and an explanation), in .csv (one table), or is a folder
    (one CSV a table). CSV files are UTF-8 with a mark, which spreadsheets need to show Chinese. Raises
    InputError for an unknown kind, an unsuitable name, and files that exist unless ``overwrite``.
    """
    tables = KINDS.get(kind)
    if tables is None:
        raise Unusable(
            Text(f"没有这种模板：{kind}", f"no such template: {kind}"),
            hint=Text(f"可选：{', '.join(KINDS)}", f"one of: {', '.join(KINDS)}"),
        )
    suffix = path.suffix.lower()
    writes: list[tuple[Path, Callable[[Path], None]]]
    if suffix == ".xlsx":
        writes = [(path, lambda file: _workbook(tables, language).save(file))]
    elif suffix == ".csv" and len(tables) == 1:
        writes = [(path, _csv_writer(tables[0], language))]
    elif suffix == "" or path.is_dir():
        writes = [(path / f"{table.name}.csv", _csv_writer(table, language)) for table in tables]
    else:
        raise Unusable(
            Text(f"模板 {kind} 有 {len(tables)} 张表", f"template {kind} has {len(tables)} table(s)"),
            where=str(path),
            hint=Text("请用 .xlsx 文件名或文件夹", "use a name in .xlsx, or a folder"),
        )
    existing = [str(file) for file, _ in writes if file.exists()]
    if existing and not overwrite:
        listed = ", ".join(existing)
        raise Unusable(
            Text(f"文件已存在：{listed}", f"exists already: {listed}"), hint=Text("换一个名称", "use another name")
        )
    for file, write in writes:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file)
    return [file for file, _ in writes]


def _csv_writer(table: Table, language: Language) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(column.header.of(language) for column in table.columns)
            writer.writerows(example_rows(table, language))

    return write


def _workbook(tables: Sequence[Table], language: Language) -> Any:
    book = Workbook()
    book.remove(book.active)
    for table in tables:
        _table_sheet(book.create_sheet(table.title.of(language)), table, language)
    _explanation_sheet(book.create_sheet(EXPLANATION.of(language)), tables, language)
    return book


def _table_sheet(sheet: Any, table: Table, language: Language) -> None:
    sheet.append([column.header.of(language) for column in table.columns])
    for cells in example_rows(table, language):
        sheet.append([cell or None for cell in cells])
    sheet.freeze_panes = "A2"
    for index, column in enumerate(table.columns, start=1):
        letter = get_column_letter(index)
        head = sheet.cell(1, index)
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="DDEBF7" if column.required else "F2F2F2")
        wide = max(len(cell.encode("gb18030")) for cell in (column.header.of(language), column.example))
        dimension = sheet.column_dimensions[letter]
        dimension.width = min(max(wide + 3, 12), 44)
        # Text, also for dates: what a person types is then what is read, without a spreadsheet's guesses.
        dimension.number_format = "@"
        for row in range(2, sheet.max_row + 1):
            sheet.cell(row, index).number_format = "@"
        if column.choices:
            titles = ",".join(choice.title.of(language) for choice in column.choices)
            validation = DataValidation(type="list", formula1=f'"{titles}"', allow_blank=True)
            validation.add(f"{letter}2:{letter}100000")
            sheet.add_data_validation(validation)


def _explanation_sheet(sheet: Any, tables: Sequence[Table], language: Language) -> None:
    headers = (
        Text("表", "Table"),
        Text("列", "Column"),
        Text("必填", "Required"),
        Text("内容", "Holds"),
        Text("含义", "Meaning"),
        Text("示例", "Example"),
        Text("字段名", "Field"),
    )
    for note in _NOTES:
        sheet.append([note.of(language)])
    sheet.append([])
    sheet.append([header.of(language) for header in headers])
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for table in tables:
        for column in table.columns:
            sheet.append(
                [
                    table.title.of(language),
                    column.header.of(language),
                    Text("是", "yes").of(language) if column.required else "",
                    type_name(column, language),
                    column.description.of(language),
                    example(column, 0, language),
                    column.name,
                ]
            )
    for letter, width in zip("ABCDEFG", (16, 22, 10, 34, 60, 24, 20), strict=True):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows(min_row=len(_NOTES) + 2):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
