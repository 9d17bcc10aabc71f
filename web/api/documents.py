"""What the endpoints give and take, as the OpenAPI document says it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reports.asking import Question
from reports.formats.names import FORMATS
from web.problems import KINDS, MEDIA_TYPE

from .asked import TEXT, Day, Lang
from .formats import MEDIA_TYPES

ReportFormat: Any = Literal[FORMATS]
Kind = Literal["member", "group", "exam"]
State = Literal["waiting", "running", "done", "failed"]
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "numbers": {"type": "array", "items": {"type": ["number", "null"]}},
    "boolean": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string"},
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Model):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:xuejing:problem:invalid",
                    "title": "参数有误",
                    "status": 422,
                    "detail": "没有参数 colour",
                    "request_id": "7f1c2b9a4d",
                }
            ]
        },
    )

    type: str = Field(description=f"urn:xuejing:problem: and one of {', '.join(KINDS)}")
    title: str = Field(description="what kind of problem it is, in the language of the request")
    status: int = Field(description="the HTTP status")
    detail: str = Field(default="", description="what happened and what to do about it")
    request_id: str = Field(description="names the request to whoever runs the service")


class Bilingual(_Model):
    """A text in Chinese and English."""

    zh: str
    en: str


class ColumnInfo(_Model):
    """A column of an answer."""

    name: str
    type: str = Field(description="text, texts, integer, number, numbers, boolean, day, time or bytes")
    unit: str = Field(description="'' where there is none")
    description: Bilingual


class QueryInfo(_Model):
    """A question that can be asked."""

    name: str
    href: str = Field(description="path of its endpoint")
    title: Bilingual
    description: Bilingual
    filters: list[str] = Field(
        description="parameters that it has beside columns, limit, page, purpose, format and lang"
    )
    details: list[str] = Field(description="levels of detail that may ask it: own, named, aggregate")
    allowed: bool = Field(description="whether the token's level of detail may ask it")
    columns: list[ColumnInfo]


class QueryList(_Model):
    """All questions."""

    queries: list[QueryInfo]


class ScopeInfo(_Model):
    """What a token may see."""

    node: str | None = Field(description="an organisation and what is below it; null: the whole tree")
    detail: str = Field(description="own, named or aggregate")
    member_id: str | None = Field(description="whose own records, for detail own")


class Limits(_Model):
    """How much may be asked."""

    requests_per_minute: int
    rows_per_page: int
    jobs: int = Field(description="reports that may wait or be made at once")


class Me(_Model):
    """Whom the token stands for."""

    principal_id: str
    label: str = Field(description="what an operator calls it")
    role: str
    scope: ScopeInfo
    expires_at: datetime | None = Field(description="when the token ends")
    purpose_needed: bool = Field(description="whether looking at members by name needs a purpose")
    limits: Limits


class MetricInfo(_Model):
    """A metric and what it does not say."""

    metric_id: str
    name: str
    name_en: str
    unit: str
    formula: str
    source: str
    smallest_n: int = Field(description="below that many cases the figure is not shown")
    direction: str
    definition: str
    definition_en: str
    not_said: str
    not_said_en: str


class MetricList(_Model):
    """All metrics; ``version`` names their wording and formulas."""

    version: str
    metrics: list[MetricInfo]


_Id = Annotated[str, Field(min_length=1, max_length=64, pattern=TEXT)]


class ReportRequest(_Model):
    """A report to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "group",
                    "subject": "b1",
                    "from": "2026-03-01",
                    "to": "2026-03-31",
                    "lang": ["zh"],
                    "formats": ["docx"],
                    "purpose": "三月学习情况",
                }
            ]
        },
    )

    kind: Kind = Field(description="of a member, of an organisation of any level, or of an exam")
    subject: _Id = Field(description="id of the member, organisation or exam")
    first: Day | None = Field(default=None, alias="from", description="first day; by default that of the data")
    last: Day | None = Field(default=None, alias="to", description="last day; by default that of the data")
    course: _Id | None = Field(default=None, description="about this course only (not for an exam)")
    lang: list[Lang] = Field(default=["zh"], min_length=1, max_length=2, description="languages")
    formats: list[ReportFormat] = Field(default=["html", "json"], min_length=1, max_length=7)
    purpose: Annotated[str, Field(max_length=200, pattern=TEXT)] = Field(
        default="", description="what for: printed on the report and audited; needed for members by name above a branch"
    )


class FileInfo(_Model):
    """A file of a finished report."""

    path: str
    sha256: str


class JobInfo(_Model):
    """A report that is being made, or was."""

    id: str
    state: State
    kind: Kind
    subject: str
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="when its files are deleted")
    download: str | None = Field(description="path of the ZIP archive, once it is done")
    files: list[FileInfo] = Field(description="what is in it")
    problem: str = Field(description="why it failed, in the language of the service")


class JobList(_Model):
    """The jobs of the principal that asks."""

    jobs: list[JobInfo]


class Looked(_Model):
    """Somebody's look at a person's data."""

    at: datetime
    principal_id: str = Field(description="who: a principal, os:NAME at the command line, or schedule")
    role: str = Field(description="their role, '' where it is no longer known")
    node: str = Field(description="the organisation that they act for")
    action: str
    what: str = Field(description="the query or report with its parameters; members as keyed hashes")
    purpose: str
    org_id: str = Field(description="the organisation that was asked about")
    outcome: str


class LookedAt(_Model):
    """Who looked at a person's data, the latest first."""

    member_id: str
    entries: list[Looked]


class Health(_Model):
    """Whether the service can answer."""

    status: Literal["ok"]


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The responses of these kinds of problem, for a route."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = KINDS[kind]
        found[status] = {
            "model": Problem,
            "description": f"{title.zh} · {title.en}",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status == 401:
            found[status]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
        if status in (429, 503):
            found[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return found


def answer(query: Question) -> dict[int | str, dict[str, Any]]:
    """The response of a query's endpoint in every format. Columns are those asked for, so that none is required."""
    columns = {}
    for column in query.columns:
        schema = dict(_TYPES[column.type])
        unit = f" [{column.unit}]" if column.unit else ""
        schema["type"] = [schema["type"], "null"]
        columns[column.name] = schema | {"description": f"{column.description.zh} · {column.description.en}{unit}"}
    row = {"type": "object", "properties": columns, "additionalProperties": False}
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {media.split(";")[0]: binary for form, media in MEDIA_TYPES.items() if form != "json"}
    headers = {
        "ETag": "names the data and the question; give it back as If-None-Match",
        "Link": 'the next page, as <…>; rel="next"; absent on the last',
        "Xuejing-Timezone": "IANA zone of the local days",
    }
    return {
        200: {
            "description": f"{query.title.zh} · {query.title.en}",
            "content": {"application/json": {"schema": {"type": "array", "items": row}}, **content},
            "headers": {n: {"description": d, "schema": {"type": "string"}} for n, d in headers.items()},
        },
        304: {"description": "未变 · nothing has changed since If-None-Match"},
    }
