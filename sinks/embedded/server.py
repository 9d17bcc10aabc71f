"""The loopback HTTP endpoint: ClickHouse's HTTP interface over the in-process engine.

One asyncio loop reads and writes sockets; statements run in worker threads, a step at a time (start, next chunk,
append chunk), so that a slow reader holds an open query but no thread.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from sinks.embedded import compression
from sinks.embedded.body import Body, read_form
from sinks.embedded.config import EngineOptions
from sinks.embedded.engine import Engine, Running
from sinks.embedded.errors import EngineFailed, ServerException, from_engine, http_status, server_exception
from sinks.embedded.execute import Insert, InsertSelect, load_external, open_insert, open_result
from sinks.embedded.lock import DataDirLock
from sinks.embedded.request import Request, authorise, read
from sinks.embedded.results import Result, Stats
from sinks.embedded.sql import Statement, parse

log = logging.getLogger("xuejing.engine")
T = TypeVar("T")
Release = Callable[[], Awaitable[None]]

HEAD = 4 << 20
MAX_STATEMENT = 64 << 20
SPOOL = 16 << 20
WRITERS, READERS = 8, 32
_SMALL = 512


class Job:
    """One request on its way: what must be stopped when its client goes away."""

    def __init__(self, query_id: str) -> None:
        self.query_id, self.started = query_id, time.monotonic()
        self.running: Running | None = None
        self.killable = False
        self.request = Request()
        self.kind = b""

    def described(self, error: ServerException) -> str:
        """One line for the log: no SQL and no message, for both may carry what people wrote."""
        seconds = time.monotonic() - self.started
        kind = self.kind.decode("ascii", "replace") or "-"
        return f"id={self.query_id or '-'} kind={kind} {error.name} after {seconds:.3f} s"


class Endpoint:
    """Answers requests on ``engine`` for ``user`` with ``password``."""

    def __init__(self, engine: Engine, user: str, password: str) -> None:
        self._engine, self._user, self._password = engine, user, password
        self._readers = ThreadPoolExecutor(READERS, "read")
        self._writers = ThreadPoolExecutor(WRITERS, "write")
        self._tasks: set[asyncio.Task[Any]] = set()

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; if its client goes away meanwhile, stop what only it would have read."""
        job = Job(http.headers.get("X-ClickHouse-Query-Id", "") or http.query.get("query_id", ""))
        task = asyncio.create_task(self._answer(http, job))
        self._keep(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._keep(asyncio.create_task(self._abandon(task, job)))
            raise

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """Hold a task until it ends; that its client went away is no news by then."""

        def ended(done: asyncio.Task[Any]) -> None:
            self._tasks.discard(done)
            if not done.cancelled() and (error := done.exception()) and not isinstance(error, ConnectionError):
                log.error("request failed: %r", error)

        self._tasks.add(task)
        task.add_done_callback(ended)

    async def _abandon(self, task: asyncio.Task[web.StreamResponse], job: Job) -> None:
        """Kill a reading statement that nobody waits for; writing ones go on to their end, as on a server."""
        while not task.done():
            running = job.running
            if running is not None and job.killable:
                await self._in(self._readers, lambda kept=running: self._engine.kill(kept))  # type: ignore[misc]
            await asyncio.wait([task], timeout=0.5)

    async def _answer(self, http: web.BaseRequest, job: Job) -> web.StreamResponse:
        try:
            if http.path == "/ping":
                return web.Response(text="Ok.\n")
            if http.path not in ("/", ""):
                return web.Response(status=404, text=f"There is no handle {http.path}\n")
            authorise(http.headers, http.query, self._user, self._password)
            return await self._query(http, job)
        except ServerException as error:
            log.warning("query failed: %s", job.described(error))
            return self._failure(error, job)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("request failed: id=%s", job.query_id or "-")
            return self._failure(from_engine(error), job)

    async def _query(self, http: web.BaseRequest, job: Job) -> web.StreamResponse:
        pairs, files = list(http.query.items()), dict[str, bytes]()
        body = Body(http)
        if http.content_type == "multipart/form-data":
            fields, files = await read_form(http)
            pairs += fields
            body = Body(None)
        request = job.request = read(pairs, http.headers, files)
        head, complete = await body.head(HEAD)
        sql = request.query + b"\n" + head if request.query and head else request.query or head
        if not sql.strip() and http.method in ("GET", "HEAD"):
            return web.Response(text="Ok.\n")
        statement = parse(sql)
        if not statement.has_data and not complete:
            sql += await body.rest(MAX_STATEMENT)
            statement, complete = parse(sql), True
        job.kind = statement.kind
        if http.method == "GET" and not statement.is_read and statement.kind not in (b"SET", b"USE"):
            raise server_exception(
                164,
                "READONLY",
                "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
                "You should use method POST for modifying queries",
            )
        if statement.has_data:
            return await self._insert(job, statement, sql[statement.data_at :], None if complete else body)
        return await self._read(http, job, statement, files)

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    async def _insert(self, job: Job, statement: Statement, data: bytes, body: Body | None) -> web.StreamResponse:
        def begin() -> tuple[Insert | InsertSelect, Stats | None]:
            job.running = self._engine.start(job.request, statement.kind)
            job.query_id = job.running.query_id
            insert = open_insert(self._engine, job.running, job.request, statement)
            try:
                insert.append(data)
                return insert, insert.finish() if body is None else None
            except BaseException:
                insert.cancel()
                raise

        failed = True
        try:
            insert, stats = await self._in(self._writers, begin)
            if stats is None and body is not None:
                try:
                    while chunk := await body.more():
                        await self._in(self._writers, lambda part=chunk: insert.append(part))  # type: ignore[misc]
                    stats = await self._in(self._writers, insert.finish)
                finally:
                    if stats is None:
                        await self._in(self._writers, insert.cancel)
            failed = False
        finally:
            await self._finish(job, statement, failed)
        return web.Response(headers=self._headers(job, None, stats or Stats()))

    async def _finish(self, job: Job, statement: Statement, failed: bool) -> None:
        running, job.running = job.running, None
        if running is not None:
            await self._in(self._readers, lambda: self._engine.finish(running, job.request, statement.kind, failed))

    async def _read(
        self, http: web.BaseRequest, job: Job, statement: Statement, files: Mapping[str, bytes]
    ) -> web.StreamResponse:
        pool = self._readers if statement.is_read else self._writers
        job.killable = statement.is_read and job.request.flag("cancel_http_readonly_queries_on_client_close")

        def begin() -> tuple[Result, bytes]:
            job.running = self._engine.start(job.request, statement.kind)
            job.query_id = job.running.query_id
            load_external(job.running, job.request, files)
            result = open_result(self._engine, job.running, job.request, statement)
            try:
                first = result.next() or b""
            except BaseException:
                result.close()
                raise
            if result.done:
                running, job.running = job.running, None
                self._engine.finish(running, job.request, statement.kind)
            return result, first

        try:
            result, first = await self._in(pool, begin)
        except BaseException:
            await self._finish(job, statement, True)
            raise
        if result.done:
            shown = result.format if statement.is_read or first else None
            return await self._whole(http, job, result, first, shown)

        async def release() -> None:
            """Before the answer's end is sent: the client's next request may want the same session."""
            await self._in(pool, result.close)
            await self._finish(job, statement, False)

        try:
            if job.request.flag("wait_end_of_query") or job.request.flag("http_wait_end_of_query"):
                return await self._spooled(http, job, result, first, release)
            return await self._streamed(http, job, result, first, release)
        finally:
            await release()

    async def _whole(
        self, http: web.BaseRequest, job: Job, result: Result, data: bytes, output_format: str | None
    ) -> web.StreamResponse:
        headers = self._headers(job, output_format, result.stats)
        coding = self._coding(http, job.request)
        if coding and len(data) >= _SMALL:
            coder = compression.encoder(coding, self._level(job.request))
            data = await self._in(self._readers, lambda: coder.feed(data) + coder.finish())
            headers["Content-Encoding"] = coding
        return web.Response(body=data, headers=headers)

    async def _spooled(
        self, http: web.BaseRequest, job: Job, result: Result, first: bytes, release: Release
    ) -> web.StreamResponse:
        coding = self._coding(http, job.request)
        coder = compression.encoder(coding, self._level(job.request))
        with tempfile.SpooledTemporaryFile(SPOOL) as spool:

            def fill() -> int:
                spool.write(coder.feed(first))
                while (chunk := result.next()) is not None:
                    spool.write(coder.feed(chunk))
                spool.write(coder.finish())
                size = spool.tell()
                spool.seek(0)
                return size

            size = await self._in(self._readers, fill)
            await release()
            headers = self._headers(job, result.format, result.stats)
            headers["Content-Length"] = str(size)
            if coding:
                headers["Content-Encoding"] = coding
            response = web.StreamResponse(headers=headers)
            await response.prepare(http)
            while chunk := await self._in(self._readers, lambda: spool.read(1 << 20)):
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _streamed(
        self, http: web.BaseRequest, job: Job, result: Result, first: bytes, release: Release
    ) -> web.StreamResponse:
        coding, tag = self._coding(http, job.request), secrets.token_hex(8)
        coder = compression.encoder(coding, self._level(job.request))
        headers = self._headers(job, result.format, result.stats)
        headers["X-ClickHouse-Exception-Tag"] = tag
        if coding:
            headers["Content-Encoding"] = coding
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(http)

        def step() -> bytes | None:
            chunk = result.next()
            return None if chunk is None else coder.feed(chunk)

        try:
            await response.write(coder.feed(first))
            while (chunk := await self._in(self._readers, step)) is not None:
                if chunk:
                    await response.write(chunk)
        except ServerException as error:
            log.warning("query failed while streaming: %s", job.described(error))
            await release()
            message = error.body(self._engine.version)
            block = b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
                tag.encode(), message, len(message), tag.encode()
            )  # fmt: skip
            await response.write(coder.feed(block) + coder.finish())
            if http.transport is not None:
                http.transport.close()  # no last chunk: a client that knows no tags sees a broken stream
            return response
        await release()
        if end := coder.finish():
            await response.write(end)
        await response.write_eof()
        return response

    def _coding(self, http: web.BaseRequest, request: Request) -> str:
        if not request.flag("enable_http_compression"):
            return ""
        return compression.choose(http.headers.get("Accept-Encoding", ""))

    def _level(self, request: Request) -> int:
        level = request.transport.get("http_zlib_compression_level", "3")
        return int(level) if level.isdigit() else 3

    def _headers(self, job: Job, output_format: str | None, stats: Stats) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Server-Display-Name": self._engine.display_name,
            "X-ClickHouse-Query-Id": job.query_id,
            "X-ClickHouse-Timezone": job.request.settings.get("session_timezone") or self._engine.timezone,
            "X-ClickHouse-Summary": stats.summary(time.monotonic() - job.started),
            "Content-Type": content_type(output_format),
        }
        if output_format is not None:
            headers["X-ClickHouse-Format"] = output_format
        return headers

    def _failure(self, error: ServerException, job: Job) -> web.Response:
        headers = self._headers(job, None, Stats())
        headers["X-ClickHouse-Exception-Code"] = str(error.code)
        return web.Response(status=http_status(error.code), body=error.body(self._engine.version), headers=headers)

    def close(self) -> None:
        """Let the worker threads end."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._writers.shutdown(wait=False, cancel_futures=True)


def content_type(output_format: str | None) -> str:
    """Content-Type of a result format, as the interface names it."""
    lower = (output_format or "").lower()
    if lower in ("native", "rowbinary", "parquet", "orc", "arrow", "arrowstream", "avro", "npy", "rawblob"):
        return "application/octet-stream"
    if lower.startswith("rowbinary"):
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


async def _serve(engine: Engine, port: int, user: str, password: str, ready: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    endpoint = Endpoint(engine, user, password)
    server = web.Server(
        endpoint.handle,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        max_line_size=1 << 20,
        max_field_size=1 << 20,
        read_bufsize=1 << 20,
    )
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=5)
        try:
            await site.start()
        except OSError as error:
            raise EngineFailed(
                f"port {port} can't be opened: {error.strerror}", hint="choose another port, or 0 for a free one"
            ) from None
        address = runner.addresses[0]
        ready(int(address[1]))
        await stop.wait()
    finally:
        await runner.cleanup()
        endpoint.close()


def serve(
    data_dir: Path,
    port: int,
    password: str,
    user: str = "default",
    ready: Callable[[int], None] = lambda _port: None,
    *,
    options: EngineOptions | None = None,
) -> None:
    """Serve the engine over ``data_dir`` on 127.0.0.1 until SIGTERM or SIGINT; blocks, from the main thread.

    ``port`` 0 takes a free one; ``ready`` is called with the port once requests are answered.

    Raises EngineInUse when another process has the directory, EngineFailed when the engine can't open it or the
    port is taken.
    """
    with DataDirLock(data_dir):
        engine = Engine(data_dir, options or EngineOptions())
        try:
            asyncio.run(_serve(engine, port, user, password, ready))
        finally:
            engine.close()
