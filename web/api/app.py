"""The application: endpoints, errors as problems, and the layers that protect them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response

from schemas.errors import XuejingError
from schemas.reference.columns import Language, Text
from web.limits import ADDRESS_BURST, ADDRESS_PER_MINUTE, Buckets
from web.problems import MEDIA_TYPE, Problem, language_of
from web.security import AddressLimit, Guard

from .documents import Health, problems
from .looking import router as looking
from .report_routes import router as reports
from .routes import TheService, answers, general
from .service import Service
from .wrong import what_is_wrong

MOST_BYTES = 64 << 10
"""Of a request's body: a report is asked for in some hundred."""
SWEEP_S = 60.0
_STATUS = {400: "malformed", 404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported"}
_WHERE = {
    404: Text("路径见 /openapi.json，查询名见 /v1/queries", "paths are in /openapi.json, queries in /v1/queries"),
}
DESCRIPTION = """\
学习与考试评价数据的查询接口。每个请求须带令牌，所见以其范围为限。

Answers about study and examinations. Every request but `/healthz` carries a bearer token and sees what is within its
scope: a node of the organisation tree, a level of detail. Errors are problem details (RFC 9457). Reads of members by
name are audited, and members can see who looked.
"""
TAGS = [
    {"name": "access", "description": "令牌 · the token"},
    {"name": "queries", "description": "有哪些查询与口径 · what can be asked, and what it means"},
    {"name": "answers", "description": "查询结果 · answers"},
    {"name": "reports", "description": "报告 · reports"},
    {"name": "service", "description": "服务状态 · state of the service"},
]


def create_app(service: Service) -> FastAPI:
    """The API of a service. It owns the service's jobs and its connection: they end with the application."""
    settings = service.settings
    language: Language = "en" if settings.language == "en" else "zh"

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(service))
        try:
            yield
        finally:
            sweeper.cancel()
            await asyncio.to_thread(service.jobs.close)
            service.store.close()

    app = FastAPI(
        title="Xuejing 学镜",
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.service = service
    app.include_router(general(settings))
    app.include_router(answers(settings))
    app.include_router(reports)
    app.include_router(looking)

    @app.get(
        "/healthz",
        tags=["service"],
        operation_id="health",
        summary="能否应答 · whether it can answer",
        responses=problems("too-many", "unavailable"),
    )
    def health(service: TheService) -> Health:
        service.store.rows("SELECT 1")
        return Health(status="ok")

    _tell_errors(app, service, language)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    addresses = Buckets(ADDRESS_PER_MINUTE, ADDRESS_BURST)
    app.add_middleware(AddressLimit, buckets=addresses, language=language)
    app.add_middleware(Guard, most_bytes=MOST_BYTES, language=language)
    return app


async def _sweep(service: Service) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        await asyncio.to_thread(service.jobs.sweep)


def spoken(request: Request, otherwise: Language) -> Language:
    """The language of an error: the parameter ``lang``, else Accept-Language, else that of the service."""
    given = request.query_params.get("lang")
    if given in ("zh", "en"):
        return "en" if given == "en" else "zh"
    return language_of(request.headers.get("accept-language", ""), otherwise)


def _tell_errors(app: FastAPI, service: Service, language: Language) -> None:
    def respond(request: Request, problem: Problem) -> Response:
        lang = spoken(request, language)
        content = problem.document(lang, getattr(request.state, "request_id", ""))
        headers = {**problem.headers, "Content-Language": lang}
        return Response(content, problem.status, headers, MEDIA_TYPE)

    async def problem_(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return respond(request, error)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, XuejingError)
        problem = service.problem(error, spoken(request, language))
        if problem is None:
            raise error  # the guard logs it and tells nothing
        return respond(request, problem)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Neither what was given nor how it was checked: where, and what is wrong with it.
        listed = [{"where": ".".join(map(str, e["loc"])), "what": what_is_wrong(e)} for e in error.errors()]
        return respond(request, Problem("invalid", fields={"errors": listed}))

    async def http(request: Request, error: Exception) -> Response:
        status, headers = getattr(error, "status_code", 400), getattr(error, "headers", None)
        return respond(request, Problem(_STATUS.get(status, "malformed"), _WHERE.get(status, ""), headers=headers))

    app.add_exception_handler(Problem, problem_)
    app.add_exception_handler(XuejingError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    for status in _STATUS:
        app.add_exception_handler(status, http)


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: what FastAPI gives, with our problems in place of its own validation errors."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes,
            tags=app.openapi_tags, license_info=app.license_info, separate_input_output_schemas=False,
        )  # fmt: skip
        for path in found["paths"].values():
            for operation in path.values():
                for response in operation["responses"].values():
                    _only_problems(response)
                for parameter in operation.get("parameters", ()):
                    _without_null(parameter["schema"])
        for name in ("HTTPValidationError", "ValidationError"):
            found["components"]["schemas"].pop(name, None)
        app.openapi_schema = found
    return app.openapi_schema


def _only_problems(response: dict[str, Any]) -> None:
    content: Mapping[str, Any] = response.get("content", {})
    if MEDIA_TYPE in content:
        response["content"] = {MEDIA_TYPE: content[MEDIA_TYPE]}


def _without_null(schema: dict[str, Any]) -> None:
    """A parameter that may be left out can't be given as null."""
    if isinstance(kinds := schema.get("anyOf"), list):
        (kind,) = [k for k in kinds if k.get("type") != "null"]
        del schema["anyOf"]
        schema |= kind
