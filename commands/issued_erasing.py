"""Taking persons out of issued reports: the part of an erasure that concerns what was kept to make them again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from reports.issued.register import Issued, Register, Series
from reports.issued.source import Snapshot
from sinks.client import Store

from .issuing import Made, data_of, different, register_version, versioned

Render = Callable[[Made], Mapping[str, str]]
"""Writes the files of a report; returns path → SHA-256."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done about issued reports: versions that stand for others now, reports that are gone, and how many
    snapshots only held rows."""

    reissued: tuple[Issued, ...]
    removed: tuple[Series, ...]
    held: int


def erase_members(store: Store, members: Collection[str], render: Render) -> Erased:
    """Take members out of issued reports. Their own reports are removed, entries included; every other report that
    counted one of them is issued again as of the same cut-off, without their rows, and says so; what older versions
    were made from is deleted. Rows that a snapshot only held are deleted in place; where the report looks otherwise
    without them, it is issued again too.

    Idempotent: a second call finds nothing. An interrupted one is repeated; the old data go after the new version is
    in the register.
    """
    register = Register(store)
    gone = frozenset(members)
    own = {i.series for i in register.all() if i.series.kind == "member" and i.series.subject in gone}
    for series in sorted(own, key=lambda s: s.id):
        register.remove(series)
    reissued, held = [], 0
    for issued, counted in register.containing(gone):
        if issued.erased:
            register.erase(issued)
            continue
        rest = register.snapshot(issued).without(gone)
        if not counted and not different(issued, render(_recorded(issued, rest))):
            register.hold_without(issued, rest, gone)
            held += 1
            continue
        new = _without(register, issued, rest)
        reissued.append(register_version(store, new, render(new)))
        register.erase(issued)
    return Erased(tuple(reissued), tuple(sorted(own, key=lambda s: s.id)), held)


def _recorded(issued: Issued, rest: Snapshot) -> Made:
    """The version as it would be made from what is left."""
    edition = issued.edition(ZoneInfo(rest.generation.timezone))
    return Made(data_of(issued, rest, edition, issued.data_hash), rest, issued)


def _without(register: Register, issued: Issued, rest: Snapshot) -> Made:
    """The next version, from what is left."""
    return versioned(register, issued.series, Made(data_of(issued, rest), rest), "erasure")
