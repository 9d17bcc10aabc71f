"""Options that the commands of ``xuejing report`` share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from reports.formats.names import FORMATS

from .context import day_of

First = Annotated[
    datetime | None,
    typer.Option(
        "--from", help="首日（含）；默认自有数据起 · first day, included", parser=day_of("--from"), metavar="YYYY-MM-DD"
    ),
]
Last = Annotated[
    datetime | None,
    typer.Option(
        "--to",
        help="末日（含）；默认至最后有数据的一天 · last day, included",
        parser=day_of("--to"),
        metavar="YYYY-MM-DD",
    ),
]
Course = Annotated[str | None, typer.Option("--course", help="只评价这门课程 · about this course only")]
Exam = Annotated[str | None, typer.Option("--exam", help="只评价这次考试 · about this exam only")]
Languages = Annotated[str, typer.Option("--lang", help="zh、en 或 zh,en · languages, joined by commas")]
Formats = Annotated[str, typer.Option("--format", "-f", help=f"{'、'.join(FORMATS)}，可用逗号连用 · joined by commas")]
Out = Annotated[Path, typer.Option("--out", "-o", help="输出文件夹 · folder to write to")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="统计截止；已印发的逐字节重现，否则从存档重算 · cut-off, e.g. 2026-03-31T18:00"),
]
Issue = Annotated[bool, typer.Option("--issue", help="印发：登记并保存所依据的数据 · register it and keep its data")]
Why = Annotated[
    str | None, typer.Option("--reason", help="再次印发的原因：update 或 correction · why it is issued again")
]
Compare = Annotated[
    str | None,
    typer.Option("--compare", help="与该时刻相比的变动，另写文件 · what changed since that moment, as files beside"),
]
Purpose = Annotated[str, typer.Option("--purpose", help="用途，印在报告上 · what it is for, as the report says")]
