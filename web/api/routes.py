"""Endpoints about the caller, the questions, the metrics, and the answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from reports.asking import ALL, Question, may_ask
from reports.withholding import RULES
from schemas.metrics import METRICS_VERSION, metrics_rows
from schemas.reference.columns import Text
from schemas.settings import Settings
from web.problems import Problem

from .answering import answer
from .asked import WHERE, Asked, parameters
from .callers import Caller, caller
from .documents import (
    Bilingual,
    ColumnInfo,
    Limits,
    Me,
    MetricInfo,
    MetricList,
    QueryInfo,
    QueryList,
    ScopeInfo,
    problems,
)
from .documents import answer as answer_document
from .formats import FORMS, MEDIA_TYPES, negotiate
from .service import Service, service_of

ALWAYS = ("unauthorized", "invalid", "too-large", "too-many", "internal", "unavailable")
UNKNOWN = Text("没有此参数，或给了两次", "unknown, or given twice")
TheService = Annotated[Service, Depends(service_of)]
TheCaller = Annotated[Caller, Depends(caller)]


def general(settings: Settings) -> APIRouter:
    """/v1/me, /v1/metrics and /v1/queries."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(strict)], responses=problems(*ALWAYS))

    @router.get("/me", tags=["access"], operation_id="me", summary="令牌所代表者及其范围 · whom the token stands for")
    def me(who: TheCaller, service: TheService) -> Me:
        scope = who.scope
        return Me(
            principal_id=who.id,
            label=who.principal.label,
            role=who.principal.role,
            scope=ScopeInfo(node=scope.node, detail=scope.detail, member_id=scope.member_id),
            expires_at=who.principal.expires_at,
            purpose_needed=who.principal.purpose_needed,
            limits=Limits(
                requests_per_minute=service.settings.api_requests,
                rows_per_page=service.settings.api_rows,
                jobs=service.jobs.most_each,
            ),
        )

    @router.get("/metrics", tags=["queries"], operation_id="metrics", summary="口径 · the metrics and what they mean")
    def metrics(_: TheCaller) -> MetricList:
        return MetricList(version=METRICS_VERSION, metrics=[MetricInfo(**row) for row in metrics_rows()])  # type: ignore[arg-type]

    @router.get("/queries", tags=["queries"], operation_id="queries", summary="全部查询 · every query")
    def queries(who: TheCaller) -> QueryList:
        shown = [q for name, q in ALL.items() if name not in settings.hidden_queries]
        return QueryList(queries=[_info(query, who) for query in shown])

    return router


def _info(query: Question, who: Caller) -> QueryInfo:
    return QueryInfo(
        name=query.name,
        href=f"/v1/queries/{query.name}",
        title=Bilingual(zh=query.title.zh, en=query.title.en),
        description=Bilingual(zh=query.description.zh, en=query.description.en),
        filters=[WHERE[name] for name in WHERE if name in query.filters],
        details=sorted(d for d in query.details if d != "aggregate" or query.name in RULES),
        allowed=may_ask(query, who.scope),
        columns=[
            ColumnInfo(
                name=c.name, type=c.type, unit=c.unit, description=Bilingual(zh=c.description.zh, en=c.description.en)
            )
            for c in query.columns
        ],
    )


def answers(settings: Settings) -> APIRouter:
    """/v1/queries/NAME for each query that is shown."""
    router = APIRouter(
        prefix="/v1/queries",
        tags=["answers"],
        dependencies=[Depends(strict)],
        responses=problems(*ALWAYS, "forbidden", "not-found", "not-acceptable"),
    )
    for name, query in ALL.items():
        if name not in settings.hidden_queries:
            router.add_api_route(
                f"/{name}",
                _endpoint(query, settings),
                methods=["GET"],
                operation_id=f"query_{name.replace('-', '_')}",
                summary=f"{query.title.zh} · {query.title.en}",
                description=_parameters_for_options(f"{query.description.zh}\n\n{query.description.en}"),
                responses=answer_document(query),
                response_class=Response,
            )
    return router


def _parameters_for_options(text: str) -> str:
    return re.sub(r"--(from|to|org|member|category|course|exam)\b", r"`\1`", text)


def strict(request: Request) -> None:
    """Refuse parameters that the endpoint does not have, or has once: a filter that is misspelt would not filter."""
    known = {p.alias for p in request.scope["route"].dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    if wrong := sorted({name for name in given if name not in known or given.count(name) > 1}):
        listed = [{"where": f"query.{name}"[:100], "what": UNKNOWN} for name in wrong[:10]]
        raise Problem("invalid", fields={"errors": listed, "known": sorted(known)})


def _endpoint(query: Question, settings: Settings) -> Callable[..., Response]:
    def endpoint(request: Request, who: Caller, service: Service, **values: Any) -> Response:
        form = values.get("format") or negotiate(request.headers.get("accept", ""))
        if form is None:
            raise Problem("not-acceptable", ", ".join(MEDIA_TYPES[f].split(";")[0] for f in FORMS))
        asked = Asked.of(query, values, form, settings.api_rows)
        with service.slot(who.id):
            found = answer(service, who, asked, request.url.path, request.headers.get("if-none-match", ""))
        headers = {"ETag": found.etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization",
                   "Xuejing-Timezone": found.timezone}  # fmt: skip
        if found.body is None:
            return Response(status_code=304, headers=headers)
        headers["Content-Length"] = str(found.body.length)
        if found.link:
            headers["Link"] = f'<{found.link}>; rel="next"'
        if asked.form in ("csv", "parquet"):
            headers["Content-Disposition"] = f'attachment; filename="{query.name}.{asked.form}"'
        return StreamingResponse(found.body.chunks(), headers=headers, media_type=MEDIA_TYPES[asked.form])

    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter("request", keyword, annotation=Request),
        inspect.Parameter("who", keyword, annotation=TheCaller),
        inspect.Parameter("service", keyword, annotation=TheService),
    ]
    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*shared, *parameters(query, settings.api_rows)], return_annotation=Response
    )
    return endpoint
