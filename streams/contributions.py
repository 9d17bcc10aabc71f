"""What a member's day contributes to a branch, as sent from the member agent to the branch agent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache

import msgspec
import pyarrow as pa

from schemas.days import day_number
from schemas.reference import Roster
from schemas.tables import FIGURES

COURSES_A_MESSAGE = 1000
"""A member's day of more courses (ids made by mistake, say) is read from the store instead: a message that Kafka
refuses for its size would stop the partition for good."""


class Contribution(msgspec.Struct, array_like=True, gc=False):
    """A member's day for a branch; without a member, a request to read the branch's day again."""

    org_id: str
    generation: int
    day: int
    member_id: str = ""
    version: int = 0
    """version of the member-day rows"""
    figures: dict[str, tuple[int, ...]] = {}
    """course_id ('' over all) → figures in the order of ``schemas.tables.FIGURES``"""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Contribution])
_decode_one = msgspec.json.Decoder(Contribution).decode


def encode(*contributions: Contribution) -> bytes:
    """One message for the topic of contributions, without line breaks."""
    return _encoder.encode(contributions)


def decode(value: bytes) -> list[Contribution]:
    """The inverse of ``encode``; raises msgspec.DecodeError on anything else. A message of one contribution that is not
    in a list is what earlier versions sent: some may still be on the topic when workers are replaced."""
    return [_decode_one(value)] if value.startswith(b'["') else _decoder.decode(value)


def contributions(member_days: pa.Table, roster: Roster) -> Iterator[Contribution]:
    """One contribution per (generation, member, day) of ``member_day`` rows, for the branch that the member
    belongs to on that day; none where they belong to no branch. The rows are in the store already."""
    found: dict[tuple[int, str, date], Contribution] = {}
    heads = [member_days[n].to_pylist() for n in ("generation", "member_id", "day", "course_id", "version")]
    figures = zip(*(member_days[n].to_pylist() for n in FIGURES), strict=True)
    org_of, number = roster.org_of, cache(day_number)
    for generation, member_id, day, course, version, values in zip(*heads, figures, strict=True):
        key = generation, member_id, day
        c = found.get(key)
        if c is None:
            org_id = org_of(member_id, day) or ""
            c = found[key] = Contribution(org_id, generation, number(day), member_id, version, {})
        c.figures[course] = values
    for c in found.values():
        if c.org_id:
            yield c if len(c.figures) <= COURSES_A_MESSAGE else again(c.org_id, c.generation, c.day)


def again(org_id: str, generation: int, day: int) -> Contribution:
    """A request to compute a branch's day again from the store, after its roster changed."""
    return Contribution(org_id, generation, day)
