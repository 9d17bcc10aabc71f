"""Reports for a caller: what may be asked for, and the work of the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from reports import withholding
from reports.attempts import without_contests
from reports.data import EVERYTHING, Content
from reports.errors import ReportError
from reports.extra_pages import write_annexes, write_exams
from reports.formats.names import Format
from reports.load import check_content, load, signed
from reports.site import Site
from schemas.credit import CreditPolicy
from schemas.reference.columns import Language, Text
from sinks.audit import Entry, what
from sinks.corrections import contested
from sinks.read import Filters, Reader, Scope
from web.problems import Problem

from .answering import NO_PURPOSE
from .callers import Caller
from .documents import ReportRequest
from .service import Service

ELSEWHERE = Text("名册中没有，或不在令牌的范围内", "it is not in the roster, or not within the scope of the token")
NO_EXAM = Text("目录中没有这项考试", "the catalogue has no such exam")
NO_MEMBERS = Text("汇总令牌没有成员报告", "a token for aggregates gets no reports of members")


def check(service: Service, caller: Caller, asked: ReportRequest) -> None:
    """Raises Problem or InputError for a report that the caller may not have, or about somebody or something that there
    is not: which of the two is not told."""
    if asked.first and asked.last and asked.first > asked.last:
        raise Problem("invalid", Text("时段的结束早于开始", "the period ends before it begins"))
    if asked.course and asked.kind == "exam":
        raise Problem("invalid", Text("考试报告不能按课程限定", "a report of an exam is not restricted to a course"))
    reader, scope = Reader(service.store), caller.scope
    if scope.detail == "aggregate":
        if asked.kind == "member":
            raise Problem("forbidden", NO_MEMBERS)
        # As of the query whose figures such a report has: periods that don't overlap, no part of the content.
        today = datetime.now(ZoneInfo(reader.generation().timezone)).date()
        filters = Filters(first=asked.first, last=asked.last, course=asked.course)
        withholding.check("branches", scope, filters, today, called="reports")
    if asked.kind == "group":
        if scope.detail == "own":
            raise Problem("not-found", ELSEWHERE)
        reader.frame("organisations", scope, Filters(org=asked.subject))
    elif asked.kind == "exam":
        if scope.detail == "own":
            raise Problem("forbidden")
        exams = reader.reference("exams")["exam_id"]
        if asked.subject not in exams:
            raise Problem("not-found", NO_EXAM)
    elif scope.detail == "own":
        if scope.member_id != asked.subject:
            raise Problem("not-found", ELSEWHERE)
    elif reader.frame("members", scope, Filters(member=asked.subject)).is_empty():
        raise Problem("not-found", ELSEWHERE)
    if asked.kind != "exam" and not asked.purpose and caller.principal.purpose_needed:
        raise Problem("purpose-required", NO_PURPOSE)


def record(service: Service, caller: Caller, asked: ReportRequest, outcome: str = "ok") -> None:
    """Tell the audit who has which report made, and what for."""
    service.audit.record(entry(service, caller, asked, outcome))


def entry(service: Service, caller: Caller, asked: ReportRequest, outcome: str = "ok") -> Entry:
    """What the audit holds about a report that was asked for."""
    given = {"from": asked.first, "to": asked.last, "course": asked.course, "formats": ",".join(asked.formats)}
    given |= {"member" if asked.kind == "member" else asked.kind: asked.subject}
    return Entry(
        caller.id,
        "report",
        what(asked.kind, given, service.audit.key),
        purpose=asked.purpose,
        org_id=asked.subject if asked.kind == "group" else caller.scope.node or "",
        members=_looked_at(service, caller, asked) if outcome == "ok" else [],
        outcome=outcome,
    )


def _looked_at(service: Service, caller: Caller, asked: ReportRequest) -> list[str]:
    """Whom the report is about by name. That of an organisation has an annex for its secretary."""
    if asked.kind == "member":
        return [asked.subject]
    if asked.kind == "exam" or caller.scope.detail != "named":
        return []
    found = Reader(service.store).frame("members", caller.scope, Filters(org=asked.subject))
    return found["member_id"].unique().to_list()


def make(service: Service, caller: Caller, asked: ReportRequest, folder: Path) -> Mapping[str, str]:
    """Write the report into a folder; path → SHA-256 of each file. Raises XuejingError."""
    settings, scope = service.settings, caller.scope
    reader = Reader(service.store)
    content = _content(asked)
    own = asked.kind == "member"
    # Aggregates are made of members' rows; the policy of the site says what of them is shown.
    read = Scope.own(asked.subject) if scope.detail == "own" else Scope(scope.node, "named")
    with service.slot():
        data = load(
            reader,
            read,
            first=asked.first,
            last=asked.last,
            member=asked.subject if own else None,
            credit=CreditPolicy.of(settings.credit_rules, settings.shown_families),
        )
    made_by = " · ".join(part for part in (settings.made_by, f"{caller.principal.role} {caller.id}") if part)
    data = signed(data, made_by, asked.purpose)
    data = replace(data, contested=contested(service.store, data.as_of))
    if own and scope.detail != "own":
        # Whoever reads a page on somebody else, the operator too, is not told what was answered in contests.
        data = replace(data, answers=without_contests(data.answers), families=data.families.without_own())
    check_content(data, content)
    site = Site(
        data,
        Scope.own(asked.subject) if own else scope,
        folder,
        content,
        cast("list[Language]", list(dict.fromkeys(asked.lang))),
        cast("list[Format]", list(dict.fromkeys(asked.formats))),
        settings.small_group,
        alone=True,
    )
    if asked.kind == "member":
        site.write_members([asked.subject])
    elif asked.kind == "exam":
        write_exams(site, [asked.subject])
    else:
        if asked.subject not in site.stems:
            raise ReportError(f"organisation {asked.subject!r} is not in the roster of the period")
        site.write_groups([asked.subject])
        write_annexes(site, [asked.subject])
    if site.index.unavailable and not site.index.hashes:
        raise next(iter(site.index.unavailable.values()))
    return site.index.hashes


def stale(service: Service, made_at: datetime) -> bool:
    """Whether somebody was erased since a report was asked for: it may hold them."""
    sql = "SELECT count() FROM erasures FINAL WHERE asked_at >= fromUnixTimestamp64Milli({at:Int64}, 'UTC')"
    ((found,),) = service.store.rows(sql, {"at": int(made_at.timestamp() * 1000)})
    return bool(found)


def _content(asked: ReportRequest) -> Content:
    if asked.kind == "exam":
        return Content("exam", asked.subject)
    return Content("course", asked.course) if asked.course else EVERYTHING
