"""``xuejing report``: evaluation reports of a member, an organisation, or everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from reports.changes.made import lines
from reports.data import EVERYTHING, Content, Period
from reports.errors import ReportError
from reports.extra_pages import write_annexes, write_exams
from reports.formats.names import FORMATS, Format
from reports.issued.register import Issued, Series
from reports.load import check_content
from reports.provenance import Reason
from reports.site import ReportIndex, Site
from reports.text import Words
from schemas.reference.columns import Language
from schemas.settings import Settings
from sinks.audit import Entry, what
from sinks.client import Store
from sinks.read import Scope

from . import context as contexts
from .auditing import auditor, operator
from .comparing import Earlier, compared, earlier, write
from .connect import connected
from .context import Context
from .issuing import (
    Made,
    Wanted,
    contained,
    different,
    made_at,
    made_now,
    one_issues,
    program_version,
    register_version,
    rules_of,
    to_issue,
)
from .messages import sentence
from .report_options import AsOf, Compare, Course, Exam, First, Formats, Issue, Languages, Last, Out, Purpose, Why

app = typer.Typer(
    no_args_is_help=True,
    help="学习及考试评价报告 · Study and examination evaluation reports: HTML, PDF, Word, Excel, data.",
)

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
    as_of: AsOf = None,
    issue: Issue = False,
    reason: Why = None,
    compare: Compare = None,
    purpose: Purpose = "",
) -> None:
    """一名成员的报告 · The report of one member, as own feedback."""
    asked = _Asked("member", member_id, out, _content(course, exam), _day(first), _day(last), lang, formats, purpose)
    with _site(ctx, asked, _Past(as_of, issue, reason, compare)) as site:
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
    as_of: AsOf = None,
    issue: Issue = False,
    reason: Why = None,
    compare: Compare = None,
    purpose: Purpose = "",
) -> None:
    """一个组织（支部、总支、党委）的报告 · The report of an organisation, with what is below it side by side."""
    asked = _Asked("group", org_id, out, _content(course, exam), _day(first), _day(last), lang, formats, purpose)
    with _site(ctx, asked, _Past(as_of, issue, reason, compare)) as site:
        if org_id not in site.stems:
            raise ReportError(
                f"organisation {org_id!r} is not in the roster of the period",
                hint="`xuejing query organisations` lists what there is",
            )
        site.write_groups([org_id])
        write_annexes(site, [org_id])
        _done(ctx, site.index, site.index.groups[org_id])
        if org_id in site.index.annexes:
            annex = site.index.folder / site.index.annexes[org_id]
            contexts.of(ctx).say(f"书记工作参考，不上报：{annex}", f"for the secretary alone, not to be filed: {annex}")


@app.command("exam")
def examination(
    ctx: typer.Context,
    exam_id: Annotated[str, typer.Argument(help="考试编号 · id of the exam")],
    first: First = None,
    last: Last = None,
    lang: Languages = "zh,en",
    formats: Formats = "html,json",
    out: Out = _OUT,
    as_of: AsOf = None,
    issue: Issue = False,
    reason: Why = None,
    purpose: Purpose = "",
) -> None:
    """一次考试的报告 · The report of an exam: its questions, reliability, results and what to repair."""
    content = Content("exam", exam_id)
    asked = _Asked("exam", exam_id, out, content, _day(first), _day(last), lang, formats, purpose)
    with _site(ctx, asked, _Past(as_of, issue, reason)) as site:
        write_exams(site, [exam_id])
        _done(ctx, site.index, site.index.exams[exam_id])


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
    as_of: AsOf = None,
    issue: Issue = False,
    reason: Why = None,
    purpose: Purpose = "",
) -> None:
    """全部报告与目录页 · Every report and an index page."""
    asked = _Asked("all", "", out, _content(course, exam), _day(first), _day(last), lang, formats, purpose)
    with _site(ctx, asked, _Past(as_of, issue, reason)) as site:
        index = site.write()
        _done(ctx, index, index.index)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which report a person asks for, and where to write it. ``kind``: member, group, exam, all."""

    kind: str
    subject: str
    out: Path
    content: Content
    first: date | None
    last: date | None
    lang: str
    formats: str
    purpose: str

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.kind, self.subject, self.content, self.first, self.last, self.purpose)


@dataclass(frozen=True, slots=True)
class _Past:
    """What it has to do with other moments."""

    as_of: str | None
    issue: bool
    reason: str | None
    compare: str | None = None


