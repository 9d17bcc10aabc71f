"""Tables of records as wire events, streamed: a row is one event, or all that is wrong with it.

Event ids are version 5 UUIDs over everything the event says. The same row in another file, language, column
order or time zone notation is therefore the same event: importing twice changes nothing, and two identical
rows of one file count once (a warning says so). A corrected row is another event; withdraw the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from producers.tables.attendance_layout import ATTENDANCE
from producers.tables.cells import as_text
from producers.tables.family_layouts import OWN_FIELDS
from producers.tables.headers import Header, explain
from producers.tables.issues import TableError, TableWarning, Unusable
from producers.tables.layouts import ANSWERS, STUDY
from producers.tables.records import RECORDS
from producers.tables.sheets import RawRows, Record, Sheet, find_header, open_sheets, read_records, zone_of
from schemas.events import FIRST_YEAR, LAST_YEAR
from schemas.reference import Text, option_letters

NAMESPACE = UUID("8d0f3b1e-5c0a-5f53-9f5e-2f6c1b7a4d90")
"""Namespace of ids derived from tables. Never changes: re-imports rely on it."""

REMEMBERED = 500_000
"""Events whose ids are remembered to warn of identical rows; about 100 bytes each."""

AGREEMENT_MS = 60_000
"""End − start and minutes may differ by this much: records often round to the minute."""

_MS = timedelta(milliseconds=1)
_encode = msgspec.json.Encoder().encode


class TableEvent(msgspec.Struct, frozen=True):
    """One event: where it stands, and the wire JSON (UTF-8, no line break) that is to be sent."""

    file: str
    line: int
    event_id: str
    member_id: str
    event_type: str
    body: bytes


class _RowError(Exception):
    """A rule over several cells of one row; ``column`` is the wire name."""

    def __init__(self, column: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.column, self.rule = column, Text(zh, en)


def read_events(path: Path, tz: ZoneInfo | str) -> Iterator[TableEvent | TableError | TableWarning]:
    """Events, errors and warnings of a table of records, in order; memory is bounded.

    A workbook may hold several such sheets. ``tz`` is the organisation's zone, for times without an offset.
    Raises InputError at once, before the first item, when the file can't be read or no sheet has a header of
    such a table; a row never raises.
    """
    stream = _stream(path, zone_of(tz))
    next(stream)  # runs up to the marker behind the checks of files and headers
    return stream


def _stream(path: Path, zone: ZoneInfo) -> Iterator[Any]:
    with ExitStack() as stack:
        found: list[tuple[Sheet, Header, RawRows]] = []
        ignored: list[tuple[Sheet, Text]] = []
        for sheet in stack.enter_context(open_sheets(path)):
            header, head, rows = find_header(RECORDS.values(), sheet.rows())
            if header is not None and header.usable and _complete(header):
                found.append((sheet, header, rows))
            else:
                ignored.append((sheet, explain(RECORDS.values(), header, head)))
        if not found:
            said = Text(
                "\n".join(f"{sheet.label}：{text.zh}" for sheet, text in ignored),
                "\n".join(f"{sheet.label}: {text.en}" for sheet, text in ignored),
            )
            raise Unusable(
                said if ignored else Text("没有可读取的工作表", "no readable sheet"),
                where=str(path),
                hint=Text(
                    f"xuejing template {'|'.join(RECORDS)} 可写出空白表",
                    f"xuejing template {'|'.join(RECORDS)} writes an empty table",
                ),
            )
        yield None
        for sheet, header, rows in found:
            yield from _events(sheet, header, rows, zone)
        for sheet, _ in ignored:
            if next(sheet.rows(), None) is not None and not _explanation(sheet.name):
                rule = Text(
                    "不是学习、答题、出勤等记录，已忽略",
                    "holds no records of study, answers, attendance or the like, ignored",
                )
                yield TableWarning(sheet.label, 0, "", "", rule)


def _explanation(name: str) -> bool:
    return name.casefold() in ("说明", "explanation")


def _complete(header: Header) -> bool:
    names = {column.name for column in header.columns.values()}
    return header.table is not STUDY or bool(names & {"end", "minutes"})


def _events(
    sheet: Sheet, header: Header, rows: RawRows, zone: ZoneInfo
) -> Iterator[TableEvent | TableError | TableWarning]:
    build: Callable[[dict[str, Any]], dict[str, Any]] = _BUILDS[header.table.name]
    kind = {ANSWERS.name: "answer"}.get(header.table.name, header.table.name)
    places = {column.name: index for index, column in header.columns.items()}
    repeats = _Repeats(sheet.label)
    if header.table is ANSWERS and "correct" not in places:
        rule = Text(
            "没有“是否正确”列，全部按尚未评阅处理",
            "there is no column Correct: every answer counts as not graded",
        )
        yield TableWarning(sheet.label, header.line, "", "", rule)
    for item in read_records(sheet, header, rows, zone):
        if not isinstance(item, Record):
            yield item
            continue
        try:
            body = build(item.values)
        except _RowError as error:
            place = places.get(error.column, -1)
            title = header.title(place) if place >= 0 else error.column
            value = as_text(item.cells[place]) if 0 <= place < len(item.cells) else ""
            yield TableError(sheet.label, item.line, title, value, error.rule)
            continue
        body = {"event_type": kind, **body}
        event_id = str(uuid5(NAMESPACE, _encode(body).decode()))
        repeats.see(event_id, item.line)
        yield TableEvent(
            sheet.label, item.line, event_id, body["member_id"], kind, _encode({"event_id": event_id, **body})
        )
    yield from repeats.warnings()


class _Repeats:
    """Counts identical rows of one sheet, as far as ``REMEMBERED`` reaches."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._first: dict[bytes, int] = {}
        self._count, self._example = 0, (0, 0)

    def see(self, event_id: str, line: int) -> None:
        key = bytes.fromhex(event_id[:8] + event_id[9:13] + event_id[14:18] + event_id[19:23])
        first = self._first.get(key)
        if first is not None:
            self._count += 1
            if self._count == 1:
                self._example = first, line
        elif len(self._first) < REMEMBERED:
            self._first[key] = line

    def warnings(self) -> Iterator[TableWarning]:
        if self._count:
            first, second = self._example
            rule = Text(
                f"{self._count} 行与前面的行完全相同，只计一次（如第 {first} 行与第 {second} 行）",
                f"{self._count} row(s) repeat an earlier row and count once (such as {first} and {second})",
            )
            yield TableWarning(self.label, second, "", "", rule)


