"""The roles of ``roles.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from schemas.errors import InputError
from schemas.reference.columns import Text

Kind = Literal["person", "role", "service"]
Detail = Literal["own", "named", "aggregate"]
"""What a principal sees: own records, members by name, or aggregates only."""
Asks = Literal["member", "node", "nothing", "scope"]

_PATH = Path(__file__).with_name("roles.toml")


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One role; see ``roles.toml``."""

    name: str
    title: Text
    description: Text
    kind: Kind
    detail: Detail
    asks: Asks
    within: tuple[str, ...] = ()
    """kinds of organisation that the node may be; empty: any"""
    purpose: bool
    """reads of named data ask for a purpose"""
    sql: bool
    """may have a user of the ClickHouse server"""


def _load(path: Path) -> dict[str, Role]:
    content: dict[str, dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))
    return {
        name: msgspec.convert(
            {**fields, "name": name, **{f: tuple(fields[f][lang] for lang in ("zh", "en")) for f in _TEXTS}}, Role
        )
        for name, fields in content.items()
    }


_TEXTS = ("title", "description")
ROLES: Mapping[str, Role] = _load(_PATH)
"""The roles there are, by name."""


def role(name: str) -> Role:
    """The role of that name. Raises InputError with those there are."""
    if name not in ROLES:
        raise InputError(f"there is no role {name!r}", where="--role", hint=", ".join(ROLES))
    return ROLES[name]
