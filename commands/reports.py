"""``xuejing reports``: the register of issued reports, and whether a file is one of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import polars as pl
import typer
from rich.console import Console

from reports.formats.records import WRITERS
from reports.issued.register import Issued, Register
from reports.provenance import REASONS
from schemas.errors import InputError
from sinks.read.generations import active_generation

from . import context as contexts
from .connect import connected
from .query import Format, destination
from .tabular import show

app = typer.Typer(
    no_args_is_help=True,
    help="印发登记：列出印发过的报告，核对文件 · The register of issued reports; check a file against it.",
)


@app.command("list")
def listing(
    ctx: typer.Context,
    subject: Annotated[
        str | None, typer.Option("--subject", help="只列此成员或组织 · of this member or organisation only")
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", "-f", help="输出格式，默认 table · default table", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="写入文件 · write to a file")] = None,
) -> None:
    """列出印发过的报告 · Every issued version: about whom, as of when, why, from which data, by which program.

    `xuejing report … --as-of CUT_OFF` makes it again.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        zone = ZoneInfo(active_generation(store).timezone)
        found = [i for i in Register(store).all() if subject in (None, i.series.subject)]
    frame = _frame(found, zone, context.settings.language)
    form = format_.value if format_ else "table" if out is None else out.suffix.lstrip(".").lower()
    if form in WRITERS:
        with destination(out) as file:
            WRITERS[form]([frame], file, zone)
        return
    frame = frame.with_columns(cut_off=pl.Series(_moments(found, zone), dtype=pl.String))
    hidden = show(frame, Console(highlight=False), zone)
    if hidden:
        listed = ", ".join(hidden)
        context.say(f"未显示的列（用 --format 取全部）：{listed}", f"columns not shown (all with --format): {listed}")


def _moments(found: list[Issued], zone: ZoneInfo) -> list[str]:
    """Cut-offs as short as `--as-of` understands them without doubt: local, to the minute, else in full."""
    local = [i.cut_off.astimezone(zone) for i in found]
    short = [f"{moment:%Y-%m-%dT%H:%M}" for moment in local]
    counted = Counter((i.series.id, text) for i, text in zip(found, short, strict=True))
    return [
        moment.isoformat() if counted[i.series.id, text] > 1 or moment.utcoffset() != moment.replace(fold=0).utcoffset()
        else text
        for i, moment, text in zip(found, local, short, strict=True)
    ]  # fmt: skip


def _frame(found: list[Issued], zone: ZoneInfo, language: str) -> pl.DataFrame:
    rows = [
        {
            "subject": i.series.subject,
            "version": i.version,
            "cut_off": i.cut_off.astimezone(zone).isoformat(),
            "reason": REASONS[i.reason].of("zh" if language == "zh" else "en"),
            "report_id": i.series.id,
            "kind": i.series.kind,
            "first": i.series.period.first,
            "last": i.series.period.last,
            "issued_at": i.issued_at,
            "erased": i.erased,
            "content": f"{i.series.content.kind} {i.series.content.id}".strip(),
            "files": len(i.files),
            "rules": i.rules,
            "program": i.program,
            "data_hash": i.data_hash,
        }
        for i in found
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: dict[str, Any] = {
    "subject": pl.String,
    "version": pl.Int64,
    "cut_off": pl.String,
    "reason": pl.String,
    "report_id": pl.String,
    "kind": pl.String,
    "first": pl.Date,
    "last": pl.Date,
    "issued_at": pl.Datetime("us", "UTC"),
    "erased": pl.Boolean,
    "content": pl.String,
    "files": pl.Int64,
    "rules": pl.String,
    "program": pl.String,
    "data_hash": pl.String,
}


@app.command()
def verify(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="要核对的文件 · files to check")],
) -> None:
    """核对文件是否为印发原件 · Whether files are, byte by byte, what was issued, and whether a later version exists.

    Exits with 1 when a file is not in the register.
    """
    context = contexts.of(ctx)
    digests = {file: _digest(file) for file in files}
    with connected(context.settings) as store:
        known = Register(store).all()
    unknown = 0
    for file, digest in digests.items():
        found = [i for i in known if digest in i.files.values()]
        if not found:
            unknown += 1
            context.say(
                f"{file}：不在登记中（未印发、印发后有改动，或由另一存储印发；见 xuejing reports list）",
                f"{file}: not in the register (never issued, changed since, or issued from another store; "
                "xuejing reports list shows what was)",
            )
            continue
        issued = found[-1]
        newest = max(i.version for i in known if i.series == issued.series)
        later = issued.version < newest
        context.say(
            f"{file}：编号 {issued.series.id} 第 {issued.version} 版原件" + (f"，已有第 {newest} 版" if later else ""),
            f"{file}: version {issued.version} of {issued.series.id} as issued"
            + (f"; there is a version {newest}" if later else ""),
        )
    if unknown:
        raise typer.Exit(1)


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(file)) from error
