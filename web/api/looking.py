"""Who looked at a person's data, for that person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from schemas.reference.columns import Text
from sinks.audit import Entry
from sinks.audited import looked_at
from web.problems import Problem

from .answering import NO_PURPOSE
from .asked import TEXT
from .callers import Caller
from .documents import Looked, LookedAt, problems
from .routes import ALWAYS, TheCaller, TheService, strict
from .service import Service

MOST = 10_000
NOT_YOURS = Text(
    "只有本人（member 令牌）与系统操作者可以查看", "members with a token of their own may ask, and operators"
)
NAME_ONE = Text("请用参数 member 指定成员", "name a member with the parameter member")
router = APIRouter(
    prefix="/v1", tags=["access"], dependencies=[Depends(strict)], responses=problems(*ALWAYS, "forbidden")
)


@router.get("/who-looked", operation_id="who_looked", summary="谁看过本人的数据 · who looked at one's data")
def who_looked(
    who: TheCaller,
    service: TheService,
    member: Annotated[
        str | None, Query(description="成员，仅操作者须写 · member; for operators", max_length=64, pattern=TEXT)
    ] = None,
    purpose: Annotated[
        str | None,
        Query(description="用途，操作者必填 · what for; operators must say it", max_length=200, pattern=TEXT),
    ] = None,
    limit: Annotated[int | None, Query(description="最多条数 · at most so many", ge=1, le=MOST)] = None,
) -> LookedAt:
    """Entries of the audit about a person, the latest first. That an operator asks is one of them from then on."""
    said = (purpose or "").strip()
    with service.slot(who.id):
        about = _about(service, who, member or "", said)
        found = looked_at(service.store, service.audit.key, about, limit or MOST)
        if who.scope.operator:
            service.audit.record(Entry(who.id, "who_looked", "who-looked", said, members=[about], rows=len(found)))
    return LookedAt(member_id=about, entries=[Looked(**entry) for entry in found])


def _about(service: Service, who: Caller, member: str, purpose: str) -> str:
    """The member whose entries may be seen. Raises Problem; what is refused is recorded."""
    if who.scope.detail == "own" and member in ("", who.scope.member_id):
        return who.scope.member_id or ""
    if not who.scope.operator:
        service.audit.record(Entry(who.id, "who_looked", "who-looked", purpose, outcome="forbidden"))
        raise Problem("forbidden", NOT_YOURS)
    if not member:
        raise Problem("invalid", NAME_ONE)
    if not purpose:
        service.audit.record(Entry(who.id, "who_looked", "who-looked", outcome="purpose-required"))
        raise Problem("purpose-required", NO_PURPOSE)
    return member
