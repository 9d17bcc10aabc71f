"""The dashboard's pure parts: what an address asks for, who may see it, sessions, and what is pushed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from reports.asking import ALL
from reports.context.group import Groups
from reports.context.member import member_report
from reports.context.quality import Deliveries
from reports.context.secretary import Secretaries
from reports.data import EVERYTHING, Policy, ReportData
from reports.parts import rows_of
from reports.population import Populations
from reports.text import LANGUAGES
from reports.withholding import RULES
from schemas.errors import InputError, StoreError
from schemas.reference import Roster, Text
from sinks.read import Scope
from tests.support.small_reports import FIRST, LAST, ORGANISATIONS, answer, make, members, study
from web.dashboard import frame
from web.dashboard.asking import QUARTERS, SPANS, Asked, asked, quarter
from web.dashboard.export import EXPORTS, allowed, filters_of, purpose_needed
from web.dashboard.gather import Branch, Committee, Freshness, Own, TreeLine
from web.dashboard.glance import glance, week_of
from web.dashboard.live import Hub
from web.dashboard.render import PARTS, Rendered, pages, rendered, words
from web.dashboard.sessions import LONGEST, MOST_FAILURES, PURPOSE_SECONDS, Sessions
from web.dashboard.viewers import OPERATOR, LocalViewers, PageKind, Viewer

TODAY = LAST
NOW = datetime(LAST.year, LAST.month, LAST.day, 12, tzinfo=UTC)
FRESH = Freshness(NOW, NOW, 3, 9, "Asia/Shanghai")
LABEL = Text("某人", "Somebody")


def test_an_address_says_everything_and_is_read_back() -> None:
    page = asked("branch", "支部/1", {"from": "2026-03-01", "to": "2026-03-31", "course": "c 1", "lang": "en"}, "zh")
    assert page.path == "/branch/%E6%94%AF%E9%83%A8%2F1"
    given = dict(pair.split("=") for pair in page.query.replace("+", " ").split("&"))
    assert asked("branch", "支部/1", given, "zh") == page
    assert (page.first, page.last) == (date(2026, 3, 1), date(2026, 3, 31))


@pytest.mark.parametrize("span", SPANS)
def test_every_period_ends_today_or_as_asked(span: Any) -> None:
    page = asked("branch", "b", {"span": span, "from": "2026-01-05", "to": "2026-01-06"}, "zh")
    period = page.period(TODAY)
    assert period.last == (date(2026, 1, 6) if span == "days" else TODAY)
    assert span in ("today", "days") or period.first.weekday() == 0
    # Of aggregates there are whole quarters only, whatever is asked for.
    assert page.period(TODAY, aggregate=True) == quarter(TODAY, 1)


def test_quarters_are_whole_and_follow_each_other() -> None:
    for today in (date(2026, 1, 1), date(2026, 3, 31), date(2026, 12, 31)):
        found = [asked("committee", "b", {"span": span}, "zh").period(today, aggregate=True) for span in QUARTERS]
        assert found[0].last < today
        for period in found:
            assert (period.first.day, (period.last + timedelta(days=1)).day, period.first.month % 3) == (1, 1, 1)
            assert 90 <= period.days <= 92
        assert all(a.first - timedelta(days=1) == b.last for a, b in pairwise(found))


@pytest.mark.parametrize(
    "given",
    [
        {"span": "year"},
        {"span": "days", "from": "yesterday", "to": "2026-01-01"},
        {"span": "days", "from": "2026-01-02", "to": "2026-01-01"},
        {"span": "days", "from": "2000-01-02", "to": "2026-01-01"},
        {"lang": "fr"},
        {"course": "c" * 65},
    ],
)
def test_what_is_no_page_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InputError):
        asked("branch", "b", given, "zh")


ROSTER = Roster(ORGANISATIONS, [*members("b1", 6), *members("b2", 6)])
KINDS: tuple[PageKind, ...] = ("branch", "committee", "member", "operator")


@pytest.mark.parametrize(
    ("scope", "opens"),
    [
        (Scope.everything(), "branch:b1 branch:top committee:b2 committee:top member:b2-m1 operator:"),
        (Scope("b1", "named"), "branch:b1 committee:b1 member:b1-m1"),
        (Scope("top", "named"), "branch:b1 branch:top committee:b2 committee:top member:b2-m1"),
        (Scope("top", "aggregate"), "committee:b2 committee:top"),
        (Scope("b1", "aggregate"), "committee:b1"),
        (Scope.own("b1-m1"), "member:b1-m1"),
    ],
)
def test_pages_outside_the_scope_do_not_open(scope: Scope, opens: str) -> None:
    viewer = Viewer(scope, "x", LABEL)
    tried: list[tuple[PageKind, str]] = [
        ("branch", "b1"), ("branch", "top"), ("committee", "b1"), ("committee", "b2"), ("committee", "top"),
        ("member", "b1-m1"), ("member", "b2-m1"), ("member", "nobody"), ("branch", "none"), ("operator", ""),
    ]  # fmt: skip
    found = {f"{kind}:{subject}" for kind, subject in tried if viewer.may_open(kind, subject, ROSTER)}
    wanted = set(opens.split())
    if scope.operator or scope.node == "top":
        wanted |= {"committee:b1"} | ({"member:b1-m1"} if scope.detail == "named" else set())
    assert found == wanted


def test_everybody_begins_where_they_may_be() -> None:
    for scope in (Scope.everything(), Scope("b1", "named"), Scope("b1", "aggregate"), Scope.own("b1-m1")):
        viewer = Viewer(scope, "x", LABEL)
        home = frame.home(viewer, ROSTER, TODAY)
        assert home is not None
        assert viewer.may_open(*home, ROSTER)
        for kind in KINDS:
            offered = frame.nodes(viewer, ROSTER, TODAY, kind)
            assert all(viewer.may_open(kind, node, ROSTER) for node, _ in offered)


def test_a_link_lets_in_once_and_a_revoked_token_ends_the_session() -> None:
    now, viewers = [0.0], LocalViewers("secret")
    sessions = Sessions(viewers, clock=lambda: now[0])
    key = sessions.link("secret")
    cookie = sessions.enter(key=key)
    assert cookie is not None
    assert "secret" not in cookie
    assert sessions.enter(key=key) is None
    assert sessions.viewer(cookie) == OPERATOR
    assert sessions.viewer(cookie[:-1] + ("0" if cookie[-1] != "0" else "1")) is None
    assert sessions.viewer(None) is None
    viewers.key = "another"
    assert sessions.viewer(cookie) is None
    viewers.key = "secret"
    assert sessions.viewer(cookie) is None, "a session that ended stays so"
    cookie = sessions.enter("secret")
    assert sessions.viewer(cookie) == OPERATOR
    now[0] = LONGEST + 1
    assert sessions.viewer(cookie) is None


def test_guessing_tokens_comes_to_an_end() -> None:
    now = [0.0]
    sessions = Sessions(LocalViewers("secret"), clock=lambda: now[0])
    assert all(sessions.enter(f"guess {n}", address="a") is None for n in range(MOST_FAILURES))
    assert sessions.enter("secret", address="a") is None
    assert sessions.enter("secret", address="b") is not None, "others are not kept out"
    now[0] = 61.0
    cookie = sessions.enter("secret", address="a")
    assert cookie is not None
    sessions.leave(cookie)
    assert sessions.viewer(cookie) is None


def test_exports_exist_and_aggregates_get_only_what_withholds() -> None:
    for kind in KINDS:
        page = Asked(kind, "" if kind == "operator" else "x", course="c1")
        assert allowed(page, Scope.everything()) == set(EXPORTS[kind])
        assert allowed(page, Scope("x", "aggregate")) <= RULES.keys()
        assert not allowed(page, Scope("above", "aggregate")), "what is withheld there depends on who asks"
        for name in EXPORTS[kind]:
            filters = filters_of(ALL[name], page, TODAY, aggregate=False)
            assert filters.given() <= ALL[name].filters
            assert kind in ("operator",) or {"org", "member"} & filters.given()
    assert "rejected" in allowed(Asked("member", "m"), Scope.own("m"))


def test_rows_about_others_ask_for_a_purpose_and_nothing_else_does() -> None:
    page = Asked("branch", "b1")
    secretary = Viewer(Scope("b1", "named"), "branch_secretary", LABEL)
    assert purpose_needed(secretary, page, "member-day")
    assert not purpose_needed(secretary, page, "branch-day")
    assert not purpose_needed(replace(secretary, purpose="inspection"), page, "member-day")
    assert not purpose_needed(OPERATOR, page, "member-day")
    assert not purpose_needed(Viewer(Scope.own("m"), "member", LABEL), Asked("member", "m"), "member-day")


def test_above_a_branch_there_are_aggregates_until_a_purpose_is_stated() -> None:
    officer = Viewer(Scope("top", "named"), "organisation_officer", LABEL, asks_purpose=True)
    assert officer.scope == Scope("top", "aggregate")
    for kind, subject in (("branch", "b1"), ("member", "b2-m1")):
        assert not officer.may_open(kind, subject, ROSTER)  # type: ignore[arg-type]
        assert officer.purpose_opens(kind, subject, ROSTER)  # type: ignore[arg-type]
    assert not officer.purpose_opens("branch", "none", ROSTER)
    assert not officer.purpose_opens("operator", "", ROSTER)
    told = replace(officer, purpose="inspection")
    assert told.scope == Scope("top", "named")
    assert told.may_open("member", "b2-m1", ROSTER)
    analyst = Viewer(Scope("top", "aggregate"), "committee_analyst", LABEL)
    assert not analyst.purpose_opens("branch", "b1", ROSTER)
    admin = Viewer(Scope.everything(), "operator", LABEL, asks_purpose=True)
    assert admin.may_open("operator", "", ROSTER)
    assert not admin.may_open("branch", "b1", ROSTER)


def test_a_purpose_holds_for_an_hour() -> None:
    now = [0.0]
    sessions = Sessions(LocalViewers("secret"), clock=lambda: now[0])
    cookie = sessions.enter("secret")
    sessions.state(cookie, "inspection")
    found = sessions.viewer(cookie)
    assert found is not None
    assert found.purpose == "inspection"
    now[0] = PURPOSE_SECONDS + 1
    assert sessions.viewer(cookie) == OPERATOR


def data() -> ReportData:
    people = [*members("b1", 6), *members("b2", 6), *members("b3", 2)]
    days, answers = [], []
    for org in ("b1", "b2"):
        for n in range(1, 6):
            for d in range(0, 28, 2):
                days.append(study(f"{org}-m{n}", date.fromordinal(FIRST.toordinal() + d), 20 + n))
            answers += [answer(f"{org}-m{n}", i % 3 > 0, "q1", response="A") for i in range(6)]
    return make(people, days, answers)


def views() -> dict[PageKind, Any]:
    d = data()
    populations = Populations(d.roster, d.period)
    named = Groups(d, populations, Deliveries(d), EVERYTHING, Policy("named", 1))
    rows = d.days.filter(d.days["course_id"] == "")
    g = glance(rows.with_columns(answers=0, graded=0, correct=0, wrong_questions=0), FIRST, LAST, {"b1-m1", "b1-m2"})
    report = named.report("top")
    ((_, own),) = rows_of(d, ["b1-m1"])
    return {
        "branch": Branch(g, g, named.report("b1"), Secretaries(d, populations, 1).report("b1"), FRESH),
        "committee": Committee(report, tuple(TreeLine(0, c, "/x") for c in report.children), True, FRESH),
        "member": Own(g, g, member_report(d, Deliveries(d), EVERYTHING, "b1-m1", own), FRESH),
    }


SUBJECTS = {"branch": "b1", "committee": "top", "member": "b1-m1"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_of_every_page_is_made_and_every_button_has_its_definition(language: Any) -> None:
    for kind, view in views().items():
        page = Asked(kind, SUBJECTS[kind], language=language)
        values = frame.inside(OPERATOR, page)
        parts = pages(language).parts(page, view, zone=NOW.tzinfo, **values)
        assert [p.name for p in parts] == [*PARTS[kind], "definitions"]
        html = "".join(p.html for p in parts)
        opened = set(re.findall(r'popovertarget="m-(\w+)"', html))
        assert opened == set(re.findall(r'id="m-(\w+)" popover', html))
        assert len(opened) > 5
        whole = pages(language).page(parts, page, **frame.around(OPERATOR, page, ROSTER, TODAY, [("c1", LABEL)]))
        ids = re.findall(r'\sid="([^"]+)"', whole)
        assert len(ids) == len(set(ids)), "an id stands twice"
        assert not re.search(r'\sstyle="|\son\w+="|<script>', whole), "the page's own policy forbids it"
        headings = {m for m in re.findall(r'aria-labelledby="(h-\w+)"', whole) if f'id="p-{m[2:]}"' in whole}
        shown = {f"h-{p.name}" for p in parts if p.html and p.name not in ("fresh", "definitions")}
        assert shown <= headings & set(ids)


def test_a_page_says_the_same_with_other_hands_and_changes_with_its_figures() -> None:
    view = views()["branch"]
    page = Asked("branch", "b1")
    values = frame.inside(OPERATOR, page)
    once, twice = (pages("zh").parts(page, view, zone=NOW.tzinfo, **values) for _ in range(2))
    assert once == twice
    other = pages("zh").parts(page, Branch(view.today, view.today, view.report, view.annex, FRESH), zone=UTC, **values)
    assert {p.name for p, q in zip(once, other, strict=True) if p.hash != q.hash} <= {"now", "fresh"}


def test_names_are_escaped() -> None:
    d = make([*members("b1", 5, prefix="<b>x")], [study("<b>x-m1")])
    populations = Populations(d.roster, d.period)
    annex = Secretaries(d, populations, 1).report("b1")
    report = Groups(d, populations, Deliveries(d), EVERYTHING, Policy("named", 1)).report("b1")
    rows = d.days.with_columns(answers=0, graded=0, correct=0, wrong_questions=0)
    g = glance(rows, FIRST, LAST, {"<b>x-m1"})
    page = Asked("branch", "b1")
    parts = pages("en").parts(page, Branch(g, g, report, annex, FRESH), zone=UTC, **frame.inside(OPERATOR, page))
    html = "".join(p.html for p in parts)
    assert "<b>x" not in html
    assert "&lt;b&gt;x" in html


def test_a_glance_counts_only_its_members_and_days() -> None:
    d = data()
    rows = d.days.filter(d.days["course_id"] == "").with_columns(answers=2, graded=2, correct=1, wrong_questions=1)
    found = glance(rows, FIRST, FIRST, {"b1-m1", "b1-m6"})
    assert (found.active.value, found.active.n) == (1, 2)
    assert found.study.value == 21 * 60
    assert (found.accuracy.x, found.accuracy.n) == (1, 2)
    assert week_of(date(2026, 3, 8)) == date(2026, 3, 2)


def test_languages_say_everything() -> None:
    zh, en = words("zh"), words("en")
    keys = {key for key in zh.messages if key.startswith("dash.")}
    assert keys == {key for key in en.messages if key.startswith("dash.")}
    for key in keys:
        assert set(re.findall(r"\{(\w+)", zh.messages[key])) == set(re.findall(r"\{(\w+)", en.messages[key])), key


async def _stream(hub: Hub, make_parts: Callable[[], tuple[Rendered, ...]], until: int, **more: Any) -> list[Any]:
    async def always() -> bool:
        return True

    found: list[Any] = []
    async for name, content in hub.stream(
        "page", make_parts, more.pop("have", ()), more.pop("allowed", always), **more
    ):
        found.append((name, [p.name for p in content] if name == "parts" else content))
        if sum(n == "parts" for n, _ in found) >= until or name == "end":
            break
    return found


def test_only_what_changed_is_pushed() -> None:
    version = [1]

    def parts() -> tuple[Rendered, ...]:
        now = version[0]
        version[0] = now + 1 if now < 3 else 3
        return rendered("same", "x"), rendered("moves", str(now))

    found = asyncio.run(_stream(Hub(lambda: version[0]), parts, 2))
    pushed = [content for name, content in found if name == "parts"]
    assert pushed == [["same", "moves"], ["moves"]]


def test_what_the_page_has_is_not_pushed_again_and_quick_parts_come_first() -> None:
    version = [0]

    def parts() -> tuple[Rendered, ...]:
        version[0] = 1
        return rendered("a", "x"), rendered("b", f"{version[0]}")

    have = [rendered("a", "x").hash, rendered("b", "1").hash]
    hub = Hub(lambda: version[0])
    quick = asyncio.run(_stream(hub, parts, 1, have=have, quick=lambda: (rendered("a", "y"),)))
    assert [c for n, c in quick if n == "parts"] == [["a"]]


def test_a_store_that_is_away_is_told_and_asked_again() -> None:
    calls = [0]

    def version() -> int:
        calls[0] += 1
        if calls[0] < 3:
            raise StoreError("away")
        return calls[0]

    found = asyncio.run(_stream(Hub(version), lambda: (rendered("a", "x"),), 1))
    assert ("clock", True) in found
    assert found[-1] == ("parts", ["a"])
    assert calls[0] >= 3


def test_a_page_ends_when_its_viewer_may_no_longer_see_it() -> None:
    async def never() -> bool:
        return False

    assert asyncio.run(_stream(Hub(lambda: 1), lambda: (), 1, allowed=never)) == [("end", None)]
