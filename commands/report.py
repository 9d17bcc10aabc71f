"""``xuejing report``: evaluation reports of a member, an organisation, or everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from reports.data import EVERYTHING, Content, Period
from reports.errors import ReportError
from reports.load import check_content, load
from reports.site import FORMATS, Format, ReportIndex, Site
from schemas.reference.columns import Language
from sinks.read import Reader, Scope

from . import context as contexts
from .connect import connected

app = typer.Typer(
    no_args_is_help=True,
    help="学习及考试评价报告 · Study and examination evaluation reports, as HTML and JSON.",
)

First = Annotated[
    datetime | None,
    typer.Option("--from", help="首日（含）；默认自有数据起 · first day, included", formats=["%Y-%m-%d"]),
]
Last = Annotated[
    datetime | None,
    typer.Option("--to", help="末日（含）；默认至最后有数据的一天 · last day, included", formats=["%Y-%m-%d"]),
]
Course = Annotated[str | None, typer.Option("--course", help="只评价这门课程 · about this course only")]
Exam = Annotated[str | None, typer.Option("--exam", help="只评价这次考试 · about this exam only")]
Languages = Annotated[str, typer.Option("--lang", help="zh、en 或 zh,en · languages, joined by commas")]
Formats = Annotated[str, typer.Option("--format", "-f", help="html、json 或 html,json · joined by commas")]
Out = Annotated[Path, typer.Option("--out", "-o", help="输出文件夹 · folder to write to")]
_OUT = Path("report")


@app.command()
def member(
    ctx: typer.Context,
    member_id: Annotated[str, typer.Argument(help="成员编号 · id of the member")],
    first: First = None,
    last: Last = None,
    course: Course = None,
    exam: Exam = None,
    lang: Languages = "zh,en",
    formats: Formats = "html,json",
    out: Out = _OUT,
) -> None:
    """一名成员的报告 · The report of one member, as own feedback."""
    with _site(ctx, out, first, last, course, exam, lang, formats, member_id=member_id, alone=True) as site:
        if not site.data.knows(member_id):
            raise ReportError(
                f"member {member_id!r} is not in the roster and has no records",
                hint="`xuejing query members` lists who there is",
            )
        site.write_members([member_id])
        _done(ctx, site.index, site.index.members[member_id])


@app.command()
def branch(
    ctx: typer.Context,
    org_id: Annotated[str, typer.Argument(help="组织编号，任何一级 · id of an organisation of any level")],
    first: First = None,
    last: Last = None,
    course: Course = None,
    exam: Exam = None,
    lang: Languages = "zh,en",
    formats: Formats = "html,json",
    out: Out = _OUT,
) -> None:
    """一个组织（支部、总支、党委）的报告 · The report of an organisation, with what is below it side by side."""
    with _site(ctx, out, first, last, course, exam, lang, formats, alone=True) as site:
        if org_id not in site.stems:
            raise ReportError(
                f"organisation {org_id!r} is not in the roster of the period",
                hint="`xuejing query organisations` lists what there is",
            )
        site.write_groups([org_id])
        _done(ctx, site.index, site.index.groups[org_id])


@app.command("all")
def everything(
    ctx: typer.Context,
    first: First = None,
    last: Last = None,
    course: Course = None,
    exam: Exam = None,
    lang: Languages = "zh,en",
    formats: Formats = "html,json",
    out: Out = _OUT,
) -> None:
    """全部报告与目录页 · Every report and an index page."""
    with _site(ctx, out, first, last, course, exam, lang, formats) as site:
        index = site.write()
        _done(ctx, index, index.index)


@contextmanager
def _site(
    ctx: typer.Context,
    out: Path,
    first: datetime | None,
    last: datetime | None,
    course: str | None,
    exam: str | None,
    lang: str,
    formats: str,
    *,
    member_id: str | None = None,
    alone: bool = False,
) -> Iterator[Site]:
    """Everything read from the store, ready to write."""
    content, settings = _content(course, exam), contexts.of(ctx).settings
    start, end = _day(first), _day(last)
    if start and end:
        Period(start, end)
    languages = cast("list[Language]", _listed(lang, ("zh", "en"), "--lang"))
    kinds = cast("list[Format]", _listed(formats, FORMATS, "--format"))
    with connected(settings) as store:
        data = load(Reader(store), Scope.everything(), first=start, last=end, member=member_id)
        check_content(data, content)
        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=contexts.messages, transient=True,
        )  # fmt: skip
        with bar:
            task = bar.add_task("报告 reports" if settings.language == "zh" else "reports", total=None)
            site = Site(
                data,
                Scope.everything() if member_id is None else Scope.own(member_id),
                out,
                content,
                languages,
                kinds,
                settings.small_group,
                lambda done, total: bar.update(task, completed=done, total=total),
                alone=alone,
            )
            yield site


def _content(course: str | None, exam: str | None) -> Content:
    if course and exam:
        raise ReportError("a report is about one course or one exam", where="--course, --exam", hint="give one")
    if exam:
        return Content("exam", exam)
    return Content("course", course) if course else EVERYTHING


def _listed(text: str, known: tuple[str, ...], option: str) -> list[str]:
    found = list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not found or not set(found) <= set(known):
        raise ReportError(f"{text!r} is not known", where=option, hint=f"use {', '.join(known)}, joined by commas")
    return found


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _done(ctx: typer.Context, index: ReportIndex, path: str) -> None:
    where = index.folder / path
    contexts.of(ctx).say(f"已写出 {index.files} 个文件：{where}", f"wrote {index.files} files: {where}")
