"""Who asks: the principal behind a bearer token, and what it may see. Every endpoint but /healthz depends on this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from schemas.access import AccessError, Principal
from schemas.reference.columns import Text
from sinks.access import Access
from sinks.client import Store
from sinks.read import Scope
from web.problems import Problem
from web.security import address, too_many

from .service import Service, service_of

BEARER = HTTPBearer(
    auto_error=False,
    description="令牌由 `xuejing access` 建立，只显示一次 · a token made with `xuejing access`, shown once",
)
MOST_TOKEN = 200
NO_TOKEN = Text("请加上请求头 Authorization: Bearer xj_…", "send the header Authorization: Bearer xj_…")
# One text for all of them: whether there was such a token is nobody's business.
WRONG_TOKEN = Text(
    "令牌有误、已到期或已收回；请向发放令牌的人询问",
    "the token is mistyped, expired or revoked; ask whoever gave it to you",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal that has shown a valid token, and what it may see."""

    principal: Principal
    scope: Scope

    @property
    def id(self) -> str:
        """Id of the principal."""
        return self.principal.principal_id

    @property
    def owner(self) -> str:
        """Whose jobs are whose: a principal whose scope was changed since does not get what was made for the former."""
        return f"{self.id}\0{self.scope!r}"


def authenticator(store: Store) -> Callable[[str], Caller | None]:
    """Whom a token stands for, as the store knows it; None for one that is nobody's, expired or revoked."""
    access = Access(store)

    def authenticate(token: str) -> Caller | None:
        try:
            principal = access.authenticate(token)
            return None if principal is None else Caller(principal, Scope.of(principal))
        except AccessError:
            return None  # a principal that this program does not understand sees nothing

    return authenticate


def caller(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    service: Annotated[Service, Depends(service_of)],
) -> Caller:
    """The caller of a request. Raises Problem: 401 without a valid token, whatever is wrong with it; 429 for too many.

    An address that comes with too many wrong tokens is told to wait, without keeping others there from their answers.
    """
    now = service.clock()
    token = given.credentials if given is not None else ""
    found = service.authenticate(token) if 0 < len(token) <= MOST_TOKEN else None
    if found is None:
        if wait := service.failures.take(address(request.scope), now):
            raise too_many(wait)
        error = ', error="invalid_token"' if given is not None else ""
        headers = {"WWW-Authenticate": f'Bearer realm="xuejing"{error}'}
        raise Problem("unauthorized", WRONG_TOKEN if given is not None else NO_TOKEN, headers=headers)
    if wait := service.requests.take(found.id, now):
        raise too_many(wait)
    return found
