"""The query API on a real server and store: who gets what, in which form, and what is refused."""

from __future__ import annotations

import io
import json
import re
import socket
import ssl
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest
import trustme
import typer
import urllib3
from typer.testing import CliRunner, Result

from commands import query
from commands.context import Context
from reports.formats.records import WRITERS
from reports.withholding import always
from schemas.errors import ConfigError, InputError, StoreUnavailable
from schemas.settings import Settings
from sinks.access import Access
from sinks.audit import verify
from sinks.audited import entries, looked_at
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.erasing import BLOCKED, Erasure, write
from sinks.member_key import member_key
from sinks.read import Filters, Reader, Scope
from sinks.rosters import StoreRosters
from tests.integration.test_read import world
from tests.support.api import Answer, Api, running
from tests.support.harness import Harness
from tests.support.world import World
from web.api.callers import NO_TOKEN, WRONG_TOKEN
from web.security import API_HEADERS

__all__ = ["world"]
LEFT = Scope("left", "named")
WHY = {"purpose": "a test"}
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def tokens(engine_store: Store, world: World) -> dict[str, str]:
    """One of each kind of principal, by a name."""
    access = Access(engine_store)

    def made(role: str, **more: Any) -> str:
        return access.create(role, by="test", **more).token

    revoked = access.create("operator", by="test")
    access.revoke(revoked.principal.principal_id)
    return {
        "operator": made("operator"),
        "left": made("organisation_officer", node="left"),
        "right": made("organisation_officer", node="right"),
        "secretary": made("branch_secretary", node="l1"),
        "analyst": made("committee_analyst", node="top"),
        "m01": made("member", member_id="m01"),
        "expired": made("operator", lifetime=timedelta(microseconds=1)),
        "revoked": revoked.token,
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = str(tmp_path_factory.mktemp("data"))
    return Settings(data_dir=folder, language="en", api_port=0, api_requests=1_000_000, api_rows=5000)


@pytest.fixture(scope="module")
def api(settings: Settings, engine_store: Store, tokens: dict[str, str]) -> Iterator[Api]:
    with running(settings, engine_store) as found:
        found.token = tokens["operator"]
        yield found


def rows_of(store: Store, name: str, scope: Scope, **filters: Any) -> list[dict[str, Any]]:
    found = Reader(store).frame(name, scope, Filters(**filters))
    return found.select(pl.col("member_id"), pl.col("day").cast(pl.String), "course_id").to_dicts()


def problem(answer: Answer, status: int, kind: str) -> dict[str, Any]:
    """The document of a problem, which says nothing of our insides."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:xuejing:problem:{kind}"
    assert (found["status"], found["request_id"]) == (status, answer.headers["X-Request-Id"])
    assert not re.search(rb"Traceback|\.py\b|SELECT|clickhouse", answer.body, re.IGNORECASE)
    return found


# what each principal gets


def test_each_principal_sees_its_own(api: Api, tokens: dict[str, str], engine_store: Store) -> None:
    asked = {"columns": "member_id,day,course_id", "limit": 200} | WHY
    heights = []
    for name, scope in {
        "operator": Scope.everything(), "left": LEFT, "right": Scope("right", "named"),
        "secretary": Scope("l1", "named"), "m01": Scope.own("m01"),
    }.items():  # fmt: skip
        expected = rows_of(engine_store, "member-day", scope)
        assert api.rows("member-day", tokens[name], **asked) == expected, name
        heights.append(len(expected))
    assert min(heights) > 5
    assert max(heights) == heights[0]


def test_filters_narrow_within_the_scope(api: Api, tokens: dict[str, str], engine_store: Store) -> None:
    asked = {"columns": "member_id,day,course_id", "org": "l1", "course": "c1"} | WHY
    got = api.rows("member-day", tokens["left"], first="2026-03-03", last="2026-03-15", **asked)
    assert got
    days = {"first": date(2026, 3, 3), "last": date(2026, 3, 15)}
    assert got == rows_of(engine_store, "member-day", LEFT, org="l1", course="c1", **days)


def test_what_is_beyond_the_scope_is_as_if_it_were_not_there(api: Api, tokens: dict[str, str]) -> None:
    """The same answer for an organisation elsewhere and for one that nobody has; no rows of members elsewhere."""
    there, nowhere = (
        problem(api.get("/v1/queries/member-day", tokens["left"], org=org, **WHY), 404, "not-found")
        for org in ("r1", "zz")
    )
    assert there["detail"].replace("r1", "zz") == nowhere["detail"]
    there, nowhere = (
        problem(api.get("/v1/queries/member-day", tokens["m01"], org=org), 404, "not-found") for org in ("r1", "zz")
    )
    assert there["detail"].replace("r1", "zz") == nowhere["detail"]
    assert api.rows("member-day", tokens["m01"], org="left", columns="member_id,day")
    assert api.rows("member-day", tokens["m01"], member="m02") == []
    assert api.rows("members", tokens["secretary"], member="nobody") == []


def test_aggregates_name_nobody(api: Api, tokens: dict[str, str]) -> None:
    problem(api.get("/v1/queries/member-day", tokens["analyst"]), 403, "forbidden")
    problem(api.get("/v1/queries/branch-day", tokens["analyst"], member="m01"), 403, "forbidden")
    problem(api.get("/v1/queries/silent", tokens["analyst"]), 403, "forbidden")
    problem(api.get("/v1/queries/wrong-questions", tokens["analyst"]), 422, "invalid")
    rows = api.rows("wrong-questions", tokens["analyst"], first="2026-01-01", last="2026-03-31")
    assert rows
    assert all(not row["member_id"] and row["members"] >= 5 for row in rows)
    shown = api.rows("branch-day", tokens["analyst"], org="top", limit=5)
    hidden = [row for row in shown if row["active_members"] is None]
    assert hidden
    assert all(row["active_members"] >= 5 for row in shown if row not in hidden)
    assert len(api.rows("branch-day", **WHY)) > len(shown), "the operator sees every cell"


@pytest.mark.parametrize("kind", ["none", "wrong", "malformed", "expired", "revoked"])
def test_without_a_valid_token_nothing_is_answered(api: Api, tokens: dict[str, str], kind: str) -> None:
    made = {"none": "", "malformed": "x" * 150, "wrong": tokens["operator"][:-1] + "0"} | tokens
    if made[kind] == tokens["operator"]:
        made[kind] = tokens["operator"][:-1] + "1"
    found = api.get("/v1/me", made[kind])
    document = problem(found, 401, "unauthorized")
    assert found.headers["WWW-Authenticate"].startswith("Bearer")
    told = NO_TOKEN if kind == "none" else WRONG_TOKEN
    assert document.pop("detail") == told.en, "which of the three it is, is not told"
    assert document.keys() == {"type", "title", "status", "request_id"}


def test_a_token_is_refused_once_it_is_revoked(settings: Settings, engine_store: Store, tokens: dict[str, str]) -> None:
    access = Access(engine_store)
    made = access.create("operator", by="test")
    with running(settings, engine_store) as api:
        access.revoke(made.principal.principal_id)
        problem(api.get("/v1/me", made.token), 401, "unauthorized")


def test_me_and_definitions(api: Api, tokens: dict[str, str]) -> None:
    me = api.get("/v1/me", tokens["secretary"]).json()
    assert me["scope"] == {"node": "l1", "detail": "named", "member_id": None}
    assert (me["role"], me["purpose_needed"]) == ("branch_secretary", False)
    assert tokens["secretary"].split("_")[2] not in json.dumps(me)
    listed = api.get("/v1/queries", tokens["analyst"]).json()["queries"]
    allowed = {q["name"]: q["allowed"] for q in listed}
    assert allowed["branch-day"]
    assert not allowed["member-day"]
    assert {"from", "to", "org"} <= set(next(q["filters"] for q in listed if q["name"] == "branch-day"))
    metrics = api.get("/v1/metrics").json()["metrics"]
    assert all(m["not_said"] for m in metrics)


# the form of answers


def test_every_format_holds_the_same(api: Api) -> None:
    asked: dict[str, Any] = {"columns": "member_id,day,study_seconds,hour_seconds,first_at"} | WHY
    whole = api.get("/v1/queries/member-day", **asked)
    rows = whole.json()
    assert len(rows) > 50

    def body(form: str) -> Answer:
        return api.get("/v1/queries/member-day", format=form, **asked)

    assert [json.loads(line) for line in body("ndjson").body.splitlines()] == rows
    arrow = pl.from_arrow(pa.ipc.open_stream(io.BytesIO(body("arrow").body)).read_all())
    parquet = pl.read_parquet(io.BytesIO(body("parquet").body))
    assert isinstance(arrow, pl.DataFrame)
    assert arrow.equals(parquet)
    assert [r["member_id"] for r in rows] == parquet["member_id"].to_list()
    csv = body("csv")
    assert csv.headers["Content-Type"].startswith("text/csv")
    assert csv.body.decode().splitlines()[0] == asked["columns"]
    assert len(csv.body.decode().splitlines()) == len(rows) + 1
    by_header = api.get("/v1/queries/member-day", headers={"Accept": "text/csv;q=0.9, text/html"}, **asked)
    assert by_header.body == csv.body
    problem(api.get("/v1/queries/silent", headers={"Accept": "image/png"}, **WHY), 406, "not-acceptable")


@pytest.mark.parametrize("name", ["member-day", "answers", "rejected", "questions", "silent", "attitude"])
def test_pages_make_the_whole(api: Api, engine_store: Store, name: str) -> None:
    whole = api.get(f"/v1/queries/{name}", limit=5000, **WHY)
    assert "Link" not in whole.headers
    assert len(whole.json()) > 1
    assert api.rows(name, limit=50, **WHY) == whole.json()
    first = api.get(f"/v1/queries/{name}", limit=1, **WHY)
    assert (len(first.json()), "Link" in first.headers) == (1, True)


def test_every_query_is_answered(api: Api) -> None:
    quarter = {"from": "2026-01-01", "to": "2026-03-31"}
    for listed in api.get("/v1/queries").json()["queries"]:
        # What everybody is answered as aggregates is asked by whole quarters.
        period = quarter if always(listed["name"]) else {}
        found = api.get(listed["href"], limit=3, **period, **WHY)
        if not listed["allowed"]:
            assert found.status == 403, (listed["name"], found.body)
            continue
        assert found.status == 200, (listed["name"], found.body)
        assert all(list(row) == [c["name"] for c in listed["columns"]] for row in found.json())


def test_nothing_is_sent_again_until_the_data_change(api: Api, tokens: dict[str, str], engine_store: Store) -> None:
    first = api.get("/v1/queries/rejected", **WHY)
    again = api.get("/v1/queries/rejected", headers={"If-None-Match": first.headers["ETag"]}, **WHY)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    others = [
        api.get("/v1/queries/rejected", limit=2, **WHY), api.get("/v1/queries/rejected", format="csv", **WHY),
        api.get("/v1/queries/rejected", tokens["left"], **WHY),
    ]  # fmt: skip
    assert len({first.headers["ETag"], *(o.headers["ETag"] for o in others)}) == 4
    sink = ClickHouseSink(engine_store)
    Harness(sink, StoreRosters(sink)).send([b"{not an event"])
    changed = api.get("/v1/queries/rejected", headers={"If-None-Match": first.headers["ETag"]}, **WHY)
    assert (changed.status, len(changed.json())) == (200, len(first.json()) + 1)


# what is refused


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("member-day", {"colour": "red"}),
        ("ledger", {"member": "m01"}),
        ("member-day", {"from": "yesterday"}),
        ("member-day", {"from": "2026-02-30"}),
        ("member-day", {"from": "1772323200"}),
        ("member-day", {"from": "2026-03-02", "to": "2026-03-01"}),
        ("member-day", {"columns": "member_id,nope"}),
        ("member-day", {"limit": "0"}),
        ("member-day", {"limit": "5001"}),
        ("member-day", {"category": "robots"}),
        ("member-day", {"member": "m\x00"}),
        ("member-day", {"member": "m" * 65}),
        ("member-day", {"page": "bm90IG91cnM"}),
        ("member-day", {"format": "exe"}),
    ],
)
def test_wrong_parameters_are_told(api: Api, name: str, parameters: dict[str, str]) -> None:
    problem(api.get(f"/v1/queries/{name}", **parameters, **WHY), 422, "invalid")


def test_a_parameter_twice_or_a_page_of_another_question_is_refused(api: Api) -> None:
    twice = api.request("GET", "/v1/queries/member-day?purpose=x&org=left&org=top")
    assert problem(twice, 422, "invalid")["errors"] == [{"where": "query.org", "what": "unknown, or given twice"}]
    link = api.get("/v1/queries/member-day", limit=1, **WHY).headers["Link"]
    token = re.findall("page=([^&>]+)", link)[0]
    problem(api.get("/v1/queries/member-day", page=token, org="left", **WHY), 422, "invalid")


def test_texts_that_look_like_sql_are_texts(api: Api) -> None:
    for text in ("' OR 1=1 --", "m01'; DROP TABLE events", "{x:String}", "@home(a, b)"):
        assert api.rows("member-day", member=text, **WHY) == []
        problem(api.get("/v1/queries/member-day", org=text, **WHY), 404, "not-found")
    assert api.rows("member-day", **WHY)


def test_what_is_wrong_is_told_in_words(api: Api, tokens: dict[str, str]) -> None:
    def told(token: str, **parameters: str) -> Any:
        return api.get("/v1/queries/member-day", token, lang="zh", **parameters).json()

    wrong = {"from": "2026-7-1", "columns": "nope", "limit": "0", "format": "exe"}
    by = {e["where"]: e["what"] for e in told(tokens["secretary"], **wrong)["errors"]}
    assert "YYYY-MM-DD" in by["query.from"]
    assert by["query.columns"] == "没有这样的列；各列见 /v1/queries"
    assert by["query.limit"] == "不得小于 1"
    assert by["query.format"] == "应为 'json'、'ndjson'、'csv'、'parquet'、'arrow'"
    assert "Authorization" in told("")["detail"]
    assert "收回" in told(tokens["revoked"])["detail"]
    assert "purpose" in told(tokens["left"])["detail"]
    assert "/v1/queries" in api.get("/v1/queries/nothing").json()["detail"]
    own = api.get("/v1/queries/branch-day", tokens["m01"], lang="zh").json()
    assert own["detail"] == "branch-day 不能按“本人”的详细程度查询（可查询的详细程度：汇总、具名）"


def test_the_list_of_queries_tells_what_the_token_may_ask(api: Api, tokens: dict[str, str]) -> None:
    quarter = {"from": "2026-01-01", "to": "2026-03-31"}
    for name in ("analyst", "m01", "secretary"):
        for listed in api.get("/v1/queries", tokens[name]).json()["queries"]:
            given = {k: v for k, v in quarter.items() if k in listed["filters"]}
            asked = api.get(listed["href"], tokens[name], limit=1, **given)
            assert (asked.status == 200) == listed["allowed"], (name, listed["name"], asked.body)


def test_too_large_a_body_is_refused(api: Api) -> None:
    large = b'{"kind": "group", "subject": "' + b"x" * 70_000 + b'"}'
    json_ = {"Content-Type": "application/json"}
    problem(api.request("POST", "/v1/reports", headers=json_, body=large), 413, "too-large")
    # The length may not be told before.
    chunked = api.http.request(
        "POST", f"{api.url}/v1/reports", body=iter([large[:40_000], large[40_000:]]), chunked=True,
        headers={"Authorization": f"Bearer {api.token}", **json_},
    )  # fmt: skip
    problem(Answer(chunked.status, chunked.headers, chunked.data), 413, "too-large")


def test_who_asks_too_often_is_told_when_to_come_again(
    settings: Settings, engine_store: Store, tokens: dict[str, str]
) -> None:
    with running(replace(settings, api_requests=1), engine_store) as api:
        answers = [api.get("/v1/metrics", tokens["m01"]) for _ in range(8)]
        assert answers[0].status == 200
        refused = next(a for a in answers if a.status != 200)
        problem(refused, 429, "too-many")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert api.get("/v1/metrics", tokens["left"]).status == 200, "each token has a limit of its own"
        wrong = [api.get("/v1/me", "wrong").status for _ in range(60)]
        assert wrong[0] == 401
        assert 429 in wrong
        assert api.get("/v1/me", tokens["right"]).status == 200, "whoever guesses keeps nobody else out"


def test_a_question_that_takes_too_long_is_given_up(settings: Settings, engine_store: Store) -> None:
    with running(replace(settings, api_seconds=1), engine_store) as api:
        service = api.app.state.service
        with pytest.raises(StoreUnavailable) as told:
            service.store.rows("SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))")
        assert service.problem(told.value, "en").status == 503
        assert api.get("/healthz").status == 200


def test_an_error_inside_tells_nothing_but_its_number(
    settings: Settings, engine_store: Store, tokens: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    broken = Store(replace(engine_store.endpoint, database="no_such_database"))
    with running(settings, broken) as api:
        found = api.get("/v1/me", tokens["operator"], {"X-Request-Id": "request-of-a-test"})
        document = problem(found, 500, "internal")
        assert document.keys() == {"type", "title", "status", "request_id"}
        assert document["request_id"] == "request-of-a-test"
    assert any("request-of-a-test" in r.getMessage() and r.exc_info for r in caplog.records)


def test_a_store_that_is_away_is_told_as_such(settings: Settings, tokens: dict[str, str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and answered by nobody
        away = Store(Endpoint(f"http://127.0.0.1:{nobody.getsockname()[1]}"))
        with running(settings, away) as api:
            for path in ("/healthz", "/v1/me"):
                found = api.get(path, tokens["operator"])
                problem(found, 503, "unavailable")
                assert int(found.headers["Retry-After"]) > 0


def test_every_answer_is_protected(api: Api) -> None:
    for path, status in {"/healthz": 200, "/v1/me": 200, "/nothing": 404, "/v1/queries/nothing": 404}.items():
        found = api.get(path)
        assert found.status == status
        assert all(name in found.headers for name in API_HEADERS)
        assert "Server" not in found.headers
        assert re.fullmatch(r"[0-9a-f]{32}", found.headers["X-Request-Id"])
        assert "Access-Control-Allow-Origin" not in found.headers
    assert api.get("/healthz", headers={"X-Request-Id": "x\ty<script>"}).headers["X-Request-Id"].isalnum()
    assert api.get("/v1/me").headers["Cache-Control"] == "no-store"
    problem(api.request("DELETE", "/v1/me"), 405, "method-not-allowed")
    problem(api.get("/v1/../v1/queries/nothing"), 404, "not-found")


def test_errors_are_in_the_language_of_who_asks(api: Api) -> None:
    titles = [
        api.get("/v1/queries/silent", "", {"Accept-Language": accepted}).json()["title"]
        for accepted in ("zh-CN,zh;q=0.9,en;q=0.8", "en-GB", "fr", "")
    ]
    assert titles == ["需要有效的令牌", "a valid token is needed", "a valid token is needed", "a valid token is needed"]
    chosen = api.get("/v1/queries/silent", "", lang="zh")
    assert (chosen.json()["title"], chosen.headers["Content-Language"]) == ("需要有效的令牌", "zh")


# purpose and audit


def test_looking_at_members_from_above_asks_for_a_purpose_and_is_recorded(
    api: Api, tokens: dict[str, str], engine_store: Store, settings: Settings
) -> None:
    key = member_key(settings)
    officer = tokens["right"].split("_")[1]
    problem(api.get("/v1/queries/answers", tokens["right"]), 403, "purpose-required")
    problem(api.get("/v1/queries/answers", tokens["right"], purpose="  "), 403, "purpose-required")
    rows = api.rows("answers", tokens["right"], purpose="inspection of the first term")
    seen = {row["member_id"] for row in rows}
    assert seen
    for member in ("m01", *sorted(seen)[:3]):
        found = [e for e in looked_at(engine_store, key, member) if e["principal_id"] == officer]
        mine = [e for e in found if e["what"].startswith("answers")]
        assert [e["purpose"] for e in mine] == (["inspection of the first term"] if member in seen else [])
    api.get("/v1/queries/answers", tokens["right"], format="csv", purpose="a list")
    actions = "SELECT action FROM audit WHERE principal_id = {p:String} AND purpose = 'a list'"
    assert engine_store.rows(actions, {"p": officer}) == [("export",)]
    sql = "SELECT count() FROM audit WHERE principal_id = {p:String} AND outcome = 'purpose-required'"
    assert engine_store.rows(sql, {"p": officer}) == [(2,)]
    assert verify(engine_store, key)[1] == []
    assert api.get("/v1/queries/answers", tokens["secretary"]).status == 200, "a secretary knows the branch"


def test_a_question_about_one_member_is_about_them_whatever_its_columns_are(
    api: Api, tokens: dict[str, str], engine_store: Store, settings: Settings
) -> None:
    """Figures of one member have no column with an id: the one who was asked for is who was looked at."""
    key, officer = member_key(settings), tokens["left"].split("_")[1]
    for name in ("questions", "recorded-days", "suggestions"):
        problem(api.get(f"/v1/queries/{name}", tokens["left"], member="m01"), 403, "purpose-required")
        assert api.get(f"/v1/queries/{name}", tokens["left"], member="m01", purpose=f"a look: {name}").status == 200
        found = [e for e in looked_at(engine_store, key, "m01") if e["principal_id"] == officer]
        assert f"a look: {name}" in {e["purpose"] for e in found}, name
    problem(api.get("/v1/queries/suggestions", tokens["left"]), 403, "purpose-required")
    rows = api.rows("suggestions", tokens["left"], purpose="whom to help")
    offered = {row["subject"] for row in rows if row["kind"] == "offer_help"}
    assert offered
    for member in sorted(offered)[:3]:
        assert "whom to help" in {e["purpose"] for e in looked_at(engine_store, key, member)}
    assert api.get("/v1/queries/questions", tokens["left"]).status == 200, "figures of many name nobody"


def test_what_is_beyond_the_scope_is_recorded(api: Api, tokens: dict[str, str], engine_store: Store) -> None:
    """Who tries to look elsewhere leaves a trace; it is nobody's data that was seen."""
    api.get("/v1/queries/member-day", tokens["secretary"], org="r1", format="csv")
    api.get("/v1/queries/member-day", tokens["analyst"])
    api.get("/v1/queries/member-day", tokens["m01"], member="m02")
    api.post("/v1/reports", {"kind": "group", "subject": "r1"}, tokens["secretary"])
    api.post("/v1/reports", {"kind": "member", "subject": "m02"}, tokens["analyst"])
    today = {"first": None, "last": None, "refused": True}
    for name, wanted in {
        "secretary": [("export", "r1", "not-found"), ("report", "r1", "not-found")],
        "analyst": [("query", "top", "forbidden"), ("report", "top", "forbidden")],
        "m01": [("query", "", "not-found")],
    }.items():
        found = entries(engine_store, ZONE.key, principal_id=tokens[name].split("_")[1], **today)
        assert {(e["action"], e["org_id"], e["outcome"]) for e in found} >= set(wanted), name
        assert all(e["members"] == 0 for e in found)


def test_members_and_operators_are_told_who_looked(
    api: Api, tokens: dict[str, str], engine_store: Store, settings: Settings
) -> None:
    api.rows("member-day", tokens["operator"], member="m01", purpose="to help")
    found = api.get("/v1/who-looked", tokens["m01"]).json()
    assert (found["member_id"], found["entries"][0]["purpose"], found["entries"][0]["role"]) == (
        "m01", "to help", "operator")  # fmt: skip
    assert len(api.get("/v1/who-looked", tokens["m01"], limit=1).json()["entries"]) == 1
    problem(api.get("/v1/who-looked", tokens["m01"], member="m02"), 403, "forbidden")
    problem(api.get("/v1/who-looked", tokens["secretary"], member="m01"), 403, "forbidden")
    problem(api.get("/v1/who-looked", tokens["operator"], purpose="x"), 422, "invalid")
    problem(api.get("/v1/who-looked", tokens["operator"], member="m01"), 403, "purpose-required")
    assert api.get("/v1/who-looked", tokens["operator"], member="m02", purpose="asked").json()["member_id"] == "m02"
    assert looked_at(engine_store, member_key(settings), "m02")[0]["action"] == "who_looked"


# reports


def test_a_report_is_made_and_fetched_by_its_owner_alone(api: Api, tokens: dict[str, str]) -> None:
    asked = {"kind": "group", "subject": "l1", "formats": ["html", "json"], "lang": ["en"]}
    accepted = api.post("/v1/reports", asked, tokens["secretary"])
    assert accepted.status == 202, accepted.body
    job = accepted.json()
    assert accepted.headers["Location"] == f"/v1/jobs/{job['id']}"
    done = api.finished(job, tokens["secretary"])
    assert done["state"] == "done", done
    fetched = api.get(done["download"], tokens["secretary"])
    assert fetched.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(fetched.body)) as archive:
        assert sorted(archive.namelist()) == [f["path"] for f in done["files"]]
        pages = {n: archive.read(n).decode() for n in archive.namelist()}
    assert any(n.startswith("branches/l1") and n.endswith(".html") for n in pages)
    for path in (f"/v1/jobs/{job['id']}", done["download"]):
        problem(api.get(path, tokens["operator"]), 404, "not-found")
    problem(api.request("DELETE", f"/v1/jobs/{job['id']}", tokens["left"]), 404, "not-found")
    assert [j["id"] for j in api.get("/v1/jobs", tokens["secretary"]).json()["jobs"]] == [job["id"]]
    assert api.get("/v1/jobs", tokens["left"]).json() == {"jobs": []}
    assert api.request("DELETE", f"/v1/jobs/{job['id']}", tokens["secretary"]).status == 204
    problem(api.get(done["download"], tokens["secretary"]), 404, "not-found")


