"""The dashboard over HTTP: pages, pushes, exports and the way in. Everything else is refused."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from typing import IO, Any, get_args
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from reports.analytics.computed import COMPUTED
from schemas.errors import InputError, StoreError
from schemas.reference import Roster
from schemas.reference.columns import Language
from sinks.read import QueryError, ScopeError
from web.dashboard import export, frame
from web.dashboard.asking import PARAMETERS, Asked, asked
from web.dashboard.gather import Gatherer
from web.dashboard.live import Hub
from web.dashboard.map_page import map_page
from web.dashboard.operations import Machine, operations
from web.dashboard.render import QUICK, Rendered, pages, words
from web.dashboard.sessions import COOKIE, LONGEST, Sessions
from web.dashboard.version import store_version
from web.dashboard.viewers import PageKind, Viewer

KINDS: dict[str, PageKind] = {kind: kind for kind in get_args(PageKind)}
STATIC = {"dashboard.css": "text/css", "live.js": "text/javascript", "mark.svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LARGEST_FORM = 4096
Csv = Callable[..., None]


@dataclass
class Dashboard:
    """What the pages are made with. ``hosts``: names under which it answers, any where empty; ``csv`` writes frames;
    ``asked``: what computed queries need besides."""

    gatherer: Gatherer
    sessions: Sessions
    csv: Csv
    language: Language = "zh"
    machine: Machine = field(default_factory=Machine)
    hosts: frozenset[str] = frozenset()
    asked: dict[str, Any] = field(default_factory=dict)
    hub: Hub = field(init=False)
    _seen: Hashable = field(default=None, init=False)
    _zone: ZoneInfo = field(default=ZoneInfo("UTC"), init=False)

    def __post_init__(self) -> None:
        self.hub = Hub(self._version)

    def _version(self) -> Hashable:
        found = store_version(self.gatherer.store)
        if found != self._seen:
            self._zone, self._seen = self.gatherer.zone(self.gatherer.reader()), found
        # At midnight today becomes yesterday.
        return found, self.gatherer.clock().astimezone(self._zone).date()

    def parts(self, viewer: Viewer, page: Asked) -> tuple[Rendered, ...]:
        """The parts of a page for a viewer. Called in a thread."""
        view = self.view(viewer, page)
        zone = ZoneInfo(view.fresh.timezone)
        return pages(page.language).parts(page, view, zone=zone, k=str(self.gatherer.k), **frame.inside(viewer, page))

    def quick(self, viewer: Viewer, page: Asked) -> tuple[Rendered, ...]:
        """The parts that can be had at once. Called in a thread."""
        now = self.gatherer.now(viewer, page)
        zone, names = ZoneInfo(now.fresh.timezone), QUICK[page.kind]
        return pages(page.language).some(names, page, now, zone=zone, **frame.inside(viewer, page))

    def view(self, viewer: Viewer, page: Asked) -> Any:
        """The content of a page."""
        if page.kind == "branch":
            return self.gatherer.branch(viewer, page)
        if page.kind == "committee":
            return self.gatherer.committee(viewer, page)
        if page.kind == "member":
            return self.gatherer.member(viewer, page)
        if page.kind == "map":
            return map_page(self.gatherer, viewer, page)
        return operations(self.gatherer, viewer.scope, self.machine, page.language)

    def known(self) -> tuple[Roster, date]:
        """The roster by which pages are allowed, and the local day."""
        reader = self.gatherer.reader()
        return reader.roster(), self.gatherer.today(reader)


class _Refused(Exception):
    """Nothing to see here; whether there is such a page is not told."""


def application(dashboard: Dashboard) -> FastAPI:
    """The ASGI application."""
    app = FastAPI(title="Xuejing dashboard", openapi_url=None, docs_url=None, redoc_url=None)
    sessions, hub = dashboard.sessions, dashboard.hub

    def language(request: Request) -> Language:
        spoken = request.query_params.get("lang")
        if spoken in ("zh", "en"):
            return "en" if spoken == "en" else "zh"
        return dashboard.language

    def plain(request: Request, status: int, title: str, trouble: str = "", enter: bool = False) -> HTMLResponse:
        spoken = language(request)
        text = words(spoken)
        said = text(trouble) if trouble.startswith("dash.") else trouble
        made = pages(spoken).other("plain", title=text(title), trouble=said, enter=enter)
        return HTMLResponse(made, status)

    def viewer_of(request: Request) -> Viewer | None:
        return sessions.viewer(request.cookies.get(COOKIE))

    app.add_middleware(_Guard, hosts=dashboard.hosts)

    @app.exception_handler(_Refused)
    async def refused(request: Request, _: Exception) -> Response:
        return plain(request, 404, "dash.product", "dash.not_here")

    @app.exception_handler(InputError)
    async def wrong(request: Request, error: Exception) -> Response:
        assert isinstance(error, InputError)
        return plain(request, 400, "dash.product", f"{error.where}: {error.what}" if error.where else error.what)

    @app.exception_handler(StoreError)
    async def away(request: Request, _: Exception) -> Response:
        return plain(request, 503, "dash.product", "dash.store_away")

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in STATIC:
            raise _Refused
        content = files("web.dashboard").joinpath("static", name).read_bytes()
        return Response(content, media_type=STATIC[name], headers={"Cache-Control": "max-age=300"})

    @app.get("/enter")
    async def entrance(request: Request) -> Response:
        if key := request.query_params.get("key"):
            cookie = await asyncio.to_thread(sessions.enter, "", key)
            return _let_in(request, cookie) if cookie else plain(request, 403, "dash.enter", "dash.enter_wrong", True)
        return plain(request, 200, "dash.enter", enter=True)

    @app.post("/enter")
    async def enter(request: Request) -> Response:
        if not _same_origin(request):
            raise _Refused
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:
                raise _Refused
        token = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        cookie = await asyncio.to_thread(sessions.enter, token)
        return _let_in(request, cookie) if cookie else plain(request, 403, "dash.enter", "dash.enter_wrong", True)

    @app.post("/leave")
    async def leave(request: Request) -> Response:
        if not _same_origin(request):
            raise _Refused
        sessions.leave(request.cookies.get(COOKIE))
        response = RedirectResponse("/enter", 303)
        response.delete_cookie(COOKIE, path="/")
        return response

    @app.get("/")
    async def start(request: Request) -> Response:
        if (viewer := await asyncio.to_thread(viewer_of, request)) is None:
            return RedirectResponse("/enter", 303)
        roster, today = await asyncio.to_thread(dashboard.known)
        found = frame.home(viewer, roster, today)
        if found is None:
            return plain(request, 200, "dash.product", "dash.empty_store")
        return RedirectResponse(asked(*found, {}, language(request)).address, 303)

    @app.get("/go")
    async def go(request: Request) -> Response:
        given = request.query_params
        kind = given.get("kind", "")
        if kind not in KINDS:
            raise _Refused
        return RedirectResponse(asked(KINDS[kind], given.get("subject", ""), given, language(request)).address, 303)

    async def opened(request: Request, kind: str, subject: str) -> tuple[Viewer, Asked, Roster, date]:
        """Who asks for which page. Raises _Refused for one that is not theirs."""
        viewer = await asyncio.to_thread(viewer_of, request)
        if viewer is None or kind not in KINDS:
            raise _Refused
        given = {k: v for k, v in request.query_params.items() if k in PARAMETERS}
        page = asked(KINDS[kind], subject, given, language(request))
        roster, today = await asyncio.to_thread(dashboard.known)
        if not viewer.may_open(page.kind, subject, roster):
            raise _Refused
        return viewer, page, roster, today

    @app.get("/data/operator/{name}.csv")
    @app.get("/data/{kind}/{subject}/{name}.csv")
    async def data(request: Request, name: str, kind: str = "operator", subject: str = "") -> Response:
        viewer, page, _, today = await opened(request, kind, subject)
        if name not in export.allowed(page.kind, viewer.scope.detail):
            raise _Refused
        try:
            body = await asyncio.to_thread(_csv, dashboard, viewer, page, name, today)
        except (ScopeError, QueryError):
            raise _Refused from None
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    @app.get("/live/operator")
    @app.get("/live/{kind}/{subject}")
    async def live(request: Request, kind: str = "operator", subject: str = "") -> Response:
        viewer, page, _, _ = await opened(request, kind, subject)
        have = request.query_params.get("have", "")[:1000].split(".")

        async def allowed() -> bool:
            return await asyncio.to_thread(viewer_of, request) == viewer

        quick = (lambda: dashboard.quick(viewer, page)) if page.kind in QUICK else None
        events = hub.stream(
            (viewer.scope, page),
            lambda: dashboard.parts(viewer, page),
            have,
            allowed,
            pulse=page.kind == "operator",
            quick=quick,
        )
        return StreamingResponse(_sent(events), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.get("/operator")
    @app.get("/{kind}/{subject}")
    async def page(request: Request, kind: str = "operator", subject: str = "") -> Response:
        if await asyncio.to_thread(viewer_of, request) is None:
            return RedirectResponse("/enter", 303)
        viewer, page, roster, today = await opened(request, kind, subject)
        parts = await hub.parts(
            (viewer.scope, page), lambda: dashboard.parts(viewer, page), pulse=page.kind == "operator"
        )
        courses = await asyncio.to_thread(dashboard.gatherer.courses)
        around = frame.around(viewer, page, roster, today, courses)
        return HTMLResponse(pages(page.language).page(parts, page, **around))

    return app


class _Guard:
    """Refuses foreign names of this machine, and gives every answer its headers."""

    def __init__(self, app: Any, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = (Request(scope).url.hostname or "").lower()
        if self._hosts and host not in self._hosts:
            await Response("unknown host", 421, HEADERS)(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items() if n.lower().encode() not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, with_headers)


def _csv(dashboard: Dashboard, viewer: Viewer, page: Asked, name: str, today: date) -> bytes:
    reader = dashboard.gatherer.reader()
    out: IO[bytes] = io.BytesIO()
    more = dashboard.asked if name in COMPUTED else {}
    zone = ZoneInfo(reader.generation().timezone)
    dashboard.csv(export.frames(reader, name, viewer, page, today, **more), out, zone, bom=True)
    out.seek(0)
    return out.read()


async def _sent(events: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[str]:
    """Events as lines of ``text/event-stream``."""
    from time import time

    async for name, content in events:
        if name == "parts":
            value: Any = [{"name": p.name, "hash": p.hash, "html": p.html} for p in content]
        else:
            value = {"now": round(time() * 1000), "store": content}
        yield f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


def _let_in(request: Request, cookie: str) -> Response:
    response = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, max_age=LONGEST, httponly=True, samesite="strict", secure=secure, path="/")
    return response


def _same_origin(request: Request) -> bool:
    """Whether a form comes from a page of ours. Browsers name the origin of every POST."""
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://")[-1] == request.headers.get("host")
