"""ClickHouse's HTTP interface over the in-process engine.

One asyncio loop reads and writes sockets; statements run in worker threads, a step at a time (start, next chunk,
append chunk), so that a slow client holds an open query but no thread. Reads, writes and the small steps that
end a statement have threads of their own: none waits for the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from sinks.embedded import answers
from sinks.embedded.answers import Job, in_thread
from sinks.embedded.body import Body, read_form
from sinks.embedded.engine import Engine
from sinks.embedded.errors import ServerException, from_engine, server_exception
from sinks.embedded.execute import Spool, insert, load_external, open_result
from sinks.embedded.request import authorise, read
from sinks.embedded.results import Result, Stats
from sinks.embedded.sql import Statement, parse

log = logging.getLogger("xuejing.engine")

HEAD = 4 << 20  # bytes of a body that are read before it is looked at; a larger INSERT's data is streamed
MAX_STATEMENT = 64 << 20  # bytes of a statement without data
READERS, WRITERS, ENDERS = 32, 8, 4
_QUICK_PARSE = 32 << 10


class Endpoint:
    """Answers requests on ``engine`` for ``user`` with ``password``."""

    def __init__(self, engine: Engine, user: str, password: str) -> None:
        self._engine, self._user, self._password = engine, user, password
        self._readers = ThreadPoolExecutor(READERS, "read")
        self._writers = ThreadPoolExecutor(WRITERS, "write")
        self._enders = ThreadPoolExecutor(ENDERS, "end")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._open: dict[asyncio.Task[web.StreamResponse], asyncio.BaseTransport | None] = {}
        self._stopping = False

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; if its client goes away meanwhile, stop what only it would have read."""
        job = Job(http)
        task = asyncio.create_task(self._answer(http, job))
        self._keep(task)
        self._open[task] = http.transport
        task.add_done_callback(lambda done: self._open.pop(done, None))
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
                await in_thread(self._enders, lambda kept=running: self._engine.kill(kept))  # type: ignore[misc]
            await asyncio.wait([task], timeout=0.5)

    async def drain(self, patience: float) -> None:
        """Refuse new requests; let those under way end for ``patience`` seconds, then kill them and wait as long
        again for that."""
        self._stopping = True
        if self._open:
            await asyncio.wait(set(self._open), timeout=patience)
        if self._open:
            for transport in self._open.values():
                if isinstance(transport, asyncio.Transport):
                    transport.abort()
            await in_thread(self._enders, self._engine.kill_all)
            await asyncio.wait(set(self._open), timeout=patience)
        for pool in (self._readers, self._writers, self._enders):
            pool.shutdown(wait=False)

    async def _answer(self, http: web.BaseRequest, job: Job) -> web.StreamResponse:
        try:
            if http.path == "/ping":
                return web.Response(text="Ok.\n")
            if http.path not in ("/", ""):
                return web.Response(status=404, text=f"There is no handle {http.path}\n")
            if self._stopping:
                raise server_exception(439, "CANNOT_SCHEDULE_TASK", "The engine is stopping")
            authorise(http.headers, http.query, self._user, self._password)
            if http.headers.get("Expect", "").lower() == "100-continue":
                await http.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                http.writer.output_size = 0
            return await self._query(http, job)
        except ServerException as error:
            log.warning("query failed: %s", job.described(error))
            response = answers.failure(self._engine, job, error)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("request failed: id=%s", job.query_id or "-")
            response = answers.failure(self._engine, job, from_engine(error))
        if job.sent:
            raise ConnectionResetError("the answer was under way: its body tells of the failure")
        return response

    async def _query(self, http: web.BaseRequest, job: Job) -> web.StreamResponse:
        pairs, files = list(http.query.items()), dict[str, bytes]()
        body = Body(http)
        if http.content_type == "multipart/form-data":
            fields, files = await read_form(http)
            pairs += fields
            body = Body(None)
        job.request = read(pairs, http.headers, files)
        head, complete = await body.head(HEAD)
        asked = job.request.query
        sql = asked + b"\n" + head if asked and head else asked or head
        if not sql.strip() and http.method in ("GET", "HEAD"):
            return web.Response(text="Ok.\n")
        statement = await self._parsed(sql)
        if not statement.has_data and not complete:
            sql += await body.rest(MAX_STATEMENT)
            statement, complete = await self._parsed(sql), True
        job.kind = statement.kind
        if http.method in ("GET", "HEAD") and not statement.is_read and statement.kind not in (b"SET", b"USE"):
            raise server_exception(
                164,
                "READONLY",
                "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
                "You should use method POST for modifying queries",
            )
        if statement.has_data:
            return await self._insert(job, statement, sql[statement.data_at :], None if complete else body)
        return await self._read(http, job, statement, files)

    async def _parsed(self, sql: bytes) -> Statement:
        if len(sql) < _QUICK_PARSE:
            return parse(sql)
        return await in_thread(self._readers, lambda: parse(sql))

    async def _insert(self, job: Job, statement: Statement, data: bytes, body: Body | None) -> web.StreamResponse:
        """Only a body that came whole and decodes is handed to the engine."""

        def run() -> Stats:
            job.running = self._engine.start(job.request, statement)
            job.query_id = job.running.query_id
            failed = True
            try:
                stats = insert(job.running, job.request, statement, spool)
                failed = False
            finally:
                self._end(job, statement, failed)
            return stats

        spool = Spool(self._engine)
        try:
            if body is None:
                spool.write(data)
            else:
                while data:
                    await in_thread(self._writers, lambda part=data: spool.write(part))  # type: ignore[misc]
                    data = await body.more()
            stats = await in_thread(self._writers, run)
        finally:
            spool.close()
        return answers.whole(self._engine, job, None, stats, b"", "")

    def _end(self, job: Job, statement: Statement, failed: bool) -> None:
        running, job.running = job.running, None
        if running is not None:
            self._engine.finish(running, job.request, statement.kind, failed=failed)

    async def _ended(self, job: Job, statement: Statement, failed: bool) -> None:
        if job.running is not None:
            await in_thread(self._enders, lambda: self._end(job, statement, failed))

    async def _read(
        self, http: web.BaseRequest, job: Job, statement: Statement, files: Mapping[str, bytes]
    ) -> web.StreamResponse:
        pool = self._readers if statement.is_read else self._writers
        job.killable = statement.is_read and job.request.flag("cancel_http_readonly_queries_on_client_close")

        def begin() -> tuple[Result, bytes, str]:
            job.running = self._engine.start(job.request, statement)
            job.query_id = job.running.query_id
            load_external(self._engine, job.running, job.request, files)
            result = open_result(self._engine, job.running, job.request, statement)
            try:
                first = result.next() or b""
            except BaseException:
                result.close()
                raise
            if not result.done:
                return result, first, ""
            self._end(job, statement, False)
            return result, *answers.packed(job, first)

        try:
            result, first, coding = await in_thread(pool, begin)
        except BaseException:
            await self._ended(job, statement, True)
            raise
        if result.done:
            shown = result.format if statement.is_read or first else None
            return answers.whole(self._engine, job, shown, result.stats, first, coding)

        async def release() -> None:
            """Before the answer's end is sent: the client's next request may want the same session."""
            await in_thread(self._enders, result.close)
            await self._ended(job, statement, False)

        waits = job.request.flag("wait_end_of_query") or job.request.flag("http_wait_end_of_query")
        try:
            answer = answers.spooled if waits else answers.streamed
            return await answer(self._engine, pool, http, job, result, first, release)
        finally:
            await release()
