"""Which lines count: those of known members, of this partition, of open days. The rest is refused or sent on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.decode import Position, Refusal
from schemas.envelope import ORGANISATION
from schemas.erased import Erased
from schemas.events import Withdraw
from schemas.families import ANONYMOUS
from schemas.reference import Roster
from schemas.tables import LEDGER

from .lines import Ints, Lines

Body = tuple[str, bytes, bytes]
"""(member_id, event_id, body_hash)"""

LATE_MS = 24 * 3_600_000
HOMES = 1 << 18
"""Members whose partition is remembered; murmur2 in Python costs microseconds."""


class Homes:
    """The partition of each member, remembered for the members seen lately."""

    def __init__(self, partition_for: Callable[[str], int]) -> None:
        self._partition_for = partition_for
        self._known: dict[str, int] = {}

    def of(self, member_id: str) -> int:
        """The partition that the member's events belong to."""
        found = self._known.get(member_id)
        if found is None:
            if len(self._known) >= HOMES:
                self._known.clear()
            found = self._known[member_id] = self._partition_for(member_id)
        return found


@dataclass(slots=True)
class Admitted:
    """What became of the lines of some messages."""

    chosen: Ints
    """numbers of the lines that count"""
    members: list[str]
    member: Ints
    """a line's member as a number into ``members``; means nothing for a line that is not valid"""
    refusals: list[Refusal]
    forwards: list[int]
    """numbers of the lines that belong to another partition"""
    ledger: pa.Table


NOBODY = Erased()
_MAY = ANONYMOUS | {Withdraw}


def admit(
    lines: Lines,
    homes: Homes,
    roster: Roster,
    open_from: int,
    refused: Mapping[Body, str],
    erased: Erased = NOBODY,
) -> Admitted:
    """Sort lines into those that count, are refused, or belong to another partition. ``open_from``: instant (ms UTC)
    from which days are open; ``refused``: bodies that the store did not take, and what it said; ``erased``: members of
    whom nothing may be kept, whatever else is wrong with a line."""
    decoded, numbers = lines.decoded, dict[str, int]()
    of = numbers.setdefault
    member = np.array([-1 if e is None else of(e.member_id, len(numbers)) for e in decoded.events], np.int64)
    members = list(numbers)
    valid = member >= 0
    home = np.array([homes.of(m) for m in members] or [0], np.int64)
    known = np.array([roster.admits(m) for m in members] or [False], np.bool_)
    partition = np.array([p for _, p in lines.places] or [0], np.int64)[lines.place][lines.message]
    gone = valid & _of_erased(members, erased)[member]
    away = valid & ~gone & (home[member] != partition)
    closed = valid & ~gone & ~away & (decoded.at_ms < open_from)
    unknown = valid & ~gone & ~away & ~closed & ~known[member]
    unknown |= valid & ~gone & ~away & ~closed & _misnamed(members, member, decoded.events)
    counts = valid & ~gone & ~away & ~closed & ~unknown
    refusals = [_kept(i, r, lines, erased) for i, r in decoded.refusals.items()]
    refusals += [_nothing_of(lines.position(i), lines, i) for i in np.flatnonzero(gone).tolist()]
    for i in np.flatnonzero(closed).tolist():
        detail = f"occurred_at: {decoded.events[i].occurred_at.isoformat()} lies in a closed period"
        refusals.append(lines.refusal(i, "period_closed", detail))
    for i in np.flatnonzero(unknown).tolist():
        detail = f"member_id: {members[member[i]]!r} is not in the roster"
        refusals.append(lines.refusal(i, "unknown_member", detail))
    for i in np.flatnonzero(counts).tolist() if refused else ():
        event = decoded.events[i]
        body = event.member_id, event.event_id.bytes, decoded.hashes[i].tobytes()
        if (text := refused.get(body)) is not None:
            refusals.append(lines.refusal(i, "store_refused", text))
            counts[i] = False
    ledger = _ledger(lines, counts, away)
    return Admitted(np.flatnonzero(counts), members, member, refusals, np.flatnonzero(away).tolist(), ledger)


def _misnamed(members: list[str], member: Ints, events: Sequence[Any]) -> NDArray[np.bool_]:
    """Events in the name of an organisation that are not anonymous: of those, what they took back included, there are
    seldom any."""
    named = np.array([m.startswith(ORGANISATION) for m in members] or [False], np.bool_)
    found = np.zeros(len(events), np.bool_)
    if named.any():
        for i in np.flatnonzero(named[member] & (member >= 0)).tolist():
            found[i] = type(events[i]) not in _MAY
    return found


def _of_erased(members: list[str], erased: Erased) -> NDArray[np.bool_]:
    return np.array([m in erased for m in members] or [False], np.bool_)


def _kept(line: int, refusal: Refusal, lines: Lines, erased: Erased) -> Refusal:
    """A line that can't be read, or nothing of it: who it names, or whom its message was sent for, may be erased."""
    if not erased:
        return refusal
    named = refusal.member_id in erased or lines.key_of(line) in erased
    if named or (not refusal.member_id and erased.named_in(refusal.raw.decode("utf-8", "replace"))):
        return _nothing_of(refusal.position, lines, line)
    return refusal


def _nothing_of(position: Position, lines: Lines, line: int) -> Refusal:
    """The verdict alone, so that the ledger adds up: neither body nor ids."""
    return Refusal("erased", "", b"", position, int(lines.received[lines.message[line]]))


def _ledger(lines: Lines, counts: NDArray[np.bool_], away: NDArray[np.bool_]) -> pa.Table:
    """One row a message."""
    count = len(lines.offset)

    def per_message(those: Any) -> Ints:
        return np.bincount(lines.message[those], minlength=count)

    total, valid, forwarded = per_message(slice(None)), per_message(counts), per_message(away)
    late = counts & (lines.received[lines.message] - lines.decoded.at_ms > LATE_MS)
    topics, partitions = pa.array([t for t, _ in lines.places]), np.array([p for _, p in lines.places], np.int64)
    columns = {
        "cluster": pa.repeat(pa.scalar(lines.cluster), count),
        "topic": topics.take(pa.array(lines.place)) if count else pa.array([], pa.string()),
        "partition": partitions[lines.place],
        "offset": lines.offset,
        "lines": total,
        "valid": valid,
        "rejected": total - valid - forwarded,
        "forwarded": forwarded,
        "late": per_message(late),
        "received_at": lines.received,
    }
    return pa.table({c.name: _array(columns[c.name], c.arrow) for c in LEDGER.columns})


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    return pa.array(values).cast(kind) if isinstance(values, np.ndarray) else values
