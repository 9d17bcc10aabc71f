"""The parts of the HTTP services that need no server: limits, problems, pages, formats, jobs, the guard."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import threading
import urllib.error
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from commands.api import check_exposure, told
from examples.api_client import _told as example_told
from schemas.errors import ConfigError, InputError, StoreError, StoreUnavailable, XuejingError
from schemas.settings import Settings
from schemas.tables import TABLES
from sinks.read.macros import EVERYBODY, Span
from sinks.read.query import FOLDER
from sinks.read.slices import later, spans
from sinks.read.version import BESIDE
from web.api.asked import day
from web.api.formats import FORMS, MEDIA_TYPES, negotiate
from web.api.jobs import Full, Jobs
from web.api.paging import START, Cursor, cut, decode, encode
from web.api.service import RUNNING_EACH, WAITING_EACH, Service
from web.client import ApiClient, _refused
from web.limits import Buckets
from web.problems import KINDS, Problem, language_of
from web.security import API_HEADERS, AddressLimit, App, Guard

# limits


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    buckets = Buckets(60, 3)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 0.0) == pytest.approx(1.0)
    assert buckets.take("b", 0.0) == 0.0, "each key has its own"
    assert buckets.take("a", 0.5) == pytest.approx(0.5)
    assert buckets.take("a", 1.0) == 0.0
    assert buckets.take("a", 1.0) > 0
    assert [buckets.take("a", 1e6) for _ in range(4)][:3] == [0.0] * 3, "it never holds more than its burst"
    assert buckets.take("a", 1e6) > 0


def test_a_bucket_remembers_so_many_keys_and_a_clock_that_goes_back_gives_nothing() -> None:
    buckets = Buckets(60, 1, most_keys=2)
    for key in "abc":
        buckets.take(key, 0.0)
    assert buckets.take("a", 0.0) == 0.0, "forgotten: it was not seen for longest"
    assert buckets.take("c", 0.0) > 0
    assert buckets.take("c", -100.0) > 0


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_minute_gives_more_than_burst_and_rate(gaps: list[float]) -> None:
    buckets, now, taken = Buckets(30, 5), 0.0, []
    for gap in gaps:
        now += gap
        if buckets.take("k", now) == 0.0:
            taken.append(now)
    for start in taken:
        assert sum(start <= t <= start + 60 for t in taken) <= 5 + 30 + 1


# problems


def test_a_problem_is_a_document_in_the_language_of_who_asks() -> None:
    found = json.loads(Problem("invalid", "x", fields={"errors": []}).document("zh", "r1"))
    assert found == {
        "type": "urn:xuejing:problem:invalid", "title": "参数有误", "status": 422, "detail": "x", "errors": [],
        "request_id": "r1",
    }  # fmt: skip
    assert all(400 <= kind.status < 600 and kind.title.zh and kind.title.en for kind in KINDS.values())


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "zh"), ("en", "en"), ("de, en;q=0.5", "en"), ("en;q=0.3,zh-Hans;q=0.8", "zh"), ("en;q=x", "zh"), ("*", "zh")],
)
def test_languages(accepted: str, language: str) -> None:
    assert language_of(accepted, "zh") == language


def test_errors_are_told_without_what_stands_on_the_command_line() -> None:
    error = InputError("there is no member category 'x'", where="--category", hint="staff")
    assert told(error, "en") == "there is no member category 'x' (staff)"
    assert told(error, "zh") == "没有成员类别 'x'（staff）"
    assert told(XuejingError("no such file", hint="`xuejing query members` lists"), "en") == "no such file"


# pages

FRAMES = st.lists(st.integers(1, 6), max_size=12).map(
    lambda sizes: pl.DataFrame(
        {
            "member_id": [f"m{m:02}" for m, n in enumerate(sizes) for _ in range(n)],
            "row": list(range(sum(sizes))),
        },
        schema={"member_id": pl.String, "row": pl.Int64},
    )
)


@given(FRAMES, st.integers(1, 9), st.booleans())
def test_pages_hold_every_row_once_and_in_order(frame: pl.DataFrame, size: int, by_member: bool) -> None:
    cursor, got = START, []
    while True:
        behind = frame if cursor.since is None else frame.filter(pl.col("member_id") >= cursor.since)
        rows, following = cut(behind.head(cursor.skip + size + 1), cursor, size, by_member=by_member)
        got.append(rows)
        assert rows.height <= size
        if following is None:
            break
        assert rows.height == size
        cursor = decode(encode(following, "q"), "q")
        assert not by_member or cursor.skip <= 6, "a page by member leaves out the rows of one member at most"
    assert pl.concat(got).equals(frame)


@given(FRAMES, st.integers(1, 5), st.sampled_from(["m00", "m03x", "m99"]))
def test_rows_that_arrive_between_pages_shift_nothing(frame: pl.DataFrame, size: int, arrived: str) -> None:
    """What was there is given once, whoever's rows are added before or behind."""
    cursor, got, data = START, [], frame
    while True:
        behind = data if cursor.since is None else data.filter(pl.col("member_id") >= cursor.since)
        rows, following = cut(behind.head(cursor.skip + size + 1), cursor, size, by_member=True)
        got.append(rows)
        if following is None:
            break
        cursor = following
        if arrived not in data["member_id"]:
            new = pl.DataFrame({"member_id": [arrived], "row": [-1]})
            data = pl.concat([data, new]).sort("member_id", maintain_order=True)
    found = [row for row in pl.concat(got)["row"].to_list() if row >= 0]
    assert found == frame["row"].to_list()


