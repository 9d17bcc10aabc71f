"""``xuejing who-looked`` and ``xuejing audit``: who saw whose data, when and what for; and that the record is whole."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
import typer

from schemas.errors import InputError, XuejingError
from sinks.audit import Entry, Fault, Head, anchor_hash, heads, verify
from sinks.audited import ENTRIES, entries, looked_at
from sinks.member_key import member_key
from sinks.read.generations import active_generation

from . import context as contexts
from .auditing import auditor, operator
from .connect import connected
from .printing import FormatOption, OutOption, printed
from .query import destination

app = typer.Typer(no_args_is_help=True, help="审计：核对与留底 · The audit: verify it, keep its heads elsewhere")
SCHEMA: dict[str, Any] = {name: pl.Datetime("us", "UTC") if name == "at" else pl.String for name in ENTRIES}
TABLE_ROWS = 100
"""Entries that a table on the terminal shows when no limit is given."""


FAULTS = {
    "changed": ("条目内容被改", "an entry was changed"),
    "missing": ("缺少条目", "an entry is missing"),
    "order": ("条目被调换或替换", "an entry is not the one that was there"),
    "double": ("同一位置有两条", "two entries are in one place"),
    "link": ("所证明的另一条链的条目被改或缺失", "an entry of another chain that it vouches for is changed or missing"),
    "anchor": ("留底中的末端已不在", "the end that was kept elsewhere is gone"),
}
"""What a fault means, in Chinese and English."""


class Tampered(XuejingError):
    """The audit is not as it was written."""


def _told(fault: Fault, *, english: bool) -> str:
    """A fault on one line: its kind, chain and place in it for programs, then what it means."""
    return f"{fault.kind} {fault.writer} {fault.seq}  {FAULTS[fault.kind][english]}"


def who_looked(
    ctx: typer.Context,
    member_id: Annotated[str, typer.Argument(help="成员编号 · id of the member")],
    format_: FormatOption = None,
    out: OutOption = None,
) -> None:
    """谁看过一名成员的数据 · Who looked at a person's data, when, at what and what for; the latest first."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found = auditor(context.settings, store)
        frame = pl.DataFrame(looked_at(store, found.key, member_id), schema=SCHEMA, orient="row")
        zone = ZoneInfo(active_generation(store).timezone)
        found.record(Entry(operator(), "who_looked", "who-looked", members=[member_id], rows=frame.height))
    printed(context, frame, zone, format_, out)


@app.command("list")
def list_command(
    ctx: typer.Context,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", help="首日（含，当地）· first day", parser=contexts.day_of("--from"), metavar="YYYY-MM-DD",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to", help="末日（含，当地）· last day", parser=contexts.day_of("--to"), metavar="YYYY-MM-DD",
            show_default=False,
        ),
    ] = None,
    principal: Annotated[
        str, typer.Option("--principal", help="只列此人或令牌 · of this principal only", show_default=False)
    ] = "",
    refused: Annotated[
        bool, typer.Option("--refused", help="只列被拒的提问 · only what was beyond a scope, or lacked a purpose")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="最多条数 · at most so many", min=1, show_default=False)
    ] = None,
    format_: FormatOption = None,
    out: OutOption = None,
) -> None:  # fmt: skip
    """列出审计：谁、何时、做了什么、为何 · Who did or asked what, when and what for; the latest first.

    A table shows 100 entries unless `--limit` says otherwise; `--format` or `--out` gives all. `members` is how many
    members an entry names: who they are is told by `who-looked` alone.
    """
    context = contexts.of(ctx)
    most = limit or (0 if format_ or out else TABLE_ROWS)
    with connected(context.settings) as store:
        zone = active_generation(store).timezone
        days = {"first": first.date() if first else None, "last": last.date() if last else None}
        rows = entries(store, zone, **days, principal_id=principal, refused=refused, limit=most)
    schema = {**SCHEMA, "members": pl.UInt64, "rows": pl.UInt64}
    printed(context, pl.DataFrame(rows, schema=schema, orient="row"), ZoneInfo(zone), format_, out)


@app.command("heads")
def heads_command(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="写入文件 · write to a file")] = None,
) -> None:
    """导出各链末端，另处保存 · The last entry of every chain, as JSON: kept where those who run the store can't write.

    `xuejing audit verify --anchor FILE` then finds also what was cut off at the end.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found = heads(store)
    with destination(out) as file:
        file.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    context.say(f"{len(found)} 条链，摘要 {anchor_hash(found)}", f"{len(found)} chains, digest {anchor_hash(found)}")


@app.command("verify")
def verify_command(
    ctx: typer.Context,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", help="先前导出的末端 · heads that were exported before")
    ] = None,
) -> None:
    """核对审计是否被改动 · Whether anything was changed, removed, put in or moved. Exits with 1 when it was."""
    context = contexts.of(ctx)
    anchors: list[Head] = []
    if anchor is not None:
        try:
            anchors = msgspec.json.decode(anchor.read_bytes(), type=list[Head])
        except (OSError, msgspec.MsgspecError) as error:
            raise InputError(
                "these are no heads of the audit", where=str(anchor), hint="xuejing audit heads"
            ) from error
    with connected(context.settings) as store:
        count, faults = verify(store, member_key(context.settings), anchors)
    for fault in faults:
        typer.echo(_told(fault, english=context.settings.language == "en"))
    context.say(f"审计 {count} 条，异常 {len(faults)} 处", f"{count} entries of the audit, {len(faults)} faults")
    if faults:
        raise Tampered(
            f"the audit is not as it was written: {len(faults)} faults", hint="see docs/how-to/member-rights.md"
        )
