"""HTTP answers: headers, whole bodies, bodies kept until the query's end, and streams that may fail half-way."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

from sinks.embedded import compression
from sinks.embedded.engine import Engine, Running
from sinks.embedded.errors import ServerException, http_status
from sinks.embedded.request import Request
from sinks.embedded.results import Result, Stats

T = TypeVar("T")
Release = Callable[[], Awaitable[None]]

SPOOL = 16 << 20  # bytes of an answer that waits for its query's end in memory; more goes to a temporary file
SEND_TIMEOUT = 300.0  # seconds that a client may read nothing before its query is given up
_SMALL = 512  # bytes below which compressing an answer only costs time


class Job:
    """One request on its way: what must be stopped when its client goes away."""

    def __init__(self, http: web.BaseRequest) -> None:
        self.query_id = http.headers.get("X-ClickHouse-Query-Id", "") or http.query.get("query_id", "")
        self.started = time.monotonic()
        self.accept = http.headers.get("Accept-Encoding", "")
        self.running: Running | None = None
        self.killable = False
        self.request = Request()
        self.kind = b""
        self.sent = False  # headers are out, so a failure can't change the status any more

    def described(self, error: ServerException) -> str:
        """One line for the log: no SQL and no message, for both may carry what people wrote."""
        seconds = time.monotonic() - self.started
        kind = self.kind.decode("ascii", "replace") or "-"
        return f"id={self.query_id or '-'} kind={kind} {error.name} after {seconds:.3f} s"

    def coding(self) -> str:
        """Content coding of the answer; empty for none."""
        return compression.choose(self.accept) if self.request.flag("enable_http_compression") else ""

    def encoder(self) -> compression.Coder:
        """Encoder of that coding."""
        level = self.request.transport.get("http_zlib_compression_level", "3")
        return compression.encoder(self.coding(), int(level) if level.isdigit() else 3)


async def in_thread(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    """Run a blocking call in ``pool``."""
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def headers(engine: Engine, job: Job, output_format: str | None, stats: Stats) -> dict[str, str]:
    """Headers of every answer to a query; ``output_format`` is None for statements that have no result."""
    found = {
        "X-ClickHouse-Server-Display-Name": engine.display_name,
        "X-ClickHouse-Query-Id": job.query_id,
        "X-ClickHouse-Timezone": job.request.settings.get("session_timezone") or engine.timezone,
        "X-ClickHouse-Summary": stats.summary(time.monotonic() - job.started),
        "Content-Type": content_type(output_format),
    }
    if output_format is not None:
        found["X-ClickHouse-Format"] = output_format
    return found


def failure(engine: Engine, job: Job, error: ServerException) -> web.Response:
    """The answer to a query that failed before any of its answer was sent."""
    found = headers(engine, job, None, Stats())
    found["X-ClickHouse-Exception-Code"] = str(error.code)
    return web.Response(status=http_status(error.code), body=error.body(engine.version), headers=found)


def packed(job: Job, data: bytes) -> tuple[bytes, str]:
    """``data`` as the client wants it: bytes and content coding."""
    if len(data) < _SMALL or not (coding := job.coding()):
        return data, ""
    coder = job.encoder()
    return coder.feed(data) + coder.finish(), coding


def whole(engine: Engine, job: Job, output_format: str | None, stats: Stats, data: bytes, coding: str) -> web.Response:
    """An answer that is complete."""
    found = headers(engine, job, output_format, stats)
    if coding:
        found["Content-Encoding"] = coding
    return web.Response(body=data, headers=found)


async def spooled(
    engine: Engine,
    pool: ThreadPoolExecutor,
    http: web.BaseRequest,
    job: Job,
    result: Result,
    first: bytes,
    release: Release,
) -> web.StreamResponse:
    """An answer that is sent once its query has ended (``wait_end_of_query``), so that a failure is a status."""
    coding, coder = job.coding(), job.encoder()
    with tempfile.SpooledTemporaryFile[bytes](SPOOL, dir=str(engine.spool_dir)) as spool:

        def fill() -> int:
            spool.write(coder.feed(first))
            while (chunk := result.next()) is not None:
                spool.write(coder.feed(chunk))
            spool.write(coder.finish())
            size = spool.tell()
            spool.seek(0)
            return size

        size = await in_thread(pool, fill)
        await release()
        found = headers(engine, job, result.format, result.stats)
        found["Content-Length"] = str(size)
        if coding:
            found["Content-Encoding"] = coding
        response = web.StreamResponse(headers=found)
        job.sent = True
        await response.prepare(http)
        while chunk := await in_thread(pool, lambda: spool.read(1 << 20)):
            await _send(http, response, chunk)
        await response.write_eof()
        return response


async def streamed(
    engine: Engine,
    pool: ThreadPoolExecutor,
    http: web.BaseRequest,
    job: Job,
    result: Result,
    first: bytes,
    release: Release,
) -> web.StreamResponse:
    """An answer that is sent as its query runs, no faster than it is read.

    A failure on the way is written into the body between ``__exception__`` marks, as servers from 25.11 on do, and
    raised.
    """
    tag, coding, coder = secrets.token_hex(8), job.coding(), job.encoder()
    found = headers(engine, job, result.format, result.stats)
    found["X-ClickHouse-Exception-Tag"] = tag
    if coding:
        found["Content-Encoding"] = coding
    response = web.StreamResponse(headers=found)
    response.enable_chunked_encoding()
    job.sent = True
    await response.prepare(http)

    def step() -> bytes | None:
        chunk = result.next()
        return None if chunk is None else coder.feed(chunk)

    try:
        await _send(http, response, coder.feed(first))
        while (chunk := await in_thread(pool, step)) is not None:
            if chunk:
                await _send(http, response, chunk)
    except ServerException as error:
        await release()
        message, mark = error.body(engine.version), tag.encode()
        block = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (mark, message, len(message), mark)
        await _send(http, response, coder.feed(block) + coder.finish())
        if http.transport is not None:
            http.transport.close()  # no last chunk: a client that knows no tags sees a broken stream
        raise
    await release()
    await _send(http, response, coder.finish())
    await response.write_eof()
    return response


async def _send(http: web.BaseRequest, response: web.StreamResponse, data: bytes) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT):
            await response.write(data)
    except TimeoutError:
        if http.transport is not None:
            http.transport.abort()
        raise ConnectionError(f"the client read nothing for {SEND_TIMEOUT:.0f} s") from None


def content_type(output_format: str | None) -> str:
    """Content-Type of a result format, as the interface names it."""
    lower = (output_format or "").lower()
    if lower.startswith(("rowbinary", "native", "parquet", "orc", "arrow", "avro", "npy", "rawblob")):
        return "application/octet-stream"
    if "eachrow" in lower or lower in ("jsonlines", "ndjson"):
        return "application/x-ndjson; charset=UTF-8"
    if lower.startswith("json"):
        return "application/json; charset=UTF-8"
    if lower.startswith("csv"):
        return "text/csv; charset=UTF-8; header=" + ("present" if "withnames" in lower else "absent")
    if lower.startswith(("tabseparated", "tsv")):
        return "text/tab-separated-values; charset=UTF-8"
    return "text/plain; charset=UTF-8"