@given(st.text(max_size=40))
def test_no_text_is_taken_for_a_page_by_accident(text: str) -> None:
    with pytest.raises(InputError):
        decode(text, "q")


def test_a_page_belongs_to_its_question() -> None:
    token = encode(Cursor("成员 1", 3), "a")
    assert decode(token, "a") == Cursor("成员 1", 3)
    with pytest.raises(InputError, match="another question"):
        decode(token, "b")
    with pytest.raises(InputError):
        decode(encode(Cursor(None, -1), "a"), "a")


def test_ranges_from_a_member_on() -> None:
    ranges = spans([f"m{n}" for n in range(100, 400)], page=True)
    assert later(ranges, None) == ranges
    behind = later(ranges, "m250")
    assert (behind[0].after, behind[0].since) == (None, "m250")
    assert behind[0].upto is None or behind[0].upto >= "m250"
    assert behind[1:] == [r for r in ranges if r.after is not None and r.after >= "m250"]
    assert later([EVERYBODY], "m1") == [Span(None, None, "m1")]
    assert later(ranges, ranges[2].upto)[0] == Span(None, ranges[2].upto, ranges[2].upto)


def test_tables_beside_the_data_are_read_by_no_query() -> None:
    assert set(TABLES) >= BESIDE
    read = {
        name for path in FOLDER.glob("*.sql") for name in re.findall(r"(?:FROM|JOIN)\s+(\w+)", path.read_text("utf-8"))
    }
    assert len(read) > 10
    assert not read & BESIDE


# what is asked


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"), ("*/*", "json"), ("text/csv", "csv"), ("application/*", "json"), ("text/*;q=0.2", "csv"),
        ("application/json;q=0.1, application/vnd.apache.arrow.stream", "arrow"), ("text/html", None),
        ("application/json;q=0, */*", "ndjson"), ("text/csv;q=zero", None),
    ],
)  # fmt: skip
def test_the_format_that_suits_best(accept: str, form: str | None) -> None:
    assert negotiate(accept) == form
    assert all(negotiate(MEDIA_TYPES[f].split(";")[0]) == f for f in FORMS)


def test_days_are_written_in_one_way() -> None:
    assert day("2026-03-01") == date(2026, 3, 1)
    assert (day("0001-01-01"), day("9999-12-31")) == (date(1900, 1, 1), date(2299, 12, 31))
    for wrong in ("20260301", "2026-3-1", "2026-02-30", "1772323200", "２０２６-03-01", 3):
        with pytest.raises(ValueError):  # noqa: PT011
            day(wrong)


