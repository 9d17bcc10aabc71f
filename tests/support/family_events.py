"""Bodies of events of any declared family, made from the types of its fields: a new family needs no generator."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from schemas.envelope import ORGANISATION
from schemas.families import FAMILIES, Family


def _fields(family: Family) -> dict[str, tuple[bool, list[Any]]]:
    """By name whether it is required, and a few values: few, so that subjects and steps meet."""
    info = inspect.type_info(family.event)
    assert isinstance(info, inspect.StructType)
    names = {*family.fields, *([] if any(f.name == "course_id" and f.required for f in info.fields) else ["course_id"])}
    return {
        f.name: (f.required, _values(f.type, f.name == family.subject)) for f in info.fields if f.name in sorted(names)
    }


def _values(kind: inspect.Type, subject: bool) -> list[Any]:
    if isinstance(kind, inspect.Metadata):
        return _values(kind.type, subject)
    if isinstance(kind, inspect.UnionType):
        return [v for t in kind.types if not isinstance(t, inspect.NoneType) for v in _values(t, subject)]
    if isinstance(kind, inspect.BoolType):
        return [True, False]
    if isinstance(kind, inspect.IntType):
        low, high = kind.ge or 0, kind.le if kind.le is not None else 10**9
        return sorted({low, min(high, low + 1), min(high, 2_700_000)})
    if isinstance(kind, inspect.DateType):
        return ["2026-05-31", "2026-06-30"]
    if isinstance(kind, inspect.StrType):
        listed = re.fullmatch(r"\^\(([^()]*)\)\$", kind.pattern or "")
        if listed:
            return listed.group(1).split("|")
        return ["s1", "s2"] if subject else ["c1", "c2"]
    raise TypeError(f"no values for {kind}: teach this function")


def bodies(family: Family) -> st.SearchStrategy[dict[str, Any]]:
    """The family's own fields and a course, some left out."""
    found = {
        name: st.sampled_from(values if required else [None, *values])
        for name, (required, values) in _fields(family).items()
    }
    return st.fixed_dictionaries(found).map(lambda body: {n: v for n, v in body.items() if v is not None})


BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {f.name: bodies(f) for f in FAMILIES.values()}
"""By event type."""


def in_name_of(name: str, member: str, org: str, at: datetime) -> dict[str, Any]:
    """Who an event of that type is by, and when: of an anonymous family the organisation, on the half hour."""
    if not FAMILIES[name].anonymous:
        return {"member_id": member, "occurred_at": at.isoformat()}
    rounded = at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)
    return {"member_id": ORGANISATION + org, "occurred_at": rounded.isoformat()}


def random_body(name: str, chance: Any) -> dict[str, Any]:
    """The same without hypothesis, of a ``random.Random``, about more subjects."""
    found = {
        field: chance.choice(values if required else [None, *values])
        for field, (required, values) in _fields(FAMILIES[name]).items()
    }
    found[FAMILIES[name].subject] = f"s{chance.randrange(9)}"
    return {field: value for field, value in found.items() if value is not None}
