"""The steps of an erasure, in the order in which nothing can come back. Each is recorded when it is done: an erasure
that was interrupted goes on there, and one that is repeated finds nothing.

1. The keyed hash of the member goes onto the list: what arrives from now on is dropped. Batches that began before are
   waited for, so that what they write is there to be deleted.
2. What is to be computed again is written down, while the roster still knows where the member was.
3. Rows are deleted, and the roster becomes a new one.
4. Branch days are computed again, by the workers where there are any.
5. Issued reports are issued again without the member; every table is counted, and the counts are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reports.issued.register import Register
from schemas.errors import XuejingError
from schemas.keyed import MemberKey
from schemas.settings import Settings
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.erasing import (
    BLOCKED,
    COMPUTED,
    DONE,
    PLANNED,
    REMOVED,
    Erasure,
    Plan,
    erasures,
    everybody,
    find,
    left,
    planned,
    remove,
    write,
)
from sinks.read.generations import written_generations

from .issued_erasing import Erased, Render, erase_members
from .issuing import one_issues
from .producing import event_producer
from .rebuild import broker_of, compute_again, wait_for_workers
from .telemetry import send_probes

LIST = "erased.keys"
"""File in the data folder, beside the embedded store, with the keyed hashes of who was erased."""
ROUNDS = 3
"""How often rows that turn up during an erasure are deleted before it gives up."""


class NotErased(XuejingError):
    """Something of the person is left, or an erasure can't begin."""


@dataclass(frozen=True, slots=True)
class Erasing:
    """What an erasure needs."""

    settings: Settings
    store: Store
    key: MemberKey
    render: Render
    said: Callable[[str], None] = lambda _: None
    """hears of each state that is reached"""

    def run(self, member_id: str, reason: str, principal_id: str) -> tuple[Erasure, Erased]:
        """Erase a member; returns the erasure with its proof, and what became of reports. Raises NotErased, or what
        the store, the broker or a report raises; repeated, it goes on."""
        if len(written_generations(self.store)) > 1:
            raise NotErased("a rebuild is under way", hint="let it finish, then repeat")
        erasure = find(self.store, self.key, member_id)
        if erasure is None or erasure.state == DONE:
            erasure = self._block(member_id, reason, principal_id, erasure)
        reports = Erased((), (), 0)
        for _ in range(ROUNDS):
            erasure = self._rows(member_id, erasure)
            with one_issues(self.settings):
                reports = _together(reports, erase_members(self.store, [member_id], self.render))
            proof = self.count(member_id)
            if not any(proof.values()):
                return self._step(replace(erasure, proof=proof), DONE), reports
            # Something wrote in between, such as an import that had read its files before.
            erasure = self._step(erasure, BLOCKED)
        found = ", ".join(f"{name} {n}" for name, n in proof.items() if n)
        raise NotErased(f"rows of the member are left: {found}", hint="end what writes them, then repeat")

    def count(self, member_id: str) -> dict[str, int]:
        """Table → rows that hold the id; for what reports were made from, snapshots that do."""
        found = left(self.store, member_id)
        register = Register(self.store)
        kept = (i for i in register.all() if not i.erased)
        found["issued_data"] += sum(member_id in register.snapshot(i).members() for i in kept)
        return found

    def listed(self) -> frozenset[str]:
        """Keyed hashes of everybody who was erased: as the store has them, and as the file beside it does, which is
        newer than a store that was restored from a backup."""
        path = self.settings.folder / LIST
        known = path.read_text("ascii").split() if path.exists() else ()
        return frozenset(known) | {e.member_key for e in erasures(self.store)}

    def back(self) -> list[str]:
        """Members who were erased and are in the store again."""
        listed = self.listed()
        return sorted(m for m in everybody(self.store) if self.key.of(m) in listed) if listed else []

    def _block(self, member_id: str, reason: str, principal_id: str, before: Erasure | None) -> Erasure:
        now = datetime.now(UTC)
        if before is None:
            new = Erasure(self.key.of(member_id), self.key.check, reason, principal_id, now)
        else:
            # Erased before, and back since, say by a restored backup: the lines of both count.
            kept = Plan(lines=before.plan.lines)
            new = replace(before, reason=reason, principal_id=principal_id, asked_at=now, plan=kept, proof=None)
        if self.settings.embedded_store:
            self._list(new.member_key)
        return self._step(new, BLOCKED)

    def _list(self, member_key: str) -> None:
        keys = sorted(self.listed() | {member_key})
        path = self.settings.folder / LIST
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text("\n".join([*keys, ""]), "ascii")
        temporary.replace(path)

    def _rows(self, member_id: str, erasure: Erasure) -> Erasure:
        reached = broker_of(self.settings)
        if erasure.state == BLOCKED:
            if reached is not None:
                with event_producer(reached) as producer:
                    send_probes(producer, 60)  # a worker that nothing is sent to would keep the facts in memory
                wait_for_workers(reached, reached.events_topic)
            plan = planned(self.store, member_id, erasure.plan)
            erasure = self._step(replace(erasure, plan=plan), PLANNED)
        if erasure.state == PLANNED:
            remove(self.store, member_id, datetime.now(UTC))
            erasure = self._step(erasure, REMOVED)
        if erasure.state == REMOVED:
            compute_again(ClickHouseSink(self.store, patience=60), list(erasure.plan.branch_days), reached)
            erasure = self._step(erasure, COMPUTED)
        return erasure

    def _step(self, erasure: Erasure, state: str) -> Erasure:
        done = write(self.store, erasure, state)
        self.said(state)
        return done


def _together(one: Erased, other: Erased) -> Erased:
    return Erased(one.reissued + other.reissued, one.removed + other.removed, one.held + other.held)