def test_the_api_is_open_to_a_network_only_over_tls() -> None:
    for good in ("127.0.0.1", "::1", "localhost"):
        check_exposure(Settings(api_host=good))
    check_exposure(Settings(api_host="0.0.0.0", api_tls_cert="c", api_tls_key="k"))
    check_exposure(Settings(api_host="0.0.0.0", api_proxies="10.0.0.2"))
    for settings in (Settings(api_host="0.0.0.0"), Settings(api_host="example.org"), Settings(api_tls_cert="c")):
        with pytest.raises(ConfigError):
            check_exposure(settings)


@pytest.mark.parametrize("body", [b'{"message": "Forbidden"}', b'["Forbidden"]', b'"Forbidden"', b"<html>", b""])
def test_a_client_tells_the_status_where_something_else_answers(body: bytes) -> None:
    assert str(_refused(urllib3.HTTPResponse(body, status=403), "https://x")) == "https://x: HTTP 403"
    refused = urllib.error.HTTPError("https://x", 403, "", Message(), io.BytesIO(body))
    assert example_told(refused) == "403"


def test_a_client_keeps_its_token_to_itself() -> None:
    assert "s3cret" not in repr(ApiClient("https://example.org", "s3cret"))
    assert "s3cret" not in repr(Settings(api_token="s3cret"))
    with pytest.raises(ConfigError, match="clear"):
        ApiClient("http://example.org", "s3cret")


# jobs


def test_jobs_are_bounded_owned_and_forgotten(tmp_path: Path) -> None:
    now = [datetime(2026, 3, 1, tzinfo=UTC)]
    go = threading.Event()
    jobs = Jobs(most=3, most_each=2, keep=timedelta(minutes=5), now=lambda: now[0])

    def make(folder: Path) -> dict[str, str]:
        assert go.wait(60)
        (folder / "a").mkdir()
        (folder / "a" / "page.html").write_text("x")
        return {"a/page.html": "hash"}

    def fail(_: Path) -> dict[str, str]:
        raise InputError("no")

    try:
        first = jobs.start("one", "group", "b1", make)
        second = jobs.start("one", "group", "b2", fail)
        with pytest.raises(Full):
            jobs.start("one", "group", "b3", make)
        third = jobs.start("two", "group", "b4", make)
        with pytest.raises(Full):
            jobs.start("three", "group", "b5", make)
        assert jobs.get("two", first.id) is None, "a job is its owner's alone"
        assert not jobs.delete(third)
        go.set()
        jobs._pool.shutdown(wait=True)
        assert [j.state for j in jobs.of("one")] == ["done", "failed"]
        assert second.error is not None
        assert first.archive is not None
        with zipfile.ZipFile(first.archive) as archive:
            assert archive.namelist() == ["a/page.html"]
            assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
        assert [p.suffix for p in jobs.folder.iterdir()] == [".zip", ".zip"]
        now[0] += timedelta(minutes=6)
        assert jobs.of("one") == []
        assert not list(jobs.folder.iterdir())
    finally:
        go.set()
        jobs.close()
    assert not jobs.folder.exists()


# the guard

Messages = list[dict[str, Any]]


def call(app: App, body: list[bytes] | None = None, headers: dict[str, str] | None = None, **scope: Any) -> Messages:
    """Messages that a client would get for a request."""
    parts = list(body or [b""])
    sent: Messages = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    listed = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    base = {"type": "http", "method": "GET", "path": "/", "headers": listed, "client": ("10.0.0.1", 1)}
    asyncio.run(app({**base, **scope}, receive, send))  # type: ignore[arg-type]
    return sent


def ok(reading: bool = False, fail: Exception | None = None, late: bool = False) -> App:
    """An app that may read its body, swallow what that raises, and fail before or after its answer has begun."""

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        status = 200
        try:
            while reading and (await receive())["more_body"]:
                pass
        except Exception:
            status = 400
        if fail is not None and not late:
            raise fail
        await send({"type": "http.response.start", "status": status, "headers": [(b"cache-control", b"private")]})
        await send({"type": "http.response.body", "body": b"fine"})
        if fail is not None:
            raise fail

    return app


