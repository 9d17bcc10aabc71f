"""The new facts of a batch's members: told from repetitions, added to memory, folded into rows.

Members whose facts are all plain go through packed columns, all at once; the others one by one. What an arrival makes
of its member is found out here, before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.ports import Sink
from schemas.tables import ANSWERS, DUPLICATES, MEMBER_DAY

from . import one_by_one
from .archive import duplicate_row
from .cache import MemberCache
from .distinct import alike, distinct
from .effects import Effects
from .facts import OTHER
from .families.rows import Rows, add_rows, family_rows, family_tables
from .lines import Arrivals
from .member import MemberFacts
from .pack import pack_arrivals
from .packed import Flags, Ints, Records, joined
from .packed_facts import Facts
from .rows_many import rows as rows_of_many
from .rules import Generation

Wait = Callable[[Collection[str]], None]
"""Called with members that are about to be read from the archive; returns when it holds all that is known of them."""


@dataclass(slots=True)
class Batch:
    """Arrivals of some members: all that a batch has of them."""

    arrivals: Arrivals
    members: list[str]
    member: Ints
    """number of each arrival's member"""


@dataclass(slots=True)
class Merged:
    """What the arrivals of a batch are, by their numbers, and what is touched by them."""

    fresh: Ints
    duplicates: list[int]
    redelivered: int
    facts: Facts
    """all facts of the members that are packed"""
    touched: Flags
    loose: one_by_one.Sorted
    members: dict[str, MemberFacts]
    """those that are not packed"""


def merge(batch: Batch, cache: MemberCache, sink: Sink, wait: Wait) -> Merged:
    """Add arrivals to the members' facts in memory, which must have been loaded."""
    states = [cache.state(m) for m in batch.members]
    runs = [b"" if isinstance(s, MemberFacts) else s for s in states]
    loose = np.array([isinstance(s, MemberFacts) for s in states], np.bool_)
    old, owner = joined(runs)
    new, fits = pack_arrivals(batch.arrivals, cache.details)
    near = alike(old, new)
    both = np.concatenate([owner[near], batch.member])
    first, same = distinct(both, np.concatenate([old[near], new]))
    doubtful = ~same
    doubtful[len(near) :] |= ~fits
    odd = np.zeros(len(runs), np.bool_)
    odd[both[doubtful]] = True
    names = [batch.members[i] for i in np.flatnonzero(odd & ~loose).tolist()]
    wait(names)
    cache.unpack(sink, names)
    odd |= loose
    plain = ~odd[batch.member]
    mine = first[len(near) :]
    is_first = mine == np.arange(len(near), len(near) + len(new))
    # Number of an arrival's fact among all: old ones, then the fresh ones.
    fresh = plain & is_first
    number = np.full(len(near) + len(new), -1)
    number[: len(near)] = near
    number[len(near) :][fresh] = len(old) + np.arange(np.count_nonzero(fresh))
    records = np.concatenate([old, new[fresh]])
    touched = np.zeros(len(records), np.bool_)
    touched[number[mine[plain]]] = True
    again = np.flatnonzero(plain & ~is_first)
    earlier = records[number[mine[again]]]
    moved = (earlier["where"] != new["where"][again]) | (earlier["when"] != new["when"][again])
    _grow(batch, cache, runs, new, fresh)
    members = {m: s for i, m in enumerate(batch.members) if odd[i] and isinstance(s := cache.state(m), MemberFacts)}
    by_hand = [(i, batch.arrivals.arrival(i)) for i in np.flatnonzero(~plain).tolist()]
    sorted_ = one_by_one.merge(by_hand, members)
    return Merged(
        np.sort(np.concatenate([np.flatnonzero(fresh), np.array(sorted_.fresh, np.int64)])),
        sorted([*again[moved].tolist(), *sorted_.duplicates]),
        len(again) - int(np.count_nonzero(moved)) + sorted_.redelivered,
        Facts(records, np.concatenate([owner, batch.member[fresh]]), cache.details),
        touched,
        sorted_,
        members,
    )


def _grow(batch: Batch, cache: MemberCache, runs: Sequence[bytes], new: Records, fresh: Flags) -> None:
    """Put the fresh records behind those that their members have."""
    chosen = np.flatnonzero(fresh)
    if not len(chosen):
        return
    chosen = chosen[np.argsort(batch.member[chosen], kind="stable")]
    packed, size = new[chosen].tobytes(), new.dtype.itemsize
    owners, starts = np.unique(batch.member[chosen], return_index=True)
    ends = [*starts[1:].tolist(), len(chosen)]
    for i, start, end in zip(owners.tolist(), starts.tolist(), ends, strict=True):
        cache.put(batch.members[i], runs[i] + packed[start * size : end * size])


def effects(batch: Batch, merged: Merged, events: pa.Table, generations: Sequence[Generation]) -> Effects:
    """The rows that a merged batch makes; ``events``: those of the archive."""
    days, answers, families = one_by_one.rows(merged.loose.touched, merged.members, generations)
    tables = [rows_of_many(merged.facts, merged.touched, batch.members, g) for g in generations]
    add_rows(families, _family_rows(batch, merged, generations))
    duplicates = [duplicate_row(batch.arrivals.arrival(i)) for i in merged.duplicates]
    return Effects(
        events,
        DUPLICATES.rows(duplicates),
        pa.concat_tables([MEMBER_DAY.tuples(days), *(t for t, _ in tables)]),
        pa.concat_tables([ANSWERS.tuples(answers), *(t for _, t in tables)]),
        merged.loose.disputed,
        family_tables(families),
    )


def _family_rows(batch: Batch, merged: Merged, generations: Sequence[Generation]) -> Rows:
    """Rows of further families of the packed members: few, and folded as those of any other member."""
    facts, found = merged.facts, Rows()
    touched_by = merged.touched.copy()
    touched_by[[fact for fact, taker in facts.takers if merged.touched[taker]]] = True
    other = facts.kind == OTHER
    for i in np.unique(facts.member[other & touched_by]).tolist():
        # Also what may take one of them back.
        mine = np.flatnonzero((other | (facts.target > 0)) & (facts.member == i))
        unpacked = MemberFacts(())
        touched = []
        for number in mine.tolist():
            fact = facts.details.unpack(facts.records[number])
            unpacked.add(fact)
            if touched_by[number]:
                touched.append(fact)
        for generation in generations:
            add_rows(found, family_rows(batch.members[i], unpacked, touched, generation))
    return found
