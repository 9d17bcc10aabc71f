"""``xuejing query NAME``: one command for each declared query, with the filters that apply to it."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Annotated, Any
from zoneinfo import ZoneInfo

import polars as pl
import typer
from rich.console import Console

from reports.asking import ALL, Question, category, frames, members_in, selected
from reports.formats.records import WRITERS, write_csv
from schemas.errors import InputError
from schemas.families import FAMILIES
from schemas.reference import MEMBER_CATEGORIES, Language
from sinks.audit import Entry, what
from sinks.read import Filters, Reader, Scope

from . import context as contexts
from .auditing import Seen, auditor, operator, recorded
from .connect import connected
from .tabular import show

app = typer.Typer(
    no_args_is_help=True,
    help="查询指标、事件与名册；`xuejing query NAME --help` 说明各列 · Ask for the data behind the reports; "
    "`xuejing query NAME --help` explains the columns.",
)
Format = Enum("Format", {f: f for f in ("table", *WRITERS)}, type=str)  # type: ignore[misc]
FIRST = {"credit": ("member_id", "year", "credit_kind", "quota_hours", "earned_hours", "left_hours", "state")}
"""Columns that a table shows first, so that a terminal of 80 columns has what the query is asked for."""
_PARAMETERS = {"first": "from", "last": "to"}
API_PAGE = 1000
"""Rows that any API gives in one page: fewer are asked for at once."""
TABLE_ROWS = 100
"""Rows that a table on the terminal shows when no limit is given."""


def _option(annotation: Any, *names: str, help: str, **more: Any) -> Any:
    return Annotated[annotation, typer.Option(*names, help=help, show_default=False, **more)]


_FILTERS: dict[str, Any] = {
    "first": _option(
        datetime | None,
        "--from",
        help="首日（含，当地）· first day, included",
        parser=contexts.day_of("--from"),
        metavar="YYYY-MM-DD",
    ),
    "last": _option(
        datetime | None,
        "--to",
        help="末日（含，当地）· last day, included",
        parser=contexts.day_of("--to"),
        metavar="YYYY-MM-DD",
    ),
    "org": _option(str | None, "--org", help="组织及其下级 · organisation and what is below it"),
    "member": _option(str | None, "--member", help="成员 · member"),
    "category": _option(str | None, "--category", help=f"人员类别 · {', '.join(c.code for c in MEMBER_CATEGORIES)}"),
    "course": _option(str | None, "--course", help="课程；'' = 全部课程合计 · course; '' = over all courses"),
    "exam": _option(str | None, "--exam", help="考试；'' = 练习 · exam; '' = practice"),
}
_OUTPUT: dict[str, tuple[Any, Any]] = {
    "format_": (_option(Format | None, "--format", "-f", help="输出格式，默认 table · default table"), None),
    "out": (_option(Path | None, "--out", "-o", help="写入文件 · write to a file"), None),
    "limit": (_option(int | None, "--limit", "-n", help="最多行数 · at most so many rows", min=0), None),
    "columns": (_option(str | None, "--columns", help="只要这些列，以逗号分隔 · only these, comma separated"), None),
    "bom": (_option(bool, "--bom", help="CSV 加 BOM，供电子表格识别 · for spreadsheets"), False),
    "api": (
        _option(str | None, "--api", help="向查询接口提问，令牌取自 XUEJING_API_TOKEN · ask an API; default: api_url"),
        None,
    ),
    "purpose": (_option(str | None, "--purpose", help="用途，记入审计 · what for; audited by the API"), None),
}


def filters_of(values: dict[str, Any]) -> Filters:
    """Filters from the values of the options."""
    given = {name: values[name] for name in _FILTERS if values.get(name) is not None}
    for name in given.keys() & {"first", "last"}:
        given[name] = given[name].date()
    if "category" in given:
        given["category"] = category(given["category"])
    return Filters(**given)


@contextmanager
def destination(out: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears only when it is complete."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise InputError(f"can't write: {error.strerror}", where=str(out)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def run(ctx: typer.Context, query: Question, values: dict[str, Any]) -> None:
    """Ask and print."""
    context = contexts.of(ctx)
    if family := context.settings.hidden_queries.get(query.name):
        raise InputError(
            f"{query.name} is about events that are not shown here",
            where="families",
            hint=f"add {family} to the setting families",
        )
    filters, names = filters_of(values), selected(query, values["columns"])
    out, limit = values["out"], values["limit"]
    form = values["format_"].value if values["format_"] else _form_of(out)
    if form in ("parquet", "arrow") and out is None and sys.stdout.isatty():
        raise InputError(
            f"{form.capitalize()} is binary and does not belong on a terminal", hint="use --out FILE or a pipe"
        )
    if values["columns"] is None and form == "table":
        first = FIRST.get(query.name, ())
        names = [*first, *(name for name in names if name not in first)]
    most = (TABLE_ROWS if limit is None else limit) if form == "table" else limit
    asked = most + 1 if form == "table" and most is not None else most
    with _answer(context, query, filters, asked, values) as (blocks, zone):
        chosen = (block.select(names) for block in blocks)
        if form == "table":
            _show(context, pl.concat(list(chosen)), most or 0, out, zone)
            return
        with destination(out) as file:
            if form == "csv":
                write_csv(chosen, file, zone, bom=values["bom"])
            else:
                WRITERS[form](chosen, file, zone)


@contextmanager
def _answer(
    context: contexts.Context, query: Question, filters: Filters, limit: int | None, values: dict[str, Any]
) -> Iterator[tuple[Iterator[pl.DataFrame], ZoneInfo]]:
    """The rows, block by block, and the zone of local days: from the store, or from an API where one is named."""
    settings = context.settings
    # A folder that is named on the command line is meant, whatever the environment says.
    configured = "" if context.origin.get("data_dir") == "--data" else settings.api_url
    if url := values["api"] or configured:
        from web.client import ApiClient  # not needed otherwise

        parameters = {_PARAMETERS.get(name, name): getattr(filters, name) for name in filters.given()}
        more = {"purpose": values["purpose"], "limit": limit if limit and limit <= API_PAGE else None}
        pages = ApiClient(url, settings.api_token, settings.language).pages(query.name, parameters | more, limit)
        first, zone = next(pages)
        yield chain([first], (frame for frame, _ in pages)), zone
        return
    if _narrow(query, filters):
        context.say("只有所在组织可见：请用 --org 写明是哪个组织，否则没有记录",
                    "for the organisation itself only: name it with --org, or there are no rows")  # fmt: skip
    with connected(settings) as store:
        reader = Reader(store)
        zone = ZoneInfo(reader.generation().timezone)
        seen, found = Seen(), auditor(settings, store)
        given = {name: getattr(filters, name) for name in filters.given()}
        action = "export" if values["out"] or values["format_"] else "query"
        named = [filters.member] if filters.member else []
        text, purpose = what(query.name, given, found.key), values["purpose"] or ""
        with recorded(found, Entry(operator(), action, text, purpose, filters.org or "", named), seen):
            blocks = frames(reader, query, Scope.everything(), filters, settings, limit=limit)
            yield seen.passing(blocks, partial(members_in, query, filters)), zone


def _narrow(query: Question, filters: Filters) -> bool:
    """Whether the answer is for one organisation itself, and nobody said which: then it is empty."""
    narrow = {f.rows.name for f in FAMILIES.values() if f.rows is not None and f.audience == "branch"}
    return query.name in narrow and filters.org is None


def _form_of(out: Path | None) -> str:
    suffix = out.suffix.lstrip(".").lower() if out else ""
    return suffix if suffix in WRITERS else "table"


def _show(context: contexts.Context, frame: pl.DataFrame, most: int, out: Path | None, zone: ZoneInfo) -> None:
    if out is None:
        hidden = show(frame.head(most), Console(highlight=False), zone)
    else:
        with out.open("w", encoding="utf-8") as file:
            hidden = show(frame.head(most), Console(file=file, highlight=False), zone)
    if frame.is_empty():
        context.say("没有符合条件的记录", "no rows match")
    if frame.height > most:
        context.say(f"只显示前 {most} 行；用 --limit 或 --format 取全部",
                    f"the first {most} rows; use --limit or --format for all")  # fmt: skip
    if hidden:
        context.say(f"未显示的列（用 --columns 选取）：{', '.join(hidden)}",
                    f"columns not shown (choose with --columns): {', '.join(hidden)}")  # fmt: skip


def _help(query: Question) -> str:
    lines = [f"{query.title.zh} · {query.title.en}", "", query.description.zh, "", query.description.en, ""]
    lines += ["列 · columns:", "", "\b"]
    for c in query.columns:
        unit = f" [{c.unit}]" if c.unit else ""
        lines.append(f"{c.name} ({c.type}{unit}): {c.description.zh} · {c.description.en}")
    return "\n".join(line.replace("[", "\\[") for line in lines)


def _command(query: Question) -> Callable[..., None]:
    def command(ctx: typer.Context, **values: Any) -> None:
        run(ctx, query, values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    for name, annotation in _FILTERS.items():
        if name in query.filters:
            parameters.append(inspect.Parameter(name, keyword, default=None, annotation=annotation))
    for name, (annotation, default) in _OUTPUT.items():
        parameters.append(inspect.Parameter(name, keyword, default=default, annotation=annotation))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


@app.command("list")
def list_queries(ctx: typer.Context) -> None:
    """列出全部查询 · List every query and its filters."""
    settings = contexts.of(ctx).settings
    language: Language = "en" if settings.language == "en" else "zh"
    console = Console(highlight=False)
    flags = {"first": "--from", "last": "--to"}
    for query in (q for name, q in ALL.items() if name not in settings.hidden_queries):
        filters = " ".join(flags.get(name, f"--{name}") for name in _FILTERS if name in query.filters)
        console.print(f"[bold]{query.name}[/]  {query.title.of(language)}")
        console.print(f"    {query.description.of(language)}", markup=False)
        if filters:
            console.print(f"    {filters}", markup=False)


for _query in ALL.values():
    app.command(_query.name, help=_help(_query), short_help=f"{_query.title.zh} · {_query.title.en}")(_command(_query))
