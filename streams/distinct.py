"""Which packed facts are one event, by member and id, whatever their number."""

from __future__ import annotations

import numpy as np

from .packed import Flags, Ints, Records, instants

_BITS = 20


def distinct(owner: Ints, records: Records) -> tuple[Ints, Flags]:
    """For each record the number of the first one of its owner and event id, and whether it has the same body.

    Equal hashes at different instants are bodies of different skew: not the same.
    """
    high, low = records["id_high"], records["id_low"]
    order = np.lexsort((low, high, owner))
    begins = np.ones(len(records), np.bool_)
    begins[1:] = (
        (np.diff(owner[order]) != 0) | (high[order[1:]] != high[order[:-1]]) | (low[order[1:]] != low[order[:-1]])
    )
    first = np.empty(len(records), np.int64)
    # The sort is stable: what comes first in a run came first.
    first[order] = order[begins][np.cumsum(begins) - 1]
    same = np.ones(len(records), np.bool_)
    again = np.flatnonzero(first != np.arange(len(first)))
    if len(again):
        one, other = records[again], records[first[again]]
        same[again] = (one["hash"] == other["hash"]) & (instants(one) == instants(other))
    return first, same


def alike(old: Records, new: Records) -> Ints:
    """Numbers of the old records whose id may be that of a new one: a sieve that never misses one."""
    marked = np.zeros(1 << _BITS, np.bool_)
    marked[_slot(new)] = True
    return np.flatnonzero(marked[_slot(old)])


def _slot(records: Records) -> Ints:
    low = records["id_low"]
    mixed = low ^ (low >> np.uint64(_BITS)) ^ (low >> np.uint64(2 * _BITS)) ^ records["id_high"]
    found: Ints = (mixed & np.uint64((1 << _BITS) - 1)).astype(np.int64)
    return found