def _floor(moment: datetime, column: str) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _RowError(column, f"年份应为 {FIRST_YEAR}–{LAST_YEAR}", f"must lie in {FIRST_YEAR}–{LAST_YEAR}")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _common(values: dict[str, Any], moment: datetime) -> dict[str, Any]:
    body = {"member_id": values["member_id"]}
    if values.get("course_id"):
        body["course_id"] = values["course_id"]
    body["occurred_at"] = _rfc3339(moment)
    for column, field in (("source", "source"), ("device", "device_id")):
        if values.get(column):
            body[field] = values[column]
    return body


def _study(values: dict[str, Any]) -> dict[str, Any]:
    start = _floor(values["start"], "start")
    duration = _length(values, start)
    if duration is None:
        raise _RowError("end", "结束时间与时长分钟至少填一项", "give the end or the minutes")
    end = _floor(start + duration * _MS, "minutes")
    body = {**_common(values, end), "duration_ms": duration}
    if values.get("unit_id"):
        body["unit_id"] = values["unit_id"]
    return body


def _length(values: dict[str, Any], start: datetime) -> int | None:
    """Milliseconds from the start to the end, or the minutes; None where neither is given."""
    minutes: int | None = values.get("minutes")
    if "end" not in values:
        return minutes
    duration = (_floor(values["end"], "end") - start) // _MS
    if duration < 0:
        raise _RowError("end", "早于开始时间", "lies before the start")
    if minutes is not None and abs(duration - minutes) > AGREEMENT_MS:
        raise _RowError("minutes", "与起止时间相差超过一分钟", "differs from end − start by over a minute")
    return duration


def _attendance(values: dict[str, Any]) -> dict[str, Any]:
    start = _floor(values["start"], "start")
    body = _common(values, start)
    body |= {"session_id": values["session_id"], "meeting": values["meeting"]}
    if values.get("method"):
        body["method"] = values["method"]
    if (duration := _length(values, start)) is not None:
        body["duration_ms"] = duration
    if values.get("make_up"):
        body["make_up"] = True
    return body


def _own_fields(names: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    return _common(values, _floor(values["at"], "at")) | {name: values[name] for name in names}


def _answer(values: dict[str, Any]) -> dict[str, Any]:
    body = _common(values, _floor(values["submitted_at"], "submitted_at"))
    body["question_id"] = values["question_id"]
    if values.get("exam_id"):
        body["exam_id"] = values["exam_id"]
    if values.get("attempt", 1) != 1:
        body["attempt"] = values["attempt"]
    if "seconds" in values:
        body["duration_ms"] = values["seconds"]
    response = values.get("response")
    if response:
        letters = option_letters(response)
        body["response"] = list(letters) if len(letters) > 1 else response
    correct = values.get("correct")
    score, possible = values.get("score"), values.get("max_score")
    if score is not None and score > (1 if possible is None else possible):
        rule = (
            ("大于满分", "is above max_score")
            if possible is not None
            else ("大于 1 时须填满分", "above 1 needs max_score")
        )
        raise _RowError("score", *rule)
    if score is None and possible is not None and correct is not None:
        score = possible if correct else 0.0
    body["correct"] = correct
    if score is not None:
        body["score"] = score
    if possible is not None:
        body["max_score"] = possible
    return body


_BUILDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    STUDY.name: _study,
    ANSWERS.name: _answer,
    ATTENDANCE.name: _attendance,
    **{table: partial(_own_fields, names) for table, names in OWN_FIELDS.items()},
}
"""Body of an event by the table of its row."""
