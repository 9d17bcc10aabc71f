"""What a batch makes of the store and of the branches, and the order in which it becomes durable.

Archive before rows, rows before contributions, everything before the ledger, the ledger before the offset: the
reason why nothing is lost or counted twice. A crash anywhere repeats the batch, and every effect is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import pyarrow as pa

from schemas.decode import Position, Refusal
from schemas.ports import Refused, Sink
from schemas.reference import Roster
from schemas.tables import ANSWERS, DUPLICATES, EVENTS, LEDGER, MEMBER_DAY, PROBES, REJECTED, Table

from .admission import Body
from .archive import refusal_row
from .contributions import contributions
from .facts import id_of

Job = Callable[[], object]


class Outbox(Protocol):
    """Where the pipeline sends what leaves it. ``flush`` returns when all of it is acknowledged, or raises."""

    def forward(self, member_id: str, line: bytes, received_ms: int, skew_ms: int) -> None:
        """Send a line to the partition of its member, on the topic of events."""

    def contribute(self, rows: pa.Table) -> None:
        """Send members' days to the branches they count for; rows of ``contributions.SCHEMA``."""

    def flush(self) -> None:
        """Wait until Kafka has acknowledged everything sent so far."""


class RosterSource(Protocol):
    """The current roster and its version, re-read when an import has changed it."""

    def current(self) -> tuple[int, Roster]:
        """``(version, roster)`` as the store has them now."""


@dataclass(slots=True)
class Effects:
    """Rows that some members' new facts make, as Arrow tables of the declared columns."""

    events: pa.Table
    duplicates: pa.Table
    member_days: pa.Table
    answers: pa.Table
    disputed: Mapping[tuple[str, int], bytes] = field(default_factory=dict)
    """(member, event_id) of events that have several bodies → first half of the hash of the one that counts"""
    families: Sequence[tuple[Table, pa.Table]] = ()
    """rows of further families"""


def no_effects() -> Effects:
    """Of a batch without a line that counts."""
    return Effects(EVENTS.rows([]), DUPLICATES.rows([]), MEMBER_DAY.rows([]), ANSWERS.rows([]))


class Writer:
    """Makes effects durable. Without a ``pool`` one after the other; with one, side by side where order is free."""

    def __init__(self, sink: Sink, rosters: RosterSource, outbox: Outbox, pool: Executor | None = None) -> None:
        self.sink, self.rosters, self.outbox, self._pool = sink, rosters, outbox, pool

    def archive(self, effects: Effects) -> list[tuple[Body, str]]:
        """Write the events. Returns those that the store refused, with what it said; nothing else is written then."""
        found = self._insert(EVENTS, effects.events)
        if not found:
            return []
        names = ["member_id", "event_id", "body_hash"]
        bodies = effects.events.select(names).take([n for n, _ in found]).to_pylist()
        return [
            ((b["member_id"], b["event_id"], b["body_hash"]), text) for b, (_, text) in zip(bodies, found, strict=True)
        ]

    def publish(self, effects: Effects) -> None:
        """Write the rows of archived events, and hand their members' days to the branches."""
        self._side_by_side(
            lambda: self._insert(DUPLICATES, effects.duplicates),
            lambda: self._insert(MEMBER_DAY, effects.member_days),
            lambda: self._insert(ANSWERS, effects.answers),
            *(partial(self._insert, table, rows) for table, rows in effects.families),
        )
        # Behind the duplicates: a repeated line may be the loser.
        self._insert(REJECTED, REJECTED.rows(self._losers(effects.disputed)))
        # Read again after the rows are durable: an import recorded before this moment is seen here, and one
        # recorded later finds the rows. Either way the branches of a moved member learn of them.
        _, roster = self.rosters.current()
        self.outbox.contribute(contributions(effects.member_days, roster))
        self.outbox.flush()

    def close(
        self,
        version: int,
        refusals: Sequence[Refusal],
        probes: Sequence[dict[str, Any]],
        ledger: pa.Table,
        now_us: Callable[[], int],
    ) -> None:
        """Write what a batch leaves beside its rows, last of all the ledger. ``version``: of the roster by which
        lines were refused."""
        self._insert(REJECTED, REJECTED.rows([refusal_row(r) for r in refusals]))
        known = self._known_by_now(version, refusals)
        # Also what was forwarded before: nothing is acknowledged before Kafka has it.
        self.outbox.flush()
        self._insert(REJECTED, REJECTED.rows([refusal_row(r) | {"status": "retried", "version": 1} for r in known]))
        self._insert(PROBES, PROBES.rows([p | {"seen_us": now_us()} for p in probes]))
        self._insert(LEDGER, ledger)

    def _insert(self, table: Table, rows: pa.Table) -> Sequence[Refused]:
        return self.sink.insert(table, rows) if rows.num_rows else ()

    def _side_by_side(self, *jobs: Job) -> None:
        if self._pool is None:
            for job in jobs:
                job()
            return
        futures = [self._pool.submit(job) for job in jobs]
        errors = [
            e for f in futures if (e := f.exception()) is not None
        ]  # waits for all: none goes on behind a failure
        if errors:
            raise errors[0]

    def _known_by_now(self, version: int, refusals: Sequence[Refusal]) -> list[Refusal]:
        """Send lines again that were refused by a roster that an import has replaced meanwhile.

        An import tries the rejected lines again that it finds. Asked after they are durable: one that is recorded
        later finds them. They are marked behind the acknowledgement (``flush``)."""
        now, roster = self.rosters.current()
        if now == version:
            return []
        known = [r for r in refusals if r.reason == "unknown_member" and roster.admits(r.member_id)]
        for r in known:
            self.outbox.forward(r.member_id, r.raw, r.received_ms, r.skew_ms)
        return known

    def _losers(self, disputed: Mapping[tuple[str, int], bytes]) -> list[dict[str, Any]]:
        """Rejected rows for every known line whose body lost to a smaller hash under the same id."""
        if not disputed:
            return []
        lines = self.sink.lines_of([(m, i.to_bytes(16, "big")) for m, i in sorted(disputed)]).to_pylist()
        rows = []
        for line in lines:
            event_id = id_of(line["event_id"])
            if line["body_hash"] == disputed[line["member_id"], event_id]:
                continue
            position = Position(line["cluster"], line["topic"], line["partition"], line["offset"], line["line"])
            received = round(line["received_at"].timestamp() * 1000)
            text = str(UUID(int=event_id))
            detail = f"event_id: {text} has another body with a smaller hash, which counts"
            refusal = Refusal(
                "conflict", detail, line["raw"], position, received, line["member_id"], text, line["skew_ms"]
            )
            rows.append(refusal_row(refusal))
        return rows
