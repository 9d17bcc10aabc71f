"""What the endpoints share: the store, the settings, limits, jobs and the audit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from fastapi import Request

from schemas.errors import InputError, StoreError, StoreUnavailable, XuejingError
from schemas.reference.columns import Language
from schemas.settings import Settings
from sinks.audit import Auditor
from sinks.client import Store
from sinks.read import QueryError, ScopeError
from web.limits import Buckets
from web.problems import KINDS, Problem

from .jobs import Jobs

if TYPE_CHECKING:
    from .callers import Caller

Say = Callable[[XuejingError, Language], str]
"""An error in a language, for a person."""
QUESTIONS_AT_ONCE, PATIENCE_S = 8, 20.0
FAILURES_PER_MINUTE = 20
RUNNING_EACH, WAITING_EACH = 4, 12
"""Questions of one principal that the store works at, and that wait beside them: others must find a place."""


@dataclass
class Turn:
    """Questions of one principal. ``asked``: those under way or waiting."""

    running: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(RUNNING_EACH))
    asked: int = 0


@dataclass
class Service:
    """One running API. ``audit``: where reads of named data are recorded; ``authenticate``: whom a token stands for,
    None for one that is not valid; ``say``: how errors are told."""

    settings: Settings
    store: Store
    audit: Auditor
    authenticate: Callable[[str], Caller | None]
    say: Say
    clock: Callable[[], float] = time.monotonic
    jobs: Jobs = field(init=False)
    requests: Buckets = field(init=False)
    """of each token"""
    failures: Buckets = field(init=False)
    """of each address that came with a token that is none"""
    slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(QUESTIONS_AT_ONCE))
    turns: dict[str, Turn] = field(default_factory=dict)
    """by principal, as long as it asks"""
    lock: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        self.jobs = Jobs(keep=timedelta(minutes=self.settings.api_job_minutes))
        rate = self.settings.api_requests
        self.requests = Buckets(rate, max(1, rate // 2))
        self.failures = Buckets(FAILURES_PER_MINUTE, FAILURES_PER_MINUTE)

    @contextmanager
    def slot(self, principal_id: str = "") -> Iterator[None]:
        """Leave to ask the store; so many at once have it, and a part of them one principal ('' is the service itself).
        Raises Problem when none becomes free in time, or too many of the principal's wait already."""
        with ExitStack() as held:
            if principal_id:
                self._wait(held.enter_context(self._turn(principal_id)).running, held)
            self._wait(self.slots, held)
            yield

    @contextmanager
    def _turn(self, principal_id: str) -> Iterator[Turn]:
        with self.lock:
            turn = self.turns.setdefault(principal_id, Turn())
            if turn.asked >= RUNNING_EACH + WAITING_EACH:
                raise Problem("too-many", headers={"Retry-After": "5"})
            turn.asked += 1
        try:
            yield turn
        finally:
            with self.lock:
                turn.asked -= 1
                if not turn.asked:
                    del self.turns[principal_id]

    @staticmethod
    def _wait(places: BoundedSemaphore, held: ExitStack) -> None:
        if not places.acquire(timeout=PATIENCE_S):
            raise Problem("unavailable", headers={"Retry-After": "10"})
        held.callback(places.release)

    def reason(self, error: XuejingError, language: Language) -> str:
        """Why a report could not be made, as its client may know it: nothing of what the store said."""
        if isinstance(error, StoreUnavailable):
            return KINDS["unavailable"].title.of(language)
        return KINDS["internal"].title.of(language) if isinstance(error, StoreError) else self.say(error, language)

    def problem(self, error: XuejingError, language: Language) -> Problem | None:
        """An error of ours as a client may know it; None where it is our own fault."""
        detail = self.say(error, language)
        if isinstance(error, QueryError | InputError):
            # Whether an organisation exists is not told apart from whether it may be seen.
            kind = "not-found" if error.where in ("--org", "org") else "invalid"
            return Problem(kind, detail)
        if isinstance(error, ScopeError):
            return Problem("forbidden", detail)
        if isinstance(error, StoreUnavailable):
            return Problem("unavailable", headers={"Retry-After": "10"})
        return None


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    found = request.app.state.service
    assert isinstance(found, Service)
    return found