@contextmanager
def _site(ctx: typer.Context, asked: _Asked, past: _Past) -> Iterator[Site]:
    """Everything read from the store, ready to write; what was issued is registered when the block ends."""
    context = contexts.of(ctx)
    settings = context.settings
    if asked.first and asked.last:
        Period(asked.first, asked.last)
    _listed(asked.lang, ("zh", "en"), "--lang"), _listed(asked.formats, FORMATS, "--format")
    with one_issues(settings) if past.issue else nullcontext(), connected(settings) as store:
        made = _made(settings, store, asked, past)
        check_content(made.data, asked.content)
        lang, formats = asked.lang, asked.formats
        if made.issued and not made.new:
            # Pages link to their other languages and formats: the same bytes need the same ones.
            lang = lang if _given(ctx, "lang") else made.option("lang", lang)
            formats = formats if _given(ctx, "formats") else made.option("formats", formats)
        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=contexts.messages, transient=True,
        )  # fmt: skip
        with bar:
            task = bar.add_task("报告 reports" if settings.language == "zh" else "reports", total=None)
            site = Site(
                made.data,
                Scope.own(asked.subject) if asked.kind == "member" else Scope.everything(),
                asked.out,
                asked.content,
                cast("list[Language]", _listed(lang, ("zh", "en"), "--lang")),
                cast("list[Format]", _listed(formats, FORMATS, "--format")),
                int(made.option("k", str(settings.small_group))),
                lambda done, total: bar.update(task, completed=done, total=total),
                alone=asked.kind != "all",
            )
            # Before anything is written: a moment that can't be compared with leaves no files behind.
            then = earlier(settings, store, asked.wanted, past.compare, made, site) if past.compare else None
            yield site
        _finish(context, store, asked, past, made, site, then)
        _record(settings, store, asked, made)
    _incomplete(site.index)


def _record(settings: Settings, store: Store, asked: _Asked, made: Made) -> None:
    """Tell the audit who has a report made about whom, and what for."""
    found = auditor(settings, store)
    subject = {"member": asked.subject} if asked.kind == "member" else {"subject": asked.subject}
    period = made.data.period
    given = {**subject, "from": period.first, "to": period.last, "formats": asked.formats}
    series = Series(asked.kind, asked.subject, asked.content, period)
    people = contained(series, made.data, made.snapshot)
    org = asked.subject if asked.kind == "group" else ""
    found.record(Entry(operator(), "report", what(asked.kind, given, found.key), asked.purpose, org, people))


def _made(settings: Settings, store: Store, asked: _Asked, past: _Past) -> Made:
    """What the report is made from: now, as of a moment, or as the next version of it."""
    if past.issue:
        if past.reason not in (None, "update", "correction"):
            raise ReportError(
                f"there is no reason {past.reason!r} for an issue", where="--reason", hint="update or correction"
            )
        options = {"lang": asked.lang, "formats": asked.formats, "k": str(settings.small_group)}
        return to_issue(settings, store, asked.wanted, cast("Reason | None", past.reason), options, past.as_of)
    if past.as_of is not None:
        return made_at(settings, store, asked.wanted, past.as_of)
    return made_now(settings, store, asked.wanted, datetime.now(UTC))


def _finish(
    context: Context, store: Store, asked: _Asked, past: _Past, made: Made, site: Site, then: Earlier | None
) -> None:
    """Register what was issued; tell whether what was made again is the same; compare."""
    if made.issued and made.new:
        issued = register_version(store, made, site.index.hashes)
        number, version = issued.series.id, issued.version
        context.say(f"已印发：编号 {number} 第 {version} 版", f"issued as {number}, version {version}")
    elif made.issued:
        _tell_same(context, made.issued, site)
    elif past.as_of is not None:
        context.say("该时刻没有印发过：已从存档重算", "not issued at that moment: computed from the archive")
    if then is not None:
        changes = compared(store, asked.wanted, then, made, site)
        write(changes, site, asked.wanted)
        for line in lines(changes, Words("zh" if context.settings.language == "zh" else "en")):
            contexts.messages.print(line, soft_wrap=True, markup=False)


def _tell_same(context: Context, issued: Issued, site: Site) -> None:
    number, version = issued.series.id, issued.version
    if other := different(issued, site.index.hashes):
        context.say(
            f"编号 {number} 第 {version} 版：{len(other)} 个文件与印发时不同（印发程序 {issued.program}、口径 "
            f"{issued.rules}；现为 {program_version()}、{rules_of(site.data)}）",
            f"{number}, version {version}: {len(other)} files differ from those issued (by program {issued.program}, "
            f"rules {issued.rules}; this is {program_version()}, {rules_of(site.data)})",
        )
    elif site.index.hashes.keys() & issued.files.keys():
        context.say(
            f"编号 {number} 第 {version} 版：与印发时逐字节相同",
            f"{number}, version {version}: byte by byte what was issued",
        )


def _given(ctx: typer.Context, option: str) -> bool:
    """Whether a person wrote the option."""
    return getattr(ctx.get_parameter_source(option), "name", "DEFAULT") != "DEFAULT"


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
    kept, kept_en = (f"（另有 {index.kept} 个未变）", f" ({index.kept} more are unchanged)") if index.kept else ("", "")
    contexts.of(ctx).say(f"已写出 {index.files} 个文件{kept}：{where}", f"wrote {index.files} files{kept_en}: {where}")


def _incomplete(index: ReportIndex) -> None:
    """Formats that this machine can't make are told at the end, when the others are written; exits with 1."""
    for error in index.unavailable.values():
        contexts.messages.print(sentence(error, contexts.language()), style="red", markup=False, soft_wrap=True)
    if index.unavailable:
        raise typer.Exit(1)
