"""What members' days contribute to branches, as sent from the member agent to the branch agent: rows in columns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa

from schemas.days import day_number
from schemas.reference import Roster
from schemas.tables import BRANCH_DAY, FIGURES, MEMBER_DAY

_TYPES = {c.name: c.arrow for c in (*MEMBER_DAY.columns, *BRANCH_DAY.columns)}
HEAD = ("generation", "org_id", "day", "member_id", "course_id", "version")
SCHEMA = pa.schema(
    [
        ("generation", pa.uint16()),
        ("org_id", pa.string()),
        ("day", pa.uint16()),
        ("member_id", pa.string()),
        ("course_id", pa.string()),
        ("version", pa.uint64()),
        *((name, _TYPES[name]) for name in FIGURES),
    ]
)
"""A member's day in one course ('' over all) for the branch they belong to on the day; ``day`` is a day number,
``version`` that of the member-day row. Without a member: a request to read the branch's day again."""


def encode(rows: pa.Table) -> bytes:
    """One message for the topic of contributions: an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_table(rows.combine_chunks())
    found: bytes = sink.getvalue().to_pybytes()
    return found


def decode(value: bytes) -> pa.Table:
    """The inverse of ``encode``; ValueError on anything else."""
    try:
        rows = pa.ipc.open_stream(value).read_all()
        rows.validate(full=True)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    if not rows.schema.equals(SCHEMA) or any(c.null_count for c in rows.columns):
        raise ValueError("not the columns of contributions")
    return rows


def contributions(member_days: pa.Table, roster: Roster) -> pa.Table:
    """``member_day`` rows, which are in the store already, for the branches that the members belong to on these days;
    those of members who belong to none are left out."""
    number, org_of = cache(day_number), roster.org_of
    found: dict[tuple[str, date], str | None] = {}
    orgs, days = [], []
    for key in zip(member_days["member_id"].to_pylist(), member_days["day"].to_pylist(), strict=True):
        if key in found:
            org_id = found[key]
        else:
            org_id = found[key] = org_of(*key) or None
        orgs.append(org_id)
        days.append(number(key[1]))
    columns = {n: member_days[n] for n in ("generation", "member_id", "version", *FIGURES)}
    columns |= {"org_id": pa.array(orgs, pa.string()), "day": pa.array(np.array(days, np.int64))}
    columns["course_id"] = member_days["course_id"]
    rows = pa.table([columns[f.name].cast(f.type) for f in SCHEMA], SCHEMA)
    return rows.filter(rows["org_id"].is_valid())


def again(days: Iterable[tuple[int, str, int]]) -> pa.Table:
    """Requests to compute branches' days (generation, organisation, day number) again from the store, after their
    roster changed."""
    generation, org_id, day = zip(*days, strict=True)
    count = len(day)
    texts, numbers = pa.array([""] * count), pa.array([0] * count, pa.int64())
    columns = dict.fromkeys(FIGURES, numbers) | {"member_id": texts, "course_id": texts, "version": numbers}
    columns |= {"generation": pa.array(generation), "org_id": pa.array(org_id), "day": pa.array(day)}
    return pa.table([columns[f.name].cast(f.type) for f in SCHEMA], SCHEMA)
