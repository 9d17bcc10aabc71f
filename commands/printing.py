"""Registers on standard output: a table for people, or a file for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer
from rich.console import Console

from reports.formats.records import WRITERS

from .context import Context
from .query import Format, destination
from .tabular import show

FormatOption = Annotated[
    Format | None, typer.Option("--format", "-f", help="输出格式，默认 table · default table", show_default=False)
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="写入文件 · write to a file", show_default=False)]


def printed(context: Context, frame: pl.DataFrame, zone: ZoneInfo, form: Format | None, out: Path | None) -> None:
    """Print rows as a table, or write them in a format, by default that of the file's name. Instants in ``zone``.

    Says so when there are none. Raises InputError for a file that can't be written.
    """
    name = form.value if form else "table" if out is None else out.suffix.lstrip(".").lower()
    if name in WRITERS:
        with destination(out) as file:
            WRITERS[name]([frame], file, zone)
        return
    if frame.is_empty():
        context.say("没有记录", "there are none")
        return
    hidden = show(frame, Console(highlight=False), zone)
    if hidden:
        listed = ", ".join(hidden)
        context.say(f"未显示的列（用 --format 取全部）：{listed}", f"columns not shown (all with --format): {listed}")
