"""From one cell, as a file or a spreadsheet holds it, to a typed value: pure, every refusal with its rule."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from producers.tables.moments import NotAMoment, to_date, to_instant
from schemas.reference import MEMBER_CATEGORIES, Column, Text, normalise

Raw = str | int | float | bool | datetime | date | time | timedelta | None
"""What a cell may hold. CSV cells are text; XLSX cells have types."""

Value = str | int | float | bool | datetime | date | tuple[str, ...]

_BLANK = " \t\r\n\f\v\u00a0\u3000\ufeff\u200b"
# What Excel writes for a long number: "1.23E+12". A sign is required, so that a class code 2E3 stays an id.
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE][+-]\d+")
# What a float column of other programs looks like. Short ones may be chapter numbers such as 2.0.
_FLOATED = re.compile(r"\d{3,}\.0+")
_EXCEL_ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"))
_TRUE = frozenset(map(normalise, ("1", "true", "t", "yes", "y", "right", "correct", "是", "对", "正确")))
_FALSE = frozenset(map(normalise, ("0", "false", "f", "no", "n", "wrong", "incorrect", "否", "错", "错误")))
_TICKS, _CROSSES = frozenset("√✓✔"), frozenset("×✗✘")
_EVERYONE = frozenset(map(normalise, ("all", "everyone", "全体", "全部", "所有人")))
_CATEGORY = {
    normalise(spelling): choice.code
    for choice in MEMBER_CATEGORIES
    for spelling in (choice.code, *choice.title, *choice.aliases)
}

ID_LENGTH = 64


class CellError(Exception):
    """A cell breaks a rule; caught where the line is known, never seen outside this package."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.rule = Text(zh, en)


