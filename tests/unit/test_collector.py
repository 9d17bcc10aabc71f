"""The collector as an ASGI application, with Kafka's acknowledgement in the test's hand."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import zstandard

from producers.collector.app import Collector
from producers.collector.body import MAX_PLAIN, flush_of, plain
from producers.collector.intake import Message, judge
from producers.collector.keys import App, Apps, Refused, add_app, load_apps, make_token, new_app
from producers.collector.limits import Bucket, Clocks
from producers.collector.xapi.endpoint import Statements
from producers.collector.xapi.store import StatementStore
from producers.collector.xapi.validate import milliseconds
from schemas.errors import ConfigError

PAGE = "https://study.example.org"


class Kept:
    """An outlet that keeps, or refuses."""

    alive = connected = always = True
    backlog = 0

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refuse: Refused | None = None

    async def put(self, messages: Sequence[Message]) -> None:
        if self.refuse:
            raise self.refuse
        self.messages += messages

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for m in self.messages for line in m.value.split(b"\n")]


class World:
    def __init__(self, folder: Path, **more: Any) -> None:
        self.app, self.key = new_app("web", **{"origins": (PAGE,), "courses": ("party-*",), **more})
        self.kept = Kept()
        self.apps = Apps({"web": self.app})
        self.collector = Collector(self.apps, self.kept, Statements(StatementStore(folder / "s.sqlite")))  # type: ignore[arg-type]

    def call(self, method: str, path: str, member: str | None = "m1", **more: Any) -> httpx.Response:
        headers = {"X-App-Key": self.key, **more.pop("headers", {})}
        if member:
            headers["Authorization"] = f"Bearer {make_token(self.app, member)}"

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.collector)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://c") as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(go())

    def post(self, body: Any, **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", "/v1/events", content=content, **more)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def event(member: str = "m1", **more: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()), "event_type": "study", "member_id": member, "course_id": "party-1",
        "occurred_at": datetime.now(UTC).isoformat(), "duration_ms": 1000, **more,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 20])
@pytest.mark.parametrize("shape", ["array", "ndjson", "envelope", "pretty"])
@pytest.mark.parametrize("coding", ["", "gzip", "zstd"])
def test_every_shape_brings_the_same_events(world: World, count: int, shape: str, coding: str) -> None:
    events = [event(x_note='the "events" of\nmine') for _ in range(count)]
    body = {
        "array": lambda: json.dumps(events),
        "ndjson": lambda: "\n".join(map(json.dumps, events)) + "\n",
        "envelope": lambda: json.dumps({"events": events}),
        "pretty": lambda: json.dumps(events, indent=2),
    }[shape]().encode()
    packed = {"": lambda b: b, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}[coding](body)
    answer = world.post(packed, headers={"Content-Encoding": coding} if coding else {})
    assert answer.status_code == 200, answer.text
    assert [r["status"] for r in answer.json()["results"]] == ["accepted"] * count
    assert world.kept.lines() == events


def test_each_event_has_its_verdict_and_bad_ones_stop_no_others(world: World) -> None:
    lines = [
        event(), event("m2"), event(course_id="other"), event(duration_ms=-1), event(event_type="dance"),
        event(occurred_at=(datetime.now(UTC) + timedelta(hours=2)).isoformat()),
    ]  # fmt: skip
    for filler in (0, 20):  # one by one, and as columns
        answer = world.post("\n".join(map(json.dumps, [*lines, *(event() for _ in range(filler))])).encode() + b"\n{")
        results = answer.json()["results"]
        assert [r.get("reason", "") for r in results[:6]] == [
            "", "other_member", "course_not_allowed", "invalid", "unknown_type", "from_the_future"
        ]  # fmt: skip
        assert results[-1]["reason"] == "malformed"
        assert answer.json()["accepted"] == 1 + filler
        assert results[4]["retryable"]
    assert {x["member_id"] for x in world.kept.lines()} == {"m1"}


def test_a_page_can_not_say_what_organisations_record(world: World) -> None:
    """Neither that its member has paid or been there, nor that something is taken back: a server may."""
    target = event()["event_id"]
    recorded = [
        event(event_type="dues", due_id="2026-03", status="paid", course_id="", duration_ms=None),
        event(event_type="appraisal", appraisal_id="2026", stage="vote", course_id="", duration_ms=None),
        event(event_type="attendance", session_id="s", meeting="theme_day", duration_ms=None),
        event(event_type="withdraw", target_event_id=target, reason="x", course_id="", duration_ms=None),
        event(replaces=target),
        event(event_type="service", request_id="r", step="answered", course_id="", duration_ms=None),
        event(event_type="reflection", reflection_id="r", step="replied", course_id="", duration_ms=None),
    ]
    lines = [{k: v for k, v in e.items() if v not in (None, "")} for e in recorded]
    answer = world.post(json.dumps(lines).encode())
    assert {r.get("reason") for r in answer.json()["results"]} == {"for_servers"}
    assert world.kept.lines() == []
    opened = event(event_type="service", request_id="r", step="opened", course_id="", duration_ms=None)
    answer = world.post(json.dumps({k: v for k, v in opened.items() if v not in (None, "")}).encode())
    assert answer.json()["accepted"] == 1
    as_server = judge([json.dumps(e).encode() for e in lines], world.app, None, 1_900_000_000_000, 0)[0]
    assert [r.status for r in as_server] == ["accepted"] * len(lines)


def test_a_beacon_says_in_its_body_who_it_is(world: World) -> None:
    body = {"key": world.key, "token": make_token(world.app, "m1"), "events": [event()]}
    answer = world.post(body, member=None, headers={"X-App-Key": "", "Content-Type": "text/plain", "Origin": PAGE})
    assert answer.json()["accepted"] == 1
    assert answer.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("claims", "secret", "reason"),
    [
        ({"sub": "m1", "iat": 0, "exp": 60}, None, "token_expired"),
        ({"sub": "m1", "iat": 0, "exp": 4e9}, None, "bad_token"),
        ({"sub": "m1", "exp": 4e9}, None, "bad_token"),
        ({"sub": "m1", "iat": 1, "exp": 4e9}, "x" * 40, "bad_token"),
        ({"sub": "", "iat": 3.9e9, "exp": 3.9e9 + 60}, None, "bad_token"),
    ],
)
def test_tokens_that_prove_nothing(world: World, claims: Any, secret: str | None, reason: str) -> None:
    token = jwt.encode(claims, secret or world.app.secret, algorithm="HS256")
    answer = world.post([event()], member=None, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (401, reason)
    unsigned = jwt.encode({"sub": "m1"}, "", algorithm="none")
    assert world.post([event()], member=None, headers={"Authorization": f"Bearer {unsigned}"}).status_code == 401
    assert world.post([event()], headers={"X-App-Key": "no"}).json()["error"] == "unknown_key"
    assert not world.kept.messages


def test_only_pages_of_allowed_origins(world: World) -> None:
    ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    good = world.call("OPTIONS", "/v1/events", None, headers=ask)
    assert (good.status_code, good.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "authorization" in good.headers["access-control-allow-headers"]
    for origin in ("https://evil.example", f"{PAGE}.evil.example", "null"):
        bad = world.call("OPTIONS", "/v1/events", None, headers={**ask, "Origin": origin})
        assert bad.status_code == 403
        assert world.post([event()], headers={"Origin": origin}).status_code == 403
        assert "access-control-allow-origin" not in bad.headers
    assert not world.kept.messages
    local = App(id="a", key_sha256="", secret="", origins=("http://localhost:*",))
    assert local.allows_origin("http://localhost:5173")
    assert not local.allows_origin("http://localhost:80.evil.example")


def test_limits(tmp_path: Path) -> None:
    world = World(tmp_path, member_rate=1.0, member_burst=3.0)
    assert world.post([event()] * 3).status_code == 200
    slowed = world.post([event()])
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    assert world.post([event("m2")], member="m2").status_code == 200
    assert world.post(b"x" * 2_000_000).status_code == 413
    for coding, bomb in (("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)):
        with pytest.raises(Refused, match="decompressed"):
            plain(bomb(bytes(MAX_PLAIN + 1)), coding)
        with pytest.raises(Refused, match="cut"):
            plain(bomb(b"abc" * 999)[:-3], coding)
    with pytest.raises(Refused, match="1001 events"):
        flush_of(b"[" + b"1," * 1000 + b"1]")


def test_nothing_is_acknowledged_that_is_not_safe(world: World) -> None:
    world.kept.refuse = Refused(503, "journal_full", "full", retry_after=10)
    answer = world.post([event()], headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "accepted" not in answer.json()


def test_a_wrong_clock_is_told_by_twenty_flushes_and_repeated_the_same(world: World) -> None:
    clocks = Clocks()
    hour = 3_600_000
    assert clocks.flush("k", "d", 1_000_000, 1_001_000) == 0
    assert clocks.flush("k", "e", 10 * hour, 9 * hour) == -hour
    assert clocks.flush("k", "e", 10 * hour, 9 * hour + 900) == -hour
    assert clocks.flush("k", "e", None, 9 * hour) == -hour
    for _ in range(20):
        last = clocks.flush("k", "e", 10 * hour, 10 * hour + 500)
    assert last == 0
    ahead = datetime.now(UTC) + timedelta(hours=1)
    flush = event(device_id="d", sent_at=ahead.isoformat(), occurred_at=ahead.isoformat())
    answer = world.post([flush])
    assert answer.json()["accepted"] == 1, "not from the future: its clock is wrong"
    assert abs(world.kept.messages[0].skew_ms + hour) < 60_000


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(10.0, 20.0)
    assert bucket.take(20, 0.0) == 0
    assert bucket.take(10, 0.0) == 1.0
    assert bucket.take(10, 1.0) == 0
    assert bucket.take(500, 10.0) == 0, "a large flush is slowed, not refused for ever"
    assert bucket.take(1, 11.0) > 40


def test_the_file_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    app, key = new_app("web", origins=(PAGE,), courses=("a-*",))
    add_app(path, app)
    assert key not in path.read_text()
    assert load_apps(path).app(key) == app
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        load_apps(path)
    path.chmod(0o600)
    path.write_text(path.read_text() + "oops = 1\n")
    with pytest.raises(ConfigError, match="oops"):
        load_apps(path)


VERB = "http://adlnet.gov/expapi/verbs/"


def statement(name: str = "answered", /, **more: Any) -> dict[str, Any]:
    return {
        "actor": {"account": {"homePage": "https://study.example.org", "name": "m1"}},
        "verb": {"id": VERB + name}, "object": {"id": "https://x.example/q1"},
        "context": {"contextActivities": {"grouping": [{"id": "x:1"}], "parent": [{"id": "https://x.example/quiz"}]}},
        "result": {"success": True, "duration": "PT1M30.5S", "response": "B"},
        "timestamp": "2026-03-02T08:00:00+08:00", **more,
    }  # fmt: skip


def xapi(world: World, method: str, body: Any, version: str = "1.0.3", query: str = "") -> httpx.Response:
    return world.call(
        method, f"/xapi/statements{query}", headers={"X-Experience-API-Version": version}, content=json.dumps(body)
    )


def test_statements_become_events_and_are_kept(tmp_path: Path) -> None:
    world = World(tmp_path, courses=("*",))
    several = [
        statement(), statement("experienced"), statement("initialized", result={}), statement("terminated"),
        statement("completed"), statement("passed"), statement("failed", result={"success": False}),
        statement("liked"), statement("experienced", result={}),
    ]  # fmt: skip
    answer = xapi(world, "POST", several)
    assert (answer.status_code, answer.headers["x-experience-api-version"]) == (200, "1.0.3")
    ids = answer.json()
    found = world.kept.lines()
    assert [e["event_id"] for e in found] == ids[:7]
    assert [e["event_type"] for e in found] == ["answer", "study", "study", "study", "study", "answer", "answer"]
    assert found[0]["exam_id"] == "https://x.example/quiz"
    assert found[0]["duration_ms"] == 90_500
    assert found[2]["beat_ms"] == 1000
    kept = world.call("GET", f"/xapi/statements?statementId={ids[7]}", headers={"X-Experience-API-Version": "1.0.3"})
    assert kept.json()["verb"]["id"] == VERB + "liked"


def test_an_id_keeps_its_content_and_batches_are_whole(tmp_path: Path) -> None:
    world = World(tmp_path, courses=("*",))
    id, other = str(uuid.uuid4()), str(uuid.uuid4())
    put = f"?statementId={id}"
    assert xapi(world, "PUT", statement(), query=put).status_code == 204
    same = statement(timestamp="2026-03-02T00:00:00Z")
    assert xapi(world, "PUT", same, query=put).status_code == 204
    assert xapi(world, "PUT", statement("liked"), query=put).status_code == 409
    batch = [statement(id=other), statement("liked", id=id)]
    assert xapi(world, "POST", batch).status_code == 409
    assert xapi(world, "PUT", statement("liked"), query=f"?statementId={other}").status_code == 204, "all or nothing"
    assert len(world.kept.messages) == 2


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"verb": "not an object"}, "verb"),
        ({"actor": {"mbox": "mailto:a@b.c", "openid": "http://x"}}, "exactly one"),
        ({"timestamp": "2026-03-02T08:00:00-00:00"}, "timestamp"),
        ({"result": {"score": {"scaled": 2}}}, "scaled"),
        ({"result": {"duration": "1:30"}}, "duration"),
        ({"id": "1"}, "id: must be a UUID"),
        ({"surprise": 1}, "surprise"),
        ({"result": {"response": None}}, "null"),
        ({"object": {"objectType": "StatementRef", "id": "x"}}, "object.id"),
        ({"version": "2.0"}, "version"),
    ],
)
def test_what_is_no_statement_is_told_why(world: World, broken: dict[str, Any], says: str) -> None:
    answer = xapi(world, "POST", [statement(), statement(**broken)])
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("statement 1")
    assert says in answer.json()["detail"]
    assert not world.kept.messages
    assert xapi(world, "POST", statement(), version="").status_code == 400


def test_nobody_states_for_another(world: World) -> None:
    other = statement(actor={"account": {"homePage": "https://x.example", "name": "m2"}})
    assert xapi(world, "POST", other).status_code == 403
    assert milliseconds("P1DT1H") == 90_000_000
    assert milliseconds("P1M") is None
