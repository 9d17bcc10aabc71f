"""Principals with their real tokens on the dashboard: what each sees, what they must say first, and who can tell."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sinks.audit import verify
from sinks.audited import looked_at
from sinks.client import Store
from tests.support.dashboards import KEY, TODAY, Served, served
from web.dashboard.sessions import COOKIE

DEADLINE = 60.0
NAMES = re.compile(r"Name (\d+)")


@pytest.fixture(scope="module")
def site(engine_store: Store) -> Iterator[Served]:
    with served(engine_store) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(site: Served) -> dict[str, str]:
    mine = site.members_of("l1")[0]
    made = {
        "secretary": site.access.create("branch_secretary", by="test", node="l1"),
        "officer": site.access.create("organisation_officer", by="test", node="left"),
        "analyst": site.access.create("committee_analyst", by="test", node="left"),
        "member": site.access.create("member", by="test", member_id=mine),
        "operator": site.access.create("operator", by="test"),
        "service": site.access.create("service", by="test", node="left", detail="named"),
    }
    return {name: created.token for name, created in made.items()}


@contextmanager
def browser(site: Served, token: str = "") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=DEADLINE, headers={"Origin": site.url}) as made:
        if token:
            assert made.post("/enter", data={"token": token}).status_code == 303
        yield made


def looked(site: Served, member: str) -> list[tuple[str, str, str]]:
    """(action, query, purpose) of whoever looked at a member, the latest first."""
    found = looked_at(site.access.store, KEY, member)
    return [(str(r["action"]), str(r["what"]).partition(" ")[0], str(r["purpose"])) for r in found]


def names_of(site: Served, org: str) -> set[str]:
    """Numbers in the names of all who ever belonged to an organisation or to what was below it."""
    roster = site.dashboard.gatherer.roster()
    orgs = {org} | {o.org_id for o in roster.organisations if o.parent_id == org}
    return {str(int(m.member_id[1:])) for m in roster.members if m.org_id in orgs}


SHOWN, ASKED, HIDDEN = 200, 403, 404
PAGES = ("/branch/l1", "/branch/r1", "/committee/left", "/committee/right", "/committee/top", "/member/{mine}",
         "/member/{other}", "/operator", "/looked")  # fmt: skip
MATRIX: dict[str, tuple[int, ...]] = {
    "secretary": (SHOWN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, SHOWN, HIDDEN, HIDDEN, HIDDEN),
    "officer": (ASKED, HIDDEN, SHOWN, HIDDEN, HIDDEN, ASKED, HIDDEN, HIDDEN, HIDDEN),
    "analyst": (HIDDEN, HIDDEN, SHOWN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN),
    "member": (HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, SHOWN, HIDDEN, HIDDEN, SHOWN),
    "operator": (ASKED, ASKED, SHOWN, SHOWN, SHOWN, ASKED, ASKED, SHOWN, HIDDEN),
}
SEES = {"secretary": "l1", "officer": "left", "analyst": "", "operator": "top"}


@pytest.mark.parametrize("who", MATRIX)
def test_each_principal_gets_its_pages_and_nothing_outside_its_scope(
    site: Served, tokens: dict[str, str], who: str
) -> None:
    mine = site.members_of("l1")[0]
    everywhere = {m.member_id for m in site.dashboard.gatherer.roster().members if m.org_id in ("l1", "l2", "left")}
    other = next(m for m in site.members_of("r1") if m not in everywhere)
    visible = names_of(site, SEES[who]) if SEES.get(who) else {str(int(mine[1:]))} if who == "member" else set()
    with browser(site, tokens[who]) as http:
        for path, status in zip((p.format(mine=mine, other=other) for p in PAGES), MATRIX[who], strict=True):
            page = http.get(path)
            assert page.status_code == status, path
            assert set(NAMES.findall(page.text)) <= (visible if status == SHOWN else set()), path
            if path == "/looked":
                continue
            # Pushes and data are of the same scope as the page.
            if status != SHOWN:
                assert http.get(f"/live{path}").status_code == status, path
            names = re.findall(r'href="(/data/[^"]+)"', page.text)
            for href in names if status == SHOWN else [f"/data{path}/member-day.csv", f"/data{path}/rejected.csv"]:
                answer = http.get(href.replace("&amp;", "&"))
                if status != SHOWN:
                    assert answer.status_code in (ASKED, HIDDEN), href
                assert set(NAMES.findall(answer.text)) <= visible, href


def test_a_program_does_not_come_in(site: Served, tokens: dict[str, str]) -> None:
    with browser(site) as http:
        assert http.post("/enter", data={"token": tokens["service"]}).status_code == 403


def test_members_by_name_only_after_saying_what_for_and_they_can_see_it(site: Served, tokens: dict[str, str]) -> None:
    mine = site.members_of("l1")[0]
    before = looked(site, mine)
    with browser(site, tokens["officer"]) as http:
        above = http.get("/committee/left?lang=en")
        assert "/branch/l1" in above.text, "the way down is offered"
        assert not NAMES.search(above.text)
        asked = http.get("/branch/l1?lang=en")
        assert asked.status_code == ASKED
        assert looked(site, mine) == before
        (following,) = re.findall(r'name="next" value="([^"]+)"', asked.text)
        for bad in ("abc", "x" * 201, "two\nlines"):
            assert http.post("/purpose", data={"purpose": bad, "next": following}).status_code == 400
        foreign = {"Origin": "http://evil.example"}
        said = {"purpose": "autumn inspection", "next": following.replace("&amp;", "&")}
        assert http.post("/purpose", data=said, headers=foreign).status_code == 404
        assert http.post("/purpose", data={**said, "next": "//evil.example/"}).headers["location"] == "/"
        answer = http.post("/purpose", data=said)
        assert answer.status_code == 303
        page = http.get(answer.headers["location"])
        assert page.status_code == 200
        assert "autumn inspection" in page.text
        assert NAMES.search(page.text)
        assert http.get("/branch/r1").status_code == HIDDEN
        assert http.get("/branch/l1?lang=en").status_code == 200, "once more is one entry"
        assert http.get("/data/branch/l1/member-day.csv").status_code == 200
        assert http.post("/purpose", data={"purpose": "", "next": "/"}).status_code == 303
        assert http.get("/branch/l1").status_code == ASKED
        assert http.get("/data/branch/l1/member-day.csv").status_code == ASKED
    new = looked(site, mine)[: len(looked(site, mine)) - len(before)]
    assert new == [
        ("export", "member-day", "autumn inspection"),
        ("drill_down", "dashboard-branch", "autumn inspection"),
    ]
    with browser(site, tokens["member"]) as http:
        mine_page = http.get("/looked?lang=en").text
        assert mine_page.count("autumn inspection") == 2
        assert "Organisation officer left" in mine_page
    _, faults = verify(site.access.store, KEY)
    assert faults == []


def test_a_secretary_says_what_for_before_a_file_with_names(site: Served, tokens: dict[str, str]) -> None:
    mine = site.members_of("l1")[0]
    with browser(site, tokens["secretary"]) as http:
        assert http.get("/branch/l1").status_code == 200
        assert ("query", "dashboard-branch", "") in looked(site, mine)
        assert http.get("/data/branch/l1/branch-day.csv").status_code == 200
        asked = http.get("/data/branch/l1/member-day.csv?span=weeks20&lang=en")
        assert asked.status_code == ASKED
        (following,) = re.findall(r'name="next" value="([^"]+)"', asked.text)
        answer = http.post("/purpose", data={"purpose": "monthly ledger", "next": following.replace("&amp;", "&")})
        found = http.get(answer.headers["location"])
        assert found.headers["content-type"].startswith("text/csv")
        assert mine in found.text
        assert looked(site, mine)[0] == ("export", "member-day", "monthly ledger")


def test_aggregates_answer_as_the_query_api_does(site: Served, tokens: dict[str, str]) -> None:
    with browser(site, tokens["analyst"]) as http:
        page = http.get("/committee/left?span=days&from=2026-03-01&to=2026-03-02&course=c1&lang=en")
        assert page.status_code == 200
        assert f"{TODAY.year - 1} Q4" in page.text, "the latest quarter that is over"
        assert http.get("/data/committee/left/branches.csv?span=days&from=2026-03-01&to=2026-03-02").text == (
            http.get("/data/committee/left/branches.csv").text
        )
        assert http.get("/data/committee/left/member-day.csv").status_code == HIDDEN


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_token_that_ended_ends_the_session_and_the_open_page(site: Served, how: str) -> None:
    made = site.access.create("branch_secretary", by="test", node="r1", lifetime=timedelta(days=1))
    with browser(site, made.token) as http, http.stream("GET", "/live/branch/r1") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: clock"
        clock = site.access.clock
        if how == "revoked":
            site.access.revoke(made.principal.principal_id)
        else:
            site.access.clock = lambda: datetime.now(UTC) + timedelta(days=2)
        try:
            began = time.monotonic()
            for line in lines:
                assert time.monotonic() - began < DEADLINE
                if line == "event: end":
                    break
            assert http.get("/branch/r1").status_code == 303
            assert http.post("/enter", data={"token": made.token}).status_code == 403
        finally:
            site.access.clock = clock
        assert http.get("/branch/r1").headers["location"] == "/enter", "an ended session does not come back"


def test_a_cookie_of_ours_alone_opens_a_session(site: Served, tokens: dict[str, str]) -> None:
    with browser(site, tokens["secretary"]) as http:
        cookie = http.cookies[COOKIE]
        assert tokens["secretary"] not in cookie
        number, _, signature = cookie.partition(".")
        http.post("/leave")
        assert http.get("/branch/l1", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 303
        forged = f"{number}.{signature[::-1]}"
        assert http.get("/branch/l1", headers={"Cookie": f"{COOKIE}={forged}"}).status_code == 303


def test_a_form_that_is_too_long_is_not_read(site: Served) -> None:
    with browser(site) as http:
        assert http.post("/enter", data={"token": "x" * 10_000}).status_code == 413
