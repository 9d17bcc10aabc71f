"""What an operator sees: whether the parts work, what was received and what became of it, and scheduled jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from reports.figures import Figure
from schemas.decode import REASONS
from schemas.reference import Text
from schemas.reference.columns import Language
from sinks.read import Filters, Scope
from web.dashboard.gather import Freshness, Gatherer

State = Literal["ok", "warn", "fail"]
MOST_REJECTED = 5000
"""Rejected lines that one page looks at."""
REJECTED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the system: what ``xuejing doctor`` says of it, in the language of the page."""

    name: str
    state: State
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One due time of a scheduled job. ``trouble`` is '' where nothing went wrong."""

    name: str
    due: datetime
    state: str
    delivered: int
    waiting: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What only the program around the dashboard can tell. Each is called in a thread when a page is made.

    ``behind``: messages that no worker has finished; None where no broker answers.
    """

    parts: Callable[[Language], Sequence[Part]] = lambda _: ()
    jobs: Callable[[], Sequence[Job]] = lambda: ()
    behind: Callable[[], int | None] = lambda: None


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Rejected lines of one reason; ``last``: when the newest of them was received (UTC)."""

    code: str
    reason: Text
    lines: Figure
    open: int
    last: datetime


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A number of lines: key of its name in the messages."""

    key: str
    lines: int


@dataclass(frozen=True, slots=True)
class Operations:
    """The operator's page. ``cut``: more lines were rejected than were looked at; ``behind``: see ``Machine``."""

    parts: tuple[Part, ...]
    ledger: tuple[LedgerLine, ...]
    balance: int
    reasons: tuple[ReasonLine, ...]
    cut: bool
    jobs: tuple[Job, ...]
    fresh: Freshness
    behind: int | None = None

    @property
    def trouble(self) -> int:
        """Parts that do not work, or need somebody to look."""
        return sum(p.state != "ok" for p in self.parts)

    @property
    def failed_jobs(self) -> int:
        """Due times of jobs that something went wrong with."""
        return sum(bool(j.trouble) for j in self.jobs)

    def number(self, key: str) -> int:
        """A number of the ledger."""
        return next(line.lines for line in self.ledger if line.key == key)


LEDGER = ("lines", "valid", "forwarded", "rejected", "duplicates", "late", "archived", "open")


def operations(gatherer: Gatherer, scope: Scope, machine: Machine, language: Language) -> Operations:
    """Everything on the page. Raises ScopeError for a scope that is not the operator's."""
    reader = gatherer.reader()
    ledger = reader.frame("ledger", scope).row(0, named=True)
    numbers = {key: int(ledger[key] or 0) for key in LEDGER}
    today = gatherer.today(reader)
    since = Filters(first=today - timedelta(days=REJECTED_DAYS))
    frame = reader.frame("rejected", scope, since, limit=MOST_REJECTED).select("reason", "status", "received_at")
    found: dict[str, list[tuple[str, datetime]]] = {}
    for reason, status, at in frame.iter_rows():
        found.setdefault(reason, []).append((status, at))
    lines = [
        ReasonLine(
            code,
            Text(*REASONS[code][:2]) if code in REASONS else Text(code, code),
            Figure("rejected", len(rows)),
            sum(status == "open" for status, _ in rows),
            max(at for _, at in rows),
        )
        for code, rows in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    took = numbers["forwarded"] + numbers["rejected"] + numbers["duplicates"] + numbers["archived"]
    return Operations(
        parts=tuple(machine.parts(language)),
        ledger=tuple(LedgerLine(key, numbers[key]) for key in LEDGER),
        balance=numbers["lines"] - took,
        reasons=tuple(lines),
        cut=frame.height == MOST_REJECTED,
        jobs=tuple(machine.jobs()),
        fresh=gatherer.freshness(reader, scope),
        behind=machine.behind(),
    )
