"""``xuejing my-data``: everything that is held about a person, as one archive that they can read."""

from __future__ import annotations

import io
import zipfile
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer

from reports.formats.records import WRITERS
from reports.issued.register import Register
from schemas.errors import InputError
from schemas.persons import PERSONS, as_word
from schemas.table import Column, Table
from schemas.tables import AUDIT, TABLES
from sinks.audit import Entry
from sinks.audited import looked_at
from sinks.client import Store
from sinks.read.generations import active_generation

from . import context as contexts
from .auditing import PurposeOption, auditor, operator
from .connect import connected
from .my_data_columns import in_chinese
from .query import destination
from .who_looked import SCHEMA


def held(store: Store, member_id: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """(table, rows) of every table that has rows about a person; ids and hashes as text. Secrets are left out."""
    for name, table in TABLES.items():
        what = PERSONS[name]
        if what.column:
            mine = [f"`{what.column}` = {{m:String}}"]
            mine += [f"(`{what.column}` = '' AND match(`{c}`, {{p:String}}))" for c in what.unread]
            columns = ", ".join(_readable(c) for c in table.columns if c.name not in what.withheld)
            order = ", ".join(f"t.`{c}`" for c in table.order_by)
            sql = f"SELECT {columns} FROM {name} AS t FINAL WHERE {' OR '.join(mine)} ORDER BY {order}"
            frame = pl.from_arrow(store.arrow(sql, {"m": member_id, "p": as_word(member_id)}))
            assert isinstance(frame, pl.DataFrame)
            if frame.height:
                yield name, frame


def _readable(column: Column) -> str:
    name = f"t.`{column.name}`"
    if "UUID" in column.type:
        return f"toString({name}) AS `{column.name}`"
    if column.type.startswith("FixedString"):
        return f"hex({name}) AS `{column.name}`"
    return f"toValidUTF8({name}) AS `{column.name}`" if column.type == "Bytes" else f"{name} AS `{column.name}`"


def in_reports(store: Store, member_id: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """(report_id, version and number of the frame; the person's rows) of what issued reports were made from."""
    register = Register(store)
    for issued, _ in register.containing([member_id]):
        if not issued.erased:
            frames = register.snapshot(issued).frames.values()
            mine = (f.filter(pl.col("member_id") == member_id) for f in frames if "member_id" in f.columns)
            for n, frame in enumerate(f for f in mine if f.height):
                yield f"{issued.series.id}-v{issued.version}/{n + 1}", frame


def archive(store: Store, member_id: str, audit: pl.DataFrame, now: datetime) -> tuple[bytes, dict[str, int]]:
    """The archive as the bytes of a ZIP file, and how many rows of which table are in it."""
    zone = ZoneInfo(active_generation(store).timezone)
    counts: dict[str, int] = {}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:

        def put(path: str, frame: pl.DataFrame) -> None:
            counts[path] = frame.height
            for form in ("csv", "json"):
                content = io.BytesIO()
                WRITERS[form]([frame], content, zone)
                # Spreadsheets take a CSV file for UTF-8 only with a mark.
                out.writestr(f"{path}.{form}", (BOM_UTF8 if form == "csv" else b"") + content.getvalue())

        for name, frame in held(store, member_id):
            put(f"tables/{name}", frame)
        for path, frame in in_reports(store, member_id):
            put(f"reports/{path}", frame)
        if audit.height:
            put("audit", audit)
        out.writestr("README.md", _readme(member_id, counts, now.astimezone(zone)))
    return buffer.getvalue(), counts


_HEAD = """# 个人数据 · Personal data

成员 {member}，导出于 {now}。本压缩包含学镜保存的关于您的全部数据；每张表有 CSV（电子表格）与 JSON 两种格式。
可申请更正或删除，可查询谁看过您的数据：请向本组织提出。

Member {member}, exported {now}. This archive holds everything that Xuejing keeps about you; each table as CSV (for
spreadsheets) and JSON. You may ask your organisation to have something corrected or erased, and who looked at it.

| 文件 file | 内容 | what | 行 rows |
|---|---|---|---|"""


def _readme(member_id: str, counts: dict[str, int], now: datetime) -> str:
    lines = [_HEAD.format(member=member_id, now=f"{now:%F %T %Z}")]
    for path, rows in counts.items():
        zh, en = _title(path)
        lines.append(f"| `{path}` | {zh} | {en} | {rows} |")
    for path in counts:
        table = AUDIT if path == "audit" else TABLES.get(path.removeprefix("tables/"))
        if table is not None:
            lines += ["", f"## {path}", "", *_columns(table)]
    return "\n".join([*lines, ""])


_AUDIT = {
    "at": "何时 · when",
    "principal_id": "谁：令牌编号；os: 系统操作者；schedule 日程 · who: a principal; os: at the system; schedule",
    "role": "其角色；operator：系统操作者 · their role; operator: who runs the system",
    "node": "其所属组织 · the organisation that they act for",
    "action": "做了什么 · what was done",
    "what": "查询或报告及其参数，成员编号为散列 · the query or report with its parameters; members as keyed hashes",
    "purpose": "用途 · what for",
    "org_id": "所查的组织 · the organisation that was asked about",
    "outcome": "结果 · what came of it",
}
"""Columns of ``audit``, which are not those of the table alone."""


def _title(path: str) -> tuple[str, str]:
    if path == "audit":
        return "谁看过您的数据", "who looked at your data"
    if path.startswith("reports/"):
        return "印发报告所依据的您的数据", "your rows in what an issued report was made from"
    title = PERSONS[path.removeprefix("tables/")].title
    return title.zh, title.en


def _columns(table: Table) -> list[str]:
    withheld = PERSONS[table.name].withheld
    shown = [c for c in table.columns if c.name not in withheld]
    if table is AUDIT:
        return [f"- `{name}`: {_AUDIT[name]}" for name in SCHEMA]
    return [f"- `{c.name}`: {in_chinese(table.name, c.name)} · {c.description}" for c in shown]


def my_data(
    ctx: typer.Context,
    member_id: Annotated[str, typer.Argument(help="成员编号 · id of the member")],
    out: Annotated[Path, typer.Option("--out", "-o", help="写入的 ZIP 文件 · ZIP file to write")],
    purpose: PurposeOption = "",
) -> None:
    """导出一名成员的全部数据 · Everything held about a person, from every table, as a readable archive."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found = auditor(context.settings, store)
        audit = pl.DataFrame(looked_at(store, found.key, member_id), schema=SCHEMA, orient="row")
        content, counts = archive(store, member_id, audit, datetime.now(UTC))
        if not counts:
            raise InputError(f"nothing is held about {member_id!r}", hint="`xuejing query members` lists who there is")
        with suppress(OSError):  # ``destination`` tells what is wrong with the folder
            out.parent.mkdir(parents=True, exist_ok=True)
        with destination(out) as file:
            found.record(
                Entry(operator(), "my_data", "my-data", purpose, members=[member_id], rows=sum(counts.values()))
            )
            file.write(content)
    context.say(
        f"已写入 {out}：{len(counts)} 张表，{sum(counts.values())} 行",
        f"written to {out}: {len(counts)} tables, {sum(counts.values())} rows",
    )
