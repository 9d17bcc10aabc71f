"""The dashboard over HTTP on a real store: who gets which page, what may be exported, and what is pushed."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import polars as pl
import pytest

from schemas.errors import InputError
from sinks.client import Store
from sinks.read import Filters, Scope
from tests.support.dashboards import TODAY, Served, served
from web.dashboard.asking import Asked
from web.dashboard.viewers import OPERATOR, Viewer

DEADLINE = 60.0
"""Seconds; a slow machine is no failure."""


@pytest.fixture(scope="module")
def site(engine_store: Store) -> Iterator[Served]:
    with served(engine_store) as running:
        yield running


@contextmanager
def client(site: Served, token: str = "") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=DEADLINE) as made:
        if token:
            answer = made.post("/enter", data={"token": token}, headers={"Origin": site.url})
            assert answer.status_code == 303, answer.text
        yield made


def member_of(site: Served, org: str) -> str:
    return site.members_of(org)[0]


def test_nobody_sees_anything_without_a_token(site: Served) -> None:
    with client(site) as http:
        for path in ("/", "/branch/l1", "/committee/top", "/member/m01", "/operator"):
            answer = http.get(path)
            assert (answer.status_code, answer.headers.get("location")) == (303, "/enter"), path
        for path in (
            "/data/branch/l1/member-day.csv",
            "/data/operator/ledger.csv",
            "/live/branch/l1",
            "/live/operator",
        ):
            assert http.get(path).status_code == 404, path
        assert http.post("/enter", data={"token": "wrong"}, headers={"Origin": site.url}).status_code == 403
        foreign = {"Origin": "http://evil.example"}
        assert http.post("/enter", data={"token": "operator"}, headers=foreign).status_code == 404
        assert http.get("/enter", params={"key": "guessed"}).status_code == 403
        assert http.get("/enter", headers={"Host": "evil.example"}).status_code == 421


def test_the_cookie_and_the_headers_protect(site: Served) -> None:
    key = site.dashboard.sessions.link("operator")
    with client(site) as http:
        answer = http.get("/enter", params={"key": key})
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert http.get("/enter", params={"key": key}).status_code == 403
        page = http.get("/committee/top")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert http.post("/leave", headers={"Origin": site.url}).status_code == 303
        assert http.get("/committee/top").status_code == 303


@pytest.mark.parametrize(
    ("token", "home", "closed"),
    [
        ("operator", "/committee/", ()),
        ("named:l1", "/branch/l1", ("/branch/r1", "/committee/right", "/committee/top", "/operator")),
        ("named:left", "/committee/left", ("/branch/r1", "/committee/top", "/operator")),
        ("aggregate:left", "/committee/left", ("/branch/l1", "/committee/right", "/member/m01", "/operator")),
    ],
)
def test_a_viewer_gets_the_pages_of_the_scope_and_no_others(
    site: Served, token: str, home: str, closed: tuple[str, ...]
) -> None:
    with client(site, token) as http:
        start = http.get("/")
        assert start.status_code == 303
        assert start.headers["location"].startswith(home)
        assert http.get(start.headers["location"]).status_code == 200
        for path in (*closed, "/branch/nowhere", "/nothing/l1"):
            assert http.get(path).status_code == 404, path
            assert http.get(f"/live{path}").status_code == 404, path
            assert http.get(f"/data{path}/member-day.csv").status_code == 404, path


def test_links_of_a_page_open_for_its_viewer(site: Served) -> None:
    member = member_of(site, "l1")
    for token in ("named:l1", "aggregate:left", f"own:{member}"):
        with client(site, token) as http:
            page = http.get("/", follow_redirects=True)
            hrefs = {h.replace("&amp;", "&") for h in re.findall(r'href="(/[^"#]+)"', page.text)}
            assert len(hrefs) >= 3
            for href in sorted(hrefs):
                found = http.get(href, follow_redirects=True)
                assert found.status_code == 200, (token, href)


def test_a_member_sees_only_their_own(site: Served) -> None:
    mine, other = site.members_of("l1")[0], site.members_of("r1")[0]
    with client(site, f"own:{mine}") as http:
        page = http.get(f"/member/{mine}?span=weeks20")
        assert page.status_code == 200
        assert http.get(f"/member/{other}").status_code == 404
        assert http.get("/branch/l1").status_code == 404
        names = set(re.findall(r"Name \d+", page.text))
        assert len(names) == 1
        found = list(csv.DictReader(io.StringIO(http.get(f"/data/member/{mine}/member-day.csv?span=weeks20").text)))
        assert {row["\ufeffmember_id"] for row in found} == {mine}


@pytest.mark.parametrize("name", ["member-day", "branch-day", "wrong-questions", "credit", "suggestions"])
def test_an_export_is_the_query_in_the_scope_of_the_viewer(site: Served, name: str) -> None:
    with client(site, "named:l1") as http:
        answer = http.get(f"/data/branch/l1/{name}.csv?span=weeks20")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    if name != "member-day":
        return
    period = Asked("branch", "l1", "weeks20").period(TODAY)
    wanted = site.dashboard.gatherer.reader().frame(
        name, Scope("l1", "named"), Filters(first=period.first, last=period.last, org="l1")
    )
    assert wanted.height == len(rows) > 0
    assert {row["org_id"] for row in rows} == {"l1"}


def test_aggregates_export_no_rows_of_persons(site: Served) -> None:
    with client(site, "aggregate:top") as http:
        for name in ("branches", "branch-day", "questions", "wrong-questions"):
            assert http.get(f"/data/committee/top/{name}.csv").status_code == 200, name
            # What is withheld depends on who asks, where it is not about the scope's own organisation.
            assert http.get(f"/data/committee/left/{name}.csv").status_code == 404, name
        for name in ("rejected", "member-day", "answers"):
            assert http.get(f"/data/committee/top/{name}.csv").status_code == 404, name
        page = http.get("/committee/top?span=today")
        assert not re.search(r"Name \d+", page.text)
        # Single days can't be asked for: their difference would tell of single persons.
        other = http.get("/committee/top?span=week&course=c1")
        assert _without_address(page.text) == _without_address(other.text)


def _without_address(page: str) -> str:
    return re.sub(r'(span|course)=\w+&amp;|data-hash="\w+"', "", page)


def test_figures_equal_the_queries(site: Served) -> None:
    gatherer, asked = site.dashboard.gatherer, Asked("branch", "l1", "weeks20")
    view = gatherer.branch(OPERATOR, asked)
    period = asked.period(TODAY)
    rows = gatherer.reader().frame(
        "member-day", Scope.everything(), Filters(first=period.first, last=period.last, org="l1", course="")
    )
    assert view.report.study.total.value == pytest.approx(rows["study_seconds"].sum())
    today = rows.filter(pl.col("day") == TODAY)
    assert view.today.study.value == pytest.approx(today["study_seconds"].sum())
    assert view.today.active.n == len(site.members_of("l1"))
    with pytest.raises(InputError):
        gatherer.branch(Viewer(Scope("r1", "named"), "secretary", OPERATOR.label), asked)


def test_the_operator_sees_the_ledger_what_was_rejected_and_jobs(site: Served) -> None:
    with client(site, "operator") as http:
        page = http.get("/operator?lang=en").text
        for said in ("mailbox full", "monthly", "The ledger balances", "malformed", "1 part needs a look"):
            assert said in page, said
        assert http.get("/data/operator/ledger.csv").status_code == 200


def test_pages_can_be_asked_for_anything_and_stay_whole(site: Served) -> None:
    with client(site, "operator") as http:
        for query, status in {
            "span=days&from=2026-03-01&to=2026-03-02": 200,
            "course=c1": 200,
            "course=unknown": 200,
            "span=years": 400,
            "span=days&from=2026-03-02&to=2026-03-01": 400,
            "lang=xx": 400,
        }.items():
            answer = http.get(f"/branch/l1?{query}")
            assert answer.status_code == status, query
            assert "Traceback" not in answer.text


def events(stream: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def test_an_event_is_pushed_to_whoever_may_see_it(site: Served) -> None:
    member = site.members_of("l1")[0]
    with client(site, "named:l1") as http:
        page = http.get("/branch/l1?lang=en").text
        have = ".".join(re.findall(r'data-hash="(\w+)"', page))
        with http.stream("GET", f"/live/branch/l1?lang=en&have={have}") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            found = events(stream)
            assert next(found)[0] == "clock"
            began = time.monotonic()
            site.study(member, 17)
            for name, content in found:
                if name == "parts" and "now" in {p["name"] for p in content}:
                    break
                assert time.monotonic() - began < DEADLINE
            took = time.monotonic() - began
            print(f"an event was pushed after {took:.2f} s")
            pushed = next(p for p in content if p["name"] == "now")
            assert pushed["hash"] not in have
        assert pushed["html"] in http.get("/branch/l1?lang=en").text


def test_a_revoked_token_ends_an_open_page(site: Served) -> None:
    with client(site, "named:r1") as http, http.stream("GET", "/live/branch/r1?lang=en") as stream:
        found = events(stream)
        assert next(found)[0] == "clock"
        site.tokens.revoked.add("named:r1")
        try:
            began = time.monotonic()
            assert any(name == "end" for name, _ in found)
            assert time.monotonic() - began < DEADLINE
            assert http.get("/branch/r1").status_code == 303
        finally:
            site.tokens.revoked.clear()
