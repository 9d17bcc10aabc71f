"""The collector as an ASGI application: ``POST /v1/events``, xAPI statements, metrics and health."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from datetime import datetime
from typing import Any

import msgspec

from .body import flush_of
from .intake import clock_of, judge
from .keys import App, Apps, Refused
from .limits import Buckets, Clocks
from .metrics import Metrics
from .outlet import Outlet
from .pages import SESSION, Pages
from .web import Answer, Receive, Request, Scope, Send, read_body, request_of
from .xapi.endpoint import Statements

log = logging.getLogger(__name__)

EVENTS, XAPI = "/v1/events", "/xapi/statements"
ALLOWED_HEADERS = b"authorization, content-type, content-encoding, x-app-key, x-sent-at, x-experience-api-version"
_json = msgspec.json.Encoder().encode


class Collector:
    """Takes events for one outlet. ``statements`` None: xAPI is not served; ``pages`` None: no files are."""

    def __init__(
        self, apps: Apps, outlet: Outlet, statements: Statements | None = None, pages: Pages | None = None
    ) -> None:
        self.apps, self.outlet, self.metrics = apps, outlet, Metrics()
        self._statements, self.pages = statements, pages
        self._clocks = Clocks()
        self._keys = {a.id: Buckets(a.rate, a.burst) for a in apps.by_id.values()}
        self._members = {a.id: Buckets(a.member_rate, a.member_burst) for a in apps.by_id.values()}
        self._ok = self.metrics.requests.labels("200")
        self._accepted = {a: self.metrics.accepted.labels(a) for a in apps.by_id}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        request = request_of(scope)
        origin = request.header(b"origin")
        try:
            answer = await self._answer(request, receive)
        except Refused as refused:
            answer = self._refusal(refused)
        except ConnectionError:
            return  # the client has left: there is nobody to answer
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            answer = Answer(500, _json({"error": "internal", "detail": "see the collector's log"}))
        if origin:
            answer.headers.append((b"vary", b"Origin"))
            # A page may read an error before its key is known, if any key allows its origin.
            if self.apps.any_origin(origin):
                answer.headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
                answer.headers.append((b"access-control-expose-headers", b"retry-after, x-experience-api-version"))
        if answer.status == 200:
            self._ok.inc()
        else:
            self.metrics.requests.labels(str(answer.status)).inc()
        await answer.send(send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.outlet.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await asyncio.to_thread(self.outlet.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _refusal(self, refused: Refused) -> Answer:
        self.metrics.refused.labels(refused.reason).inc()
        answer = Answer(refused.status, _json({"error": refused.reason, "detail": refused.what}))
        if refused.retry_after:
            answer.headers.append((b"retry-after", b"%d" % max(1, math.ceil(refused.retry_after))))
        if refused.status == 401:
            answer.headers.append((b"www-authenticate", b"Bearer"))
        return answer

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        path = request.path
        if path in (EVENTS, XAPI):
            if request.method == "OPTIONS":
                return self._preflight(request)
            if path == XAPI and self._statements is not None:
                if request.method in ("POST", "PUT"):
                    await read_body(request, receive)
                return await self._statements.answer(self, request)
            if path == EVENTS:
                if request.method != "POST":
                    return Answer(405, _json({"error": "method"}), headers=[(b"allow", b"POST, OPTIONS")])
                await read_body(request, receive)
                return await self._events(request)
        elif request.method == "GET":
            if path == "/live":
                return Answer(200 if self.outlet.alive else 503, _json({"alive": self.outlet.alive}))
            if path == "/ready":
                # With a journal that is always on, events are safe before Kafka answers.
                ready = self.outlet.alive and (self.outlet.connected or self.outlet.always)
                state = {"ready": ready, "kafka": self.outlet.connected, "segments": self.outlet.backlog}
                return Answer(200 if ready else 503, _json(state))
            if path == "/metrics":
                return Answer(200, self.metrics.text(self.outlet), b"text/plain; version=0.0.4; charset=utf-8")
            if self.pages and (found := self.pages.answer(request)):
                return found
        elif path == SESSION and request.method == "POST" and self.pages and self.pages.demo:
            await read_body(request, receive)
            return self.pages.demo.session(request.body)
        return Answer(404, _json({"error": "not_found"}))

    def _preflight(self, request: Request) -> Answer:
        if not self.apps.any_origin(request.header(b"origin")):
            raise Refused(403, "origin", "this origin may not send")
        methods = b"POST, OPTIONS" if request.path == EVENTS else b"POST, PUT, GET, OPTIONS"
        return Answer(
            204,
            headers=[
                (b"access-control-allow-methods", methods),
                (b"access-control-allow-headers", ALLOWED_HEADERS),
                (b"access-control-max-age", b"7200"),
            ],
        )

    def who(self, request: Request, key: str = "", token: str = "") -> tuple[App, str | None]:
        """The application that sends and the member it may speak for; None: any. Raises Refused."""
        basic = request.basic()
        if basic is not None:
            app = self.apps.app(basic[0])
            self.apps.server(app, basic[1])
            member = None
        else:
            query = request.query if request.raw_query else {}
            app = self.apps.app(request.header(b"x-app-key") or key or query.get("key", ""))
            member = self.apps.member(app, request.bearer() or token or query.get("token", ""))
        origin = request.header(b"origin")
        if origin and not app.allows_origin(origin):
            raise Refused(403, "origin", "this app key is not for pages of this origin")
        return app, member

    def admit(self, app: App, member: str | None, count: int) -> None:
        """Raises Refused (429) when a key or a member sends too much."""
        now = time.monotonic()
        wait = self._members[app.id].take(member, count, now) if member is not None else 0.0
        if not wait:
            wait = self._keys[app.id].take("", count, now)
        if wait:
            raise Refused(429, "rate", "too many events for this key", retry_after=wait)

    async def take(self, app: App, member: str | None, lines: list[bytes], sent_at: datetime | None) -> dict[str, Any]:
        """Judge events and bring what is accepted to safety; the body of the answer. Raises Refused."""
        began = time.perf_counter()
        received_ms = time.time_ns() // 1_000_000
        skew = 0
        if member is not None:  # programs on servers send for many devices: their clocks are theirs to keep
            device, sent_ms = clock_of(lines[0], sent_at)
            if device:
                skew = self._clocks.flush(app.id, f"{member}\n{device}", sent_ms, received_ms)
        results, messages = judge(lines, app, member, received_ms, skew)
        if messages:
            await self.outlet.put(messages)
        rejected = [r for r in results if r.status != "accepted"]
        for r in rejected:
            self.metrics.rejected.labels(r.reason).inc()
        self._accepted[app.id].inc(len(results) - len(rejected))
        self.metrics.seconds.observe(time.perf_counter() - began)
        return {
            "accepted": len(results) - len(rejected),
            "rejected": len(rejected),
            "skew_ms": skew,
            "results": results,
        }

    async def _events(self, request: Request) -> Answer:
        flush = flush_of(request.body)
        app, member = self.who(request, flush.key, flush.token)
        self.admit(app, member, len(flush.lines))
        sent_at = flush.sent_at
        if sent_at is None and (text := request.header(b"x-sent-at")):
            try:
                sent_at = msgspec.convert(text, datetime)
            except msgspec.ValidationError:
                raise Refused(400, "sent_at", "X-Sent-At must be RFC 3339 with offset") from None
        return Answer(200, _json(await self.take(app, member, flush.lines, sent_at)))