def test_reports_stay_within_the_scope(api: Api, tokens: dict[str, str], engine_store: Store) -> None:
    def refused(name: str, status: int, why: str, **asked: Any) -> None:
        problem(api.post("/v1/reports", asked, tokens[name]), status, why)

    refused("m01", 404, "not-found", kind="member", subject="m02")
    refused("m01", 404, "not-found", kind="group", subject="l1")
    refused("secretary", 404, "not-found", kind="group", subject="r1")
    refused("secretary", 404, "not-found", kind="group", subject="nowhere")
    refused("left", 403, "purpose-required", kind="group", subject="left")
    refused("left", 404, "not-found", kind="exam", subject="nothing", purpose="a test")
    refused("analyst", 403, "forbidden", kind="member", subject="m01")
    refused("secretary", 422, "invalid", kind="group", subject="l1", colour="red")
    outside = set(Reader(engine_store).roster().member_ids()) - set(
        Reader(engine_store).frame("members", LEFT)["member_id"].to_list()
    )
    refused("left", 404, "not-found", kind="member", subject=sorted(outside)[0], purpose="a test")

    own = api.post("/v1/reports", {"kind": "member", "subject": "m01", "lang": ["zh"]}, tokens["m01"])
    quarter = {"from": "2026-01-01", "to": "2026-03-31"}
    refused("analyst", 422, "invalid", kind="group", subject="left")
    refused("analyst", 422, "invalid", kind="group", subject="left", **quarter | {"to": "2026-03-30"})
    refused("analyst", 403, "forbidden", kind="group", subject="left", course="c1", **quarter)
    whole = {"kind": "group", "subject": "left", "formats": ["json"], **quarter}
    above = api.post("/v1/reports", whole, tokens["analyst"])
    exam = {"kind": "exam", "subject": "e1", "formats": ["json"], "purpose": "a test"}
    of_exam = api.post("/v1/reports", exam, tokens["left"])
    for answer, name in ((own, "m01"), (above, "analyst"), (of_exam, "left")):
        assert answer.status == 202, answer.body
        done = api.finished(answer.json(), tokens[name])
        assert done["state"] == "done", done
        paths = [f["path"] for f in done["files"]]
        assert paths
        if name == "analyst":
            assert not any(p.startswith(("secretary/", "members/")) for p in paths)
            with zipfile.ZipFile(io.BytesIO(api.get(done["download"], tokens[name]).body)) as archive:
                text = "".join(archive.read(n).decode() for n in archive.namelist())
            assert not re.search(r"Name \d", text), "aggregates name nobody"
    download = f"/v1/jobs/{of_exam.json()['id']}/download"
    assert api.get(download, tokens["left"]).status == 200
    try:
        write(engine_store, Erasure("0" * 32, "0" * 16, "asked for it", "os:test", datetime.now(UTC)), BLOCKED)
        problem(api.get(download, tokens["left"]), 404, "not-found")
    finally:
        engine_store.command("TRUNCATE TABLE erasures")


