"""``xuejing who-looked`` and ``xuejing audit``: who saw whose data, when and what for; and that the record is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
import typer
from rich.console import Console

from reports.formats.records import WRITERS
from schemas.errors import InputError, XuejingError
from sinks.audit import Entry, Head, anchor_hash, heads, looked_at, verify
from sinks.member_key import member_key
from sinks.read.generations import active_generation

from . import context as contexts
from .auditing import auditor, operator
from .connect import connected
from .query import Format, destination
from .tabular import show

app = typer.Typer(no_args_is_help=True, help="审计：核对与留底 · The audit: verify it, keep its heads elsewhere")
SCHEMA: dict[str, Any] = {
    "at": pl.Datetime("us", "UTC"),
    "principal_id": pl.String,
    "action": pl.String,
    "what": pl.String,
    "purpose": pl.String,
    "org_id": pl.String,
    "outcome": pl.String,
}


class Tampered(XuejingError):
    """The audit is not as it was written."""


def who_looked(
    ctx: typer.Context,
    member_id: Annotated[str, typer.Argument(help="成员编号 · id of the member")],
    format_: Annotated[
        Format | None, typer.Option("--format", "-f", help="输出格式，默认 table · default table", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="写入文件 · write to a file")] = None,
) -> None:
    """谁看过一名成员的数据 · Who looked at a person's data, when, at what and what for; the latest first."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found = auditor(context.settings, store)
        frame = pl.DataFrame(looked_at(store, found.key, member_id), schema=SCHEMA, orient="row")
        zone = ZoneInfo(active_generation(store).timezone)
        found.record(Entry(operator(), "who_looked", "who-looked", members=[member_id], rows=frame.height))
    form = format_.value if format_ else "table" if out is None else out.suffix.lstrip(".").lower()
    if form in WRITERS:
        with destination(out) as file:
            WRITERS[form]([frame], file, zone)
        return
    hidden = show(frame, Console(highlight=False), zone)
    if hidden:
        listed = ", ".join(hidden)
        context.say(f"未显示的列（用 --format 取全部）：{listed}", f"columns not shown (all with --format): {listed}")


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
        typer.echo(f"{fault.kind} {fault.writer} {fault.seq}")
    context.say(f"审计 {count} 条，异常 {len(faults)} 处", f"{count} entries of the audit, {len(faults)} faults")
    if faults:
        raise Tampered(
            f"the audit is not as it was written: {len(faults)} faults", hint="see docs/how-to/member-rights.md"
        )
