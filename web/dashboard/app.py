"""The dashboard over HTTP: pages, pushes, exports and the way in. Everything else is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import date
from importlib.resources import files
from typing import Any, get_args
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from schemas.errors import InputError, StoreError
from schemas.reference import Roster
from schemas.reference.columns import Language
from sinks.read import QueryError, ScopeError
from web.dashboard import export, frame
from web.dashboard.asking import PARAMETERS, Asked, asked
from web.dashboard.board import Dashboard
from web.dashboard.render import QUICK, pages, words
from web.dashboard.sessions import COOKIE, LONGEST
from web.dashboard.viewers import PageKind, Viewer
from web.dashboard.watching import looks
from web.limits import ADDRESS_BURST, ADDRESS_PER_MINUTE, Buckets
from web.security import AddressLimit, Guard, address

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
LEAST_PURPOSE, LONGEST_PURPOSE = 4, 200
"""Characters."""


class _PurposeWanted(Exception):
    """What was asked for is shown to whoever says what for."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


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

    def plain(
        request: Request, status: int, title: str, trouble: str = "", enter: bool = False, ask: str = ""
    ) -> HTMLResponse:
        spoken = language(request)
        text = words(spoken)
        said = text(trouble) if trouble.startswith("dash.") else trouble
        made = pages(spoken).other("plain", title=text(title), trouble=said, enter=enter, ask=ask)
        return HTMLResponse(made, status)

    def viewer_of(request: Request) -> Viewer | None:
        return sessions.viewer(request.cookies.get(COOKIE))

    app.add_middleware(_Hosts, hosts=dashboard.hosts)
    buckets = Buckets(ADDRESS_PER_MINUTE, ADDRESS_BURST)
    app.add_middleware(AddressLimit, buckets=buckets, language=dashboard.language)
    app.add_middleware(Guard, most_bytes=LARGEST_FORM, language=dashboard.language, headers=HEADERS)

    @app.exception_handler(_Refused)
    async def refused(request: Request, _: Exception) -> Response:
        return plain(request, 404, "dash.product", "dash.not_here")

    @app.exception_handler(_PurposeWanted)
    async def purpose_wanted(request: Request, error: Exception) -> Response:
        assert isinstance(error, _PurposeWanted)
        return plain(request, 403, "dash.purpose_title", ask=error.address)

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
            cookie = await asyncio.to_thread(sessions.enter, "", key, address(request.scope))
            return _let_in(request, cookie) if cookie else plain(request, 403, "dash.enter", "dash.enter_wrong", True)
        return plain(request, 200, "dash.enter", enter=True)

    @app.post("/enter")
    async def enter(request: Request) -> Response:
        token = (await form(request)).get("token", "")
        cookie = await asyncio.to_thread(sessions.enter, token, "", address(request.scope))
        return _let_in(request, cookie) if cookie else plain(request, 403, "dash.enter", "dash.enter_wrong", True)

    @app.get("/purpose")
    async def say_purpose(request: Request) -> Response:
        viewer = await asyncio.to_thread(viewer_of, request)
        if viewer is None:
            return RedirectResponse("/enter", 303)
        return plain(request, 200, "dash.purpose_title", ask=_ours(request.query_params.get("next", "")))

    @app.post("/purpose")
    async def purpose(request: Request) -> Response:
        given = await form(request)
        if await asyncio.to_thread(viewer_of, request) is None:
            return RedirectResponse("/enter", 303)
        said, following = given.get("purpose", ""), _ours(given.get("next", ""))
        # An empty one takes back what was said.
        if said and not (LEAST_PURPOSE <= len(said) <= LONGEST_PURPOSE and said.isprintable()):
            return plain(request, 400, "dash.purpose_title", "dash.purpose_short", ask=following)
        sessions.state(request.cookies.get(COOKIE), said)
        return RedirectResponse(following, 303)

    @app.get("/looked")
    async def looked(request: Request) -> Response:
        viewer = await asyncio.to_thread(viewer_of, request)
        if viewer is None:
            return RedirectResponse("/enter", 303)
        if (member := viewer.scope.member_id) is None:
            raise _Refused
        found = await asyncio.to_thread(looks, dashboard.watch, member)
        zone, text = await asyncio.to_thread(dashboard.zone), words(language(request))
        known = {key.removeprefix("dash.did_") for key in text.messages if key.startswith("dash.did_")}
        return HTMLResponse(pages(language(request)).other("looked", looks=found, zone=zone, known=known))

    @app.post("/leave")
    async def leave(request: Request) -> Response:
        await form(request)
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

    async def form(request: Request) -> Mapping[str, str]:
        """The fields of a form. Raises _Refused for one that another site sent."""
        if not _same_origin(request):
            raise _Refused
        given = parse_qs((await request.body()).decode("utf-8", "replace"))
        return {name: values[0].strip() for name, values in given.items()}

    async def opened(request: Request, kind: str, subject: str) -> tuple[Viewer, Asked, Roster, date]:
        """Who asks for which page. Raises _Refused for one that is not theirs, _PurposeWanted for one that waits for a
        word."""
        viewer = await asyncio.to_thread(viewer_of, request)
        if viewer is None or kind not in KINDS:
            raise _Refused
        given = {k: v for k, v in request.query_params.items() if k in PARAMETERS}
        page = asked(KINDS[kind], subject, given, language(request))
        roster, today = await asyncio.to_thread(dashboard.known)
        if viewer.purpose_opens(page.kind, subject, roster):
            raise _PurposeWanted(page.address)
        if not viewer.may_open(page.kind, subject, roster):
            raise _Refused
        return viewer, page, roster, today

    async def shown(viewer: Viewer, page: Asked, roster: Roster, today: date) -> None:
        """Record that a page is shown, before it is."""
        named = dashboard.gatherer.named(page, roster, today)
        await asyncio.to_thread(dashboard.watch.page, viewer, page, named)

    @app.get("/data/operator/{name}.csv")
    @app.get("/data/{kind}/{subject}/{name}.csv")
    async def data(request: Request, name: str, kind: str = "operator", subject: str = "") -> Response:
        viewer, page, _, today = await opened(request, kind, subject)
        if name not in export.allowed(page, export.scope_of(viewer, page)):
            raise _Refused
        if export.purpose_needed(viewer, page, name):
            raise _PurposeWanted(f"/data{page.path}/{name}.csv?{page.query}")
        try:
            body = await asyncio.to_thread(dashboard.export, viewer, page, name, today)
        except (ScopeError, QueryError):
            raise _Refused from None
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    @app.get("/live/operator")
    @app.get("/live/{kind}/{subject}")
    async def live(request: Request, kind: str = "operator", subject: str = "") -> Response:
        viewer, page, roster, today = await opened(request, kind, subject)
        await shown(viewer, page, roster, today)
        have = request.query_params.get("have", "")[:1000].split(".")

        async def allowed() -> bool:
            # Another purpose, or none any more, makes another page.
            return await asyncio.to_thread(viewer_of, request) == viewer

        quick = (lambda: dashboard.quick(viewer, page)) if page.kind in QUICK else None
        events = hub.stream(
            (viewer.scope, viewer.rights, page),
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
        await shown(viewer, page, roster, today)
        parts = await hub.parts(
            (viewer.scope, viewer.rights, page), lambda: dashboard.parts(viewer, page), pulse=page.kind == "operator"
        )
        courses = await asyncio.to_thread(dashboard.gatherer.courses)
        around = frame.around(viewer, page, roster, today, courses)
        return HTMLResponse(pages(page.language).page(parts, page, **around))

    return app


class _Hosts:
    """Refuses foreign names of this machine."""

    def __init__(self, app: Any, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = (Request(scope).url.hostname or "").lower()
        if self._hosts and host not in self._hosts:
            await Response("unknown host", 421)(scope, receive, send)
            return
        await self._app(scope, receive, send)


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


def _ours(following: str) -> str:
    """Where to go on: an address here, else the start."""
    own = following.startswith("/") and not following.startswith("//") and "\\" not in following
    return following if own and following.isprintable() else "/"


def _same_origin(request: Request) -> bool:
    """Whether a form comes from a page of ours. Browsers name the origin of every POST."""
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://")[-1] == request.headers.get("host")
