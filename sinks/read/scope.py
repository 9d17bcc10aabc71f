"""Who may see what, and what is asked for: the two values without which no query is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from schemas.access import Detail as Detail
from schemas.access import Principal
from schemas.errors import InputError, XuejingError

FilterName = Literal["first", "last", "org", "member", "category", "course", "exam"]


class ScopeError(XuejingError):
    """The question asks for more than its scope may see."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a principal may see.

    ``node`` is an organisation: its members and those of everything below it, each on the days on which they
    belonged there; None is the whole tree. ``detail``: ``own`` records of ``member_id`` only, ``named`` members,
    or ``aggregate`` figures only.
    """

    node: str | None
    detail: Detail
    member_id: str | None = None

    def __post_init__(self) -> None:
        if self.detail not in ("own", "named", "aggregate"):
            raise ScopeError(f"unknown level of detail {self.detail!r}", hint="own, named or aggregate")
        if (self.detail == "own") != bool(self.member_id):
            raise ScopeError("a scope names a member if, and only if, it is for that member's own records")
        if self.node == "" or (self.detail == "own" and self.node is not None):
            raise ScopeError("own records have no node; a node is an organisation's id or None")

    @classmethod
    def everything(cls) -> Scope:
        """The local operator: the whole tree, by name."""
        return cls(None, "named")

    @classmethod
    def of(cls, principal: Principal) -> Scope:
        """What a principal may see. Whether it may still ask is ``Principal.active``."""
        return cls(principal.node, principal.detail, principal.member_id)

    @classmethod
    def own(cls, member_id: str) -> Scope:
        """A member's own records."""
        return cls(None, "own", member_id)

    @property
    def operator(self) -> bool:
        """Whether it is the local operator's."""
        return self.node is None and self.detail == "named"


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for within a scope; None does not restrict.

    ``first`` and ``last`` are local days, both included. ``org`` is any node of the tree and takes what is below
    it. ``course`` '' means the figures over all courses, where a query has such rows.
    """

    first: date | None = None
    last: date | None = None
    org: str | None = None
    member: str | None = None
    category: str | None = None
    course: str | None = None
    exam: str | None = None

    def __post_init__(self) -> None:
        if self.first and self.last and self.first > self.last:
            raise InputError(f"the period ends ({self.last}) before it begins ({self.first})", where="--from/--to")

    def given(self) -> frozenset[str]:
        """Names of the filters that restrict."""
        return frozenset(name for name in self.__slots__ if getattr(self, name) is not None)
