"""What stands around the parts of a page: links, filters, the languages, and what may be exported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from reports.order import natural
from schemas.reference import Roster, Text
from schemas.reference.columns import Language
from web.dashboard.asking import QUARTERS, SPANS, Asked, quarter
from web.dashboard.export import allowed, scope_of
from web.dashboard.render import words
from web.dashboard.viewers import PageKind, Viewer

AGO = ("seconds", "minutes", "hours", "days")


def home(viewer: Viewer, roster: Roster, today: date) -> tuple[PageKind, str] | None:
    """The page on which a viewer begins; None where there is no organisation to show."""
    scope = viewer.scope
    if scope.member_id is not None:
        return "member", scope.member_id
    roots = [scope.node] if scope.node is not None else sorted(roster.roots(today), key=natural)
    if not roots:
        return ("operator", "") if viewer.rights.operator else None
    node = next((root for root in roots if roster.children(root, today)), roots[0])
    inner = scope.detail == "aggregate" or roster.children(node, today)
    return ("committee" if inner else "branch"), node


def nodes(viewer: Viewer, roster: Roster, today: date, kind: PageKind) -> list[tuple[str, str]]:
    """Organisations that the filter offers: for a page of a branch those with members of their own, for one above
    those with something below; id and name, by id."""
    scope = viewer.scope
    if scope.detail == "own" or kind not in ("branch", "committee", "map"):
        return []
    # Who has yet to say what for is asked when they come to a branch.
    if kind == "branch" and viewer.rights.detail != "named":
        return []
    roots = [scope.node] if scope.node is not None else roster.roots(today)
    every = sorted({n for root in roots for n in roster.subtree(root, today)}, key=natural)
    inner = {n for n in every if roster.children(n, today)}
    if kind in ("committee", "map"):
        shown = [n for n in every if n in inner or scope.detail == "aggregate"]
    else:
        with_members = set(roster.branches_with_members(today))
        shown = [n for n in every if n in with_members]
    return [(n, _name(roster, n, today)) for n in shown]


def _name(roster: Roster, org_id: str, today: date) -> str:
    row = roster.organisation(org_id, today)
    return (row.name if row else "") or org_id


def around(
    viewer: Viewer, asked: Asked, roster: Roster, today: date, courses: Sequence[tuple[str, Text]] = ()
) -> dict[str, Any]:
    """The values of ``page.html.j2``; ``courses``: id and title of those that can be chosen."""
    text = words(asked.language)
    other: Language = "en" if asked.language == "zh" else "zh"
    aggregate = viewer.scope.detail == "aggregate"
    period = asked.period(today, aggregate=aggregate)
    title, path = _title(asked, roster, today)
    return {
        "title": title or text("dash.operator"),
        "path": path,
        "links": _links(viewer, asked, roster, today),
        "viewer": viewer.label.of(asked.language),
        "other_href": asked.spoken(other).address,
        "other_tag": "zh-CN" if other == "zh" else "en",
        "ago": json.dumps({key: text.messages[f"dash.{key}"] for key in AGO}, ensure_ascii=False),
        "nodes": nodes(viewer, roster, today, asked.kind),
        "spans": _spans(asked, today, aggregate=aggregate),
        "first": period.first,
        "last": period.last,
        "courses": [] if aggregate else [(course, title.of(asked.language)) for course, title in courses],
        "notice": text("dash.whole_quarters") if aggregate else "",
        "purpose": viewer.purpose,
        "asks_purpose": viewer.asks_purpose and aggregate,
        "own": viewer.scope.member_id is not None,
        "here": asked.address,
    }


def _spans(asked: Asked, today: date, *, aggregate: bool) -> list[tuple[str, str]]:
    """Periods that can be chosen, and what they are called."""
    text = words(asked.language)
    if not aggregate:
        return [(s, text("dash.days_of_own" if s == "days" else f"dash.{s}")) for s in SPANS]
    firsts = [quarter(today, ago + 1).first for ago in range(len(QUARTERS))]
    names = [text("dash.quarter", year=str(d.year), n=str((d.month + 2) // 3)) for d in firsts]
    return list(zip(QUARTERS, names, strict=True))


def inside(viewer: Viewer, asked: Asked) -> dict[str, Any]:
    """Values that the parts themselves use."""
    return {
        "view_queries": allowed(asked, scope_of(viewer, asked)),
        "data_href": lambda query: f"/data{asked.path}/{query}.csv?{asked.query}",
        "page_href": lambda kind, subject: asked.about(kind, subject).address,
    }


def _title(asked: Asked, roster: Roster, today: date) -> tuple[str, list[str]]:
    """Who the page is about, and the organisations above from the top down."""
    if asked.kind == "operator":
        return "", []
    if asked.kind == "member":
        rows = roster.memberships(asked.subject)
        if not rows:
            return asked.subject, []
        home_of = roster.org_of(asked.subject, today) or rows[-1].org_id
        return rows[-1].name or asked.subject, [*_above(roster, home_of, today), _name(roster, home_of, today)]
    return _name(roster, asked.subject, today), _above(roster, asked.subject, today)


def _above(roster: Roster, org_id: str, today: date) -> list[str]:
    return [_name(roster, above, today) for above in reversed(roster.ancestors(org_id, today))]


def _links(viewer: Viewer, asked: Asked, roster: Roster, today: date) -> list[tuple[str, str, bool]]:
    """Pages that the viewer can go to from anywhere: name, address, whether it is this one."""
    text, found = words(asked.language), []
    for kind in ("committee", "map", "branch", "member", "operator"):
        subject = _first(viewer, asked, roster, today, kind)
        if subject is None:
            continue
        page = asked.about(kind, subject)
        found.append((text(f"dash.{kind}"), page.address, kind == asked.kind))
    return found


def _first(viewer: Viewer, asked: Asked, roster: Roster, today: date, kind: PageKind) -> str | None:
    """The subject of a link in the head: this page's where it is of that kind."""
    if kind == "operator":
        return "" if viewer.rights.operator else None
    if kind == "member":
        return viewer.scope.member_id or (asked.subject if asked.kind == "member" else None)
    if kind == asked.kind:
        return asked.subject
    offered = nodes(viewer, roster, today, kind)
    if {kind, asked.kind} == {"committee", "map"} and asked.subject in {n for n, _ in offered}:
        return asked.subject
    if asked.kind == "member" and kind == "branch":
        home_of = roster.org_of(asked.subject, today)
        if home_of in {n for n, _ in offered}:
            return home_of
    return offered[0][0] if offered else None