def test_every_answer_has_headers_and_keeps_its_own() -> None:
    start, body = call(Guard(ok(), most_bytes=10), scheme="https")
    found = dict(start["headers"])
    assert found[b"cache-control"] == b"private"
    assert found[b"x-content-type-options"] == b"nosniff"
    assert b"max-age" in found[b"strict-transport-security"]
    assert len(found[b"x-request-id"]) == 32
    assert len(start["headers"]) == len(found) == len(API_HEADERS) + 2
    assert body["body"] == b"fine"
    plain = call(Guard(ok(), most_bytes=10), headers={"X-Request-Id": "given-from-a-proxy"}, scheme="http")[0]
    assert b"strict-transport-security" not in dict(plain["headers"])
    assert dict(plain["headers"])[b"x-request-id"] == b"given-from-a-proxy"


@pytest.mark.parametrize("headers", [{"Content-Length": "11"}, {}, {"Content-Length": "no number"}])
def test_a_body_is_read_up_to_its_limit(headers: dict[str, str]) -> None:
    guard = Guard(ok(reading=True), most_bytes=10)
    start, body = call(guard, [b"123456", b"78901"], headers)
    assert start["status"] == 413
    assert json.loads(body["body"])["most_bytes"] == 10
    assert call(guard, [b"12345", b"67890"])[0]["status"] == 200


def test_what_escapes_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        start, body = call(Guard(ok(fail=RuntimeError("the password is x")), most_bytes=10))
    document = json.loads(body["body"])
    assert start["status"] == document["status"] == 500
    assert b"password" not in body["body"]
    (record,) = caplog.records
    assert document["request_id"] in record.getMessage()
    assert record.exc_info is not None
    with pytest.raises(RuntimeError):  # a body that is cut must not look whole
        call(Guard(ok(fail=RuntimeError("x"), late=True), most_bytes=10))
    assert call(Guard(ok(fail=Problem("not-found")), most_bytes=10))[0]["status"] == 404


def test_an_address_may_ask_so_often() -> None:
    now = [0.0]
    app = AddressLimit(ok(), buckets=Buckets(60, 2), clock=lambda: now[0])
    assert [call(app)[0]["status"] for _ in range(3)] == [200, 200, 429]
    assert call(app, client=("10.0.0.2", 1))[0]["status"] == 200
    refused = call(app)[0]
    assert dict(refused["headers"])[b"retry-after"] == b"1"
    now[0] += 1.0
    assert call(app)[0]["status"] == 200


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service(Settings(), None, None, lambda _: None, lambda e, _: str(e))  # type: ignore[arg-type]
    yield made
    made.jobs.close()


def test_a_report_that_failed_tells_nothing_of_the_store(service: Service) -> None:
    inside = "Code: 60. Unknown table in SELECT secret FROM answers"
    for error in (StoreError(inside, where="ClickHouse query"), StoreUnavailable("http://store:8123 is away")):
        assert not re.search("SELECT|store:|ClickHouse", service.reason(error, "en"))
    assert service.reason(InputError("there is no such exam"), "en") == "there is no such exam"


def test_one_principal_takes_a_part_of_the_places(service: Service) -> None:
    """Whoever asks much waits for itself; what it asks beyond that is refused, and others are served meanwhile."""
    go, running, done, refused = threading.Event(), threading.Semaphore(0), [], threading.Semaphore(0)

    def ask() -> None:
        try:
            with service.slot("busy"):
                running.release()
                assert go.wait(60)
            done.append(True)
        except Problem:
            refused.release()

    asking = [threading.Thread(target=ask) for _ in range(RUNNING_EACH + WAITING_EACH + 3)]
    for thread in asking:
        thread.start()
    for _ in range(3):
        assert refused.acquire(timeout=60)
    for _ in range(RUNNING_EACH):
        assert running.acquire(timeout=60)
    assert not running.acquire(timeout=0.05)
    with service.slot("other"), service.slot("other"):
        go.set()
    for thread in asking:
        thread.join(60)
    assert len(done) == RUNNING_EACH + WAITING_EACH
    assert service.turns == {}


def test_a_store_that_is_away_is_no_fault_of_the_client(service: Service) -> None:
    assert service.problem(StoreUnavailable("x"), "en").status == 503  # type: ignore[union-attr]
    assert service.problem(InputError("x", where="--org"), "en").status == 404  # type: ignore[union-attr]
    assert service.problem(InputError("x"), "en").status == 422  # type: ignore[union-attr]
    assert service.problem(ConfigError("x"), "en") is None
