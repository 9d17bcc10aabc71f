"""One answer: who may ask, the page, what is recorded about it, and the bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import polars as pl

from reports.asking import about_members, frames, members_in
from reports.formats.records import WRITERS
from schemas.errors import InputError, XuejingError
from schemas.metrics import METRICS_VERSION
from schemas.reference.columns import Text
from sinks.audit import Entry, what
from sinks.audited import REFUSED
from sinks.read import Query, Reader, ScopeError
from sinks.read.version import data_version
from web.problems import Problem

from .asked import Asked
from .callers import Caller
from .paging import START, Cursor, cut, decode, encode
from .service import Service

FILES = frozenset({"csv", "parquet", "arrow"})
"""Formats that are kept rather than looked at: the audit calls them exports."""
NO_PURPOSE = Text(
    "请用参数 purpose 写明用途（命令行：--purpose）；成员可以看到",
    "say what for with the parameter purpose (command line: --purpose); members can see it",
)
MEMORY_BYTES, CHUNK_BYTES = 4 << 20, 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``body``: None where the client has it already; ``link``: path of the next page, or ''."""

    etag: str
    timezone: str
    body: Body | None = None
    link: str = ""


class Body:
    """The bytes of an answer, in memory or, when there are many, in a file without a name."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115  # closed by ``chunks``
        self.length = 0

    def chunks(self) -> Iterator[bytes]:
        """Once."""
        with self.file:
            while chunk := self.file.read(CHUNK_BYTES):
                yield chunk


def answer(service: Service, caller: Caller, asked: Asked, path: str, if_none_match: str) -> Answer:
    """Ask, record, write. Raises Problem, and as ``Reader.frame`` does."""
    query, settings = asked.query, service.settings
    if family := settings.hidden_queries.get(query.name):
        raise Problem("not-found", f"families: {family}")
    reader = Reader(service.store)
    named = caller.scope.detail == "named" and about_members(query, asked.filters)
    if named and not asked.purpose and caller.principal.purpose_needed:
        service.audit.record(_entry(service, caller, asked, outcome="purpose-required"))
        raise Problem("purpose-required", NO_PURPOSE)
    digest = asked.digest()
    cursor = decode(asked.page, digest) if asked.page else START
    zone = ZoneInfo(reader.generation().timezone)
    etag = _etag(service, reader, caller, asked, zone)
    if etag in [tag.strip() for tag in if_none_match.split(",")]:
        return Answer(etag, zone.key)
    try:
        rows, following = page(service, reader, caller, asked, cursor)
    except (InputError, ScopeError) as error:
        refused(service, error, lambda outcome: _entry(service, caller, asked, outcome=outcome))
        raise
    if asked.filters.member not in (None, caller.scope.member_id) and caller.scope.detail == "own":
        service.audit.record(_entry(service, caller, asked, outcome="not-found"))
    if caller.scope.detail == "named":
        # Before anything is handed out: what can't be recorded is not shown.
        members = sorted(members_in(query, asked.filters, rows))
        service.audit.record(_entry(service, caller, asked, members=members, rows=rows.height))
    body = Body()
    WRITERS[asked.form]([rows.select(asked.columns)], body.file, zone)
    body.length = body.file.tell()
    body.file.seek(0)
    return Answer(etag, zone.key, body, _next(asked, path, following, digest))


def refused(service: Service, error: XuejingError, entry: Callable[[str], Entry]) -> None:
    """Record a question that goes beyond the scope of who asks. One that is merely wrong is not: nothing was sought."""
    problem = service.problem(error, "en")
    if problem is not None and problem.kind in REFUSED:
        service.audit.record(entry(problem.kind))


def page(
    service: Service, reader: Reader, caller: Caller, asked: Asked, cursor: Cursor
) -> tuple[pl.DataFrame, Cursor | None]:
    """The rows of a page with all columns, and the next cursor. Small groups are withheld by ``frames``."""
    query = asked.query
    by_member = isinstance(query, Query) and query.by_member and caller.scope.detail != "aggregate"
    most = cursor.skip + asked.limit + 1
    found = pl.concat(
        frames(
            reader, query, caller.scope, asked.filters, service.settings, limit=most, since=cursor.since
        )
    )  # fmt: skip
    return cut(found, cursor, asked.limit, by_member=by_member)


def _entry(
    service: Service,
    caller: Caller,
    asked: Asked,
    *,
    members: list[str] | None = None,
    rows: int = 0,
    outcome: str = "ok",
) -> Entry:
    given = asked.given() | {"columns": "" if len(asked.columns) == len(asked.query.names) else ",".join(asked.columns)}
    return Entry(
        caller.id,
        "export" if asked.form in FILES else "query",
        what(asked.query.name, given | {"format": asked.form}, service.audit.key),
        purpose=asked.purpose,
        org_id=asked.filters.org or caller.scope.node or "",
        members=members or [],
        rows=rows,
        outcome=outcome,
    )


def _etag(service: Service, reader: Reader, caller: Caller, asked: Asked, zone: ZoneInfo) -> str:
    """Names all that the answer depends on. Read before the data, so that it never names newer ones than were given."""
    settings = service.settings
    depends = (
        data_version(service.store), METRICS_VERSION, str(reader.generation().number), repr(caller.scope),
        ",".join(asked.columns), str(asked.limit), asked.page, asked.form, settings.families, settings.credit_rules,
        str(settings.pass_share), str(settings.small_group), str(datetime.now(zone).date()),
    )  # fmt: skip
    # Weak: another version of the program may write the same rows in other bytes.
    return f'W/"{asked.digest(*depends)}"'


def _next(asked: Asked, path: str, cursor: Cursor | None, digest: str) -> str:
    if cursor is None:
        return ""
    given = {k: str(v) for k, v in asked.given().items()} | {"limit": str(asked.limit), "format": asked.form}
    if list(asked.columns) != asked.query.names:
        given["columns"] = ",".join(asked.columns)
    if asked.purpose:
        given["purpose"] = asked.purpose
    return f"{path}?{urlencode(given | {'page': encode(cursor, digest)})}"