def as_text(raw: Raw) -> str:
    """A cell as a person reads it, trimmed; empty for an empty cell."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw.strip(_BLANK)
    if isinstance(raw, bool):
        return "TRUE" if raw else "FALSE"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 1e15:
        return str(int(raw))
    return str(raw)


def parse(column: Column, raw: Raw, zone: ZoneInfo) -> Value | None:
    """The value of a cell, None when it is empty. Raises CellError.

    ``zone`` is the organisation's, for times without an offset; instants are returned in UTC.
    """
    text = as_text(raw)
    if not text:
        return None
    if isinstance(raw, str):
        if text in _EXCEL_ERRORS:
            raise CellError("单元格是公式错误", "the cell holds a formula error")
        _check_characters(text)
    return _PARSERS[column.kind](column, raw, text, zone)


def _check_characters(text: str) -> None:
    for character in text:
        if (character < " " and character not in "\t\r\n") or character == "\x7f":
            raise CellError("含有控制字符", "holds a control character")
        if "\ud800" <= character <= "\udfff":
            raise CellError("含有无法按文件编码解读的字节", "holds bytes that are invalid in the file's encoding")


def _check_id(text: str) -> str:
    if len(text) > ID_LENGTH:
        raise CellError(f"编号最多 {ID_LENGTH} 个字符", f"an id has at most {ID_LENGTH} characters")
    if not text.isprintable():
        raise CellError("编号不能含换行或制表符", "an id holds no line breaks or tabs")
    if _SCIENTIFIC.fullmatch(text) or _FLOATED.fullmatch(text):
        raise CellError(
            "编号被电子表格变成了数字，数位可能已丢失；请把该列设为文本后从原系统重新导出",
            "a spreadsheet turned this id into a number and may have lost digits; "
            "set the column to text and export it again",
        )
    return text


def _id(_: Column, raw: Raw, text: str, __: ZoneInfo) -> str:
    if isinstance(raw, (bool, int, float)):
        raise CellError(
            "编号单元格是数字，前导零或末尾数位可能已丢失；请把该列设为文本后重新填写",
            "this id is a number cell and may have lost leading zeros or digits; "
            "set the column to text and enter it again",
        )
    if not isinstance(raw, str):
        raise CellError("编号单元格是日期或时间，请设为文本", "this id is a date or time cell; set it to text")
    return _check_id(text)


def _ids(column: Column, raw: Raw, text: str, zone: ZoneInfo) -> tuple[str, ...]:
    if not isinstance(raw, str):
        return (_id(column, raw, text, zone),)
    parts = (part.strip(_BLANK) for part in re.split("[;；]", text))
    return tuple(dict.fromkeys(_check_id(part) for part in parts if part))


def _text(column: Column, _: Raw, text: str, __: ZoneInfo) -> str:
    if column.max_length is not None and len(text) > column.max_length:
        limit = column.max_length
        raise CellError(f"最多 {limit} 个字符", f"has at most {limit} characters")
    return text


def _choice(column: Column, _: Raw, text: str, __: ZoneInfo) -> str:
    wanted = normalise(text)
    for choice in column.choices:
        if wanted in map(normalise, (choice.code, *choice.title, *choice.aliases)):
            return choice.code
    zh = "、".join(choice.title.zh for choice in column.choices)
    en = ", ".join(choice.code for choice in column.choices)
    raise CellError(f"应为：{zh}", f"must be one of {en}")


def _audience(column: Column, raw: Raw, text: str, zone: ZoneInfo) -> tuple[str, ...]:
    items = _ids(column, raw, text, zone)
    if any(normalise(item) in _EVERYONE for item in items):
        return ()
    return tuple(dict.fromkeys(_CATEGORY.get(normalise(item), item) for item in items))


def _decimal(raw: Raw, text: str) -> Decimal:
    if isinstance(raw, (bool, date, time, timedelta)):
        raise CellError("应为数字", "must be a number")
    try:
        value = Decimal(unicodedata.normalize("NFKC", text))
    except InvalidOperation:
        raise CellError("应为数字", "must be a number") from None
    if not value.is_finite():
        raise CellError("应为有限的数字", "must be a finite number")
    return value


def _bounded(column: Column, value: Decimal) -> Decimal:
    if column.minimum is not None and value < Decimal(column.minimum):
        raise CellError(f"不能小于 {column.minimum:g}", f"must be at least {column.minimum:g}")
    if column.maximum is not None and value > Decimal(column.maximum):
        raise CellError(f"不能大于 {column.maximum:g}", f"must be at most {column.maximum:g}")
    return value


def _integer(column: Column, raw: Raw, text: str, _: ZoneInfo) -> int:
    value = _bounded(column, _decimal(raw, text))
    if value != value.to_integral_value() or value.adjusted() > 18:
        raise CellError("应为整数", "must be a whole number")
    return int(value)


def _number(column: Column, raw: Raw, text: str, _: ZoneInfo) -> float:
    return float(_bounded(column, _decimal(raw, text)))


def _milliseconds(column: Column, raw: Raw, text: str, unit: int) -> int:
    """A length in ``unit`` milliseconds, rounded to the millisecond; a duration cell is taken as it is."""
    if isinstance(raw, time):
        raw = timedelta(hours=raw.hour, minutes=raw.minute, seconds=raw.second, microseconds=raw.microsecond)
    if isinstance(raw, timedelta):
        value = Decimal(raw // timedelta(microseconds=1)) / (1000 * unit)
    else:
        value = _decimal(raw, text)
    return int((_bounded(column, value) * unit).to_integral_value())


def _minutes(column: Column, raw: Raw, text: str, _: ZoneInfo) -> int:
    return _milliseconds(column, raw, text, 60_000)


def _seconds(column: Column, raw: Raw, text: str, _: ZoneInfo) -> int:
    return _milliseconds(column, raw, text, 1000)


def _boolean(_: Column, raw: Raw, text: str, __: ZoneInfo) -> bool:
    if isinstance(raw, bool):
        return raw
    wanted = normalise(text)
    if wanted in _TRUE or text in _TICKS:
        return True
    if wanted in _FALSE or text in _CROSSES:
        return False
    raise CellError("应为 是/否、对/错、1/0 或空", "must be yes/no, right/wrong, 1/0, or empty")


def _date(_: Column, raw: Raw, text: str, __: ZoneInfo) -> date:
    try:
        return to_date(raw if isinstance(raw, date) else text)
    except NotAMoment as error:
        raise CellError(*error.rule) from None


def _instant(day: str) -> Callable[[Column, Raw, str, ZoneInfo], datetime]:
    def convert(_: Column, raw: Raw, text: str, zone: ZoneInfo) -> datetime:
        try:
            return to_instant(raw if isinstance(raw, date) else text, zone, day)
        except NotAMoment as error:
            raise CellError(*error.rule) from None

    return convert


_PARSERS: dict[str, Callable[[Column, Raw, str, ZoneInfo], Value]] = {
    "id": _id,
    "ids": _ids,
    "text": _text,
    "choice": _choice,
    "audience": _audience,
    "integer": _integer,
    "number": _number,
    "minutes": _minutes,
    "seconds": _seconds,
    "boolean": _boolean,
    "date": _date,
    "time": _instant("refused"),
    "start": _instant("first"),
    "deadline": _instant("last"),
}
