"""``/xapi/statements``: POST one or several, PUT one by its id, GET one by its id."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from ..keys import App, Refused
from ..web import Answer, Request
from .mapping import mapped, member_of, rules
from .store import Conflict, StatementStore
from .validate import UUID_TEXT, VERSION, Invalid, check, moment

OURS = b"1.0.3"
MAX_STATEMENTS = 1000
HEADERS = [(b"x-experience-api-version", OURS)]
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Taker(Protocol):
    """What is needed of the collector."""

    def who(self, request: Request) -> tuple[App, str | None]: ...
    def admit(self, app: App, member: str | None, count: int) -> None: ...
    async def take(
        self, app: App, member: str | None, lines: list[bytes], sent_at: datetime | None
    ) -> dict[str, Any]: ...


class Statements:
    """The resource, over a store of all statements."""

    def __init__(self, store: StatementStore) -> None:
        self._store, self._rules = store, rules()

    async def answer(self, taker: Taker, request: Request) -> Answer:
        """Answer a request whose body is read."""
        try:
            found = await self._answer(taker, request)
        except Refused as refused:
            if refused.status >= 429 or refused.status in (401, 403):
                raise
            found = Answer(refused.status, _encode({"error": refused.reason, "detail": refused.what}))
        found.headers += HEADERS
        return found

    async def _answer(self, taker: Taker, request: Request) -> Answer:
        if not VERSION.fullmatch(request.header(b"x-experience-api-version")):
            raise Refused(400, "version", "X-Experience-API-Version must be 1.0.x")
        app, member = taker.who(request)
        if request.method == "GET":
            return await self._get(request, app, member)
        if request.method not in ("POST", "PUT"):
            return Answer(405, headers=[(b"allow", b"GET, POST, PUT, OPTIONS")])
        try:
            body = _decode(request.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(400, "malformed", f"not JSON: {error}") from None
        put = request.method == "PUT"
        several = body if isinstance(body, list) and not put else [body]
        if len(several) > MAX_STATEMENTS:
            raise Refused(413, "too_many", f"at most {MAX_STATEMENTS} statements a request")
        taker.admit(app, member, len(several))
        self._check(several, request.query.get("statementId", "") if put else None, member)
        await self._keep(taker, app, member, several)
        if put:
            return Answer(204)
        return Answer(200, _encode([s["id"] for s in several]))

    def _check(self, several: list[Any], wanted: str | None, member: str | None) -> None:
        if wanted is not None and not UUID_TEXT.fullmatch(wanted):
            raise Refused(400, "invalid", "statementId must be a UUID")
        seen = set()
        for number, statement in enumerate(several):
            try:
                check(statement)
            except (Invalid, RecursionError) as error:
                raise Refused(400, "invalid", f"statement {number}: {error}") from None
            if wanted is not None and statement.get("id", wanted).lower() != wanted.lower():
                raise Refused(400, "invalid", "the statement's id is not the statementId")
            statement["id"] = str(wanted or statement.get("id") or uuid4()).lower()
            if statement["id"] in seen:
                raise Refused(400, "invalid", f"statement {number}: its id is there twice")
            seen.add(statement["id"])
            if statement["verb"]["id"].endswith("/voided"):
                raise Refused(400, "voiding", f"statement {number}: send a withdraw event to take something back")
            if member is not None and member_of(statement) != member:
                raise Refused(403, "other_member", f"statement {number}: the token is not that of actor.account.name")

    async def _keep(self, taker: Taker, app: App, member: str | None, several: list[dict[str, Any]]) -> None:
        """Statements to the disk, then their events to the outlet: a repetition ends what was interrupted between."""
        now = datetime.now(UTC)
        lines = [mapped(s, self._rules, now) for s in several]
        batch = [(s, member_of(s) or "", line is not None) for s, line in zip(several, lines, strict=True)]
        try:
            stored = await asyncio.to_thread(self._store.add, app.id, now, batch)
        except Conflict as conflict:
            raise Refused(409, "conflict", f"{conflict} is there with other content") from None
        # By the time of the first storing where it has none of its own: a repetition must be the same event.
        events = []
        for s, first in zip(several, stored, strict=True):
            at = moment(s["timestamp"], "timestamp") if "timestamp" in s else datetime.fromisoformat(first)
            if (line := mapped(s, self._rules, at)) is not None:
                events.append(line)
        if events:
            await taker.take(app, member, events, None)

    async def _get(self, request: Request, app: App, member: str | None) -> Answer:
        wanted = request.query.get("statementId", "")
        if not UUID_TEXT.fullmatch(wanted):
            raise Refused(400, "invalid", "only GET with a statementId is served; queries: xuejing query")
        found = await asyncio.to_thread(self._store.get, app.id, wanted.lower())
        if found is None or (member is not None and found[0] != member):
            raise Refused(404, "not_found", "there is no such statement")
        return Answer(200, found[1])