def test_one_principal_can_not_fill_the_queue(api: Api, tokens: dict[str, str]) -> None:
    asked = {"kind": "member", "subject": "m01", "formats": ["json"]}
    answers = [api.post("/v1/reports", asked, tokens["m01"]) for _ in range(6)]
    assert 429 in [a.status for a in answers]
    assert api.post("/v1/reports", {"kind": "group", "subject": "l1"}, tokens["secretary"]).status == 202


# the client


def run(settings: Settings, *arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(query.app, name="query")

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = Context(settings, {})

    return CliRunner().invoke(app, ["query", *arguments])


def test_the_command_line_speaks_to_an_api(
    api: Api, tokens: dict[str, str], engine_store: Store, tmp_path: Path
) -> None:
    """Same bytes as from the store; no store of its own is needed."""
    client = Settings(data_dir="/nonexistent", language="en", api_token=tokens["left"])
    frame = Reader(engine_store).frame("answers", LEFT)
    for form in ("csv", "json", "ndjson"):
        wanted = io.BytesIO()
        WRITERS[form]([frame], wanted, ZONE)
        got = run(client, "answers", "--api", api.url, "--format", form, "--purpose", "a test")
        assert got.exit_code == 0, got.output
        assert got.stdout_bytes == wanted.getvalue()
    out = tmp_path / "a.parquet"
    run(replace(client, api_url=api.url), "answers", "--out", str(out), "--purpose", "a test")
    assert pl.read_parquet(out).equals(frame)
    shown = run(client, "answers", "--api", api.url, "--purpose", "a test", "-n", "2", "--columns", "member_id,at")
    assert len(shown.stdout.splitlines()) == 3

    for arguments, said in [(["answers"], "purpose"), (["silent", "--org", "r1", "--purpose", "x"], "r1")]:
        refused = run(client, *arguments, "--api", api.url)
        assert isinstance(refused.exception, InputError)
        assert said in str(refused.exception)
    away = run(client, "answers", "--api", "http://127.0.0.1:9")
    assert isinstance(away.exception, StoreUnavailable)
    assert "refused" in str(away.exception)
    for url, token in ((api.url, ""), ("http://example.org", "t"), ("ftp://127.0.0.1", "t")):
        assert isinstance(run(replace(client, api_token=token), "silent", "--api", url).exception, ConfigError)


def test_over_tls(settings: Settings, engine_store: Store, tokens: dict[str, str], tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with running(replace(settings, api_tls_cert=str(cert), api_tls_key=str(key)), engine_store) as api:
        api.http = urllib3.PoolManager(ssl_context=context, retries=False)
        found = api.get("/v1/me", tokens["m01"])
        assert found.status == 200
        assert found.headers["Strict-Transport-Security"].startswith("max-age=")
