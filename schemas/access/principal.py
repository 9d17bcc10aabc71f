"""A principal: somebody or something that asks, with what it may see and until when. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.errors import InputError, XuejingError

from .roles import ROLES, Detail, Kind, role

__all__ = ["AccessError", "Detail", "Kind", "Principal", "new_principal"]


class AccessError(XuejingError):
    """Who asks is not known, or may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks. Times are UTC.

    ``node``: an organisation, whose members and those of everything below it are seen, each on the days on which
    they belonged there; None is the whole tree. ``member_id``: whose records ``own`` detail is about. ``label``: what
    an operator calls it, without names of persons.
    """

    principal_id: str
    kind: Kind
    role: str
    node: str | None
    detail: Detail
    member_id: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    label: str = ""

    def __post_init__(self) -> None:
        preset = role(self.role)
        if self.kind != preset.kind:
            raise InputError(f"a {self.role} is a {preset.kind}, not a {self.kind}", where="--role")
        if preset.asks != "scope" and self.detail != preset.detail:
            raise InputError(f"a {self.role} sees {preset.detail}, not {self.detail}", where="--detail")
        if (self.detail == "own") != bool(self.member_id) or (self.member_id and self.node is not None):
            raise InputError("own records are those of a member, and of no organisation", where="--member")
        if (preset.asks == "node") and not self.node:
            raise InputError(f"a {self.role} needs an organisation", where="--org")
        if self.node == "" or (preset.asks in ("nothing", "member") and self.node is not None):
            raise InputError(f"a {self.role} has no organisation", where="--org")

    def active(self, now: datetime) -> bool:
        """Whether it may ask at that moment: neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def purpose_needed(self) -> bool:
        """Whether its reads of named data ask for a purpose."""
        return ROLES[self.role].purpose and self.detail == "named"


def new_principal(
    principal_id: str,
    role_name: str,
    now: datetime,
    *,
    node: str | None = None,
    detail: Detail | None = None,
    member_id: str | None = None,
    lifetime: timedelta | None = None,
    label: str = "",
) -> Principal:
    """A principal of a role. ``detail`` is given for roles with a scope of their own, the role's otherwise; without
    ``lifetime`` it does not expire. Raises InputError where the role asks for something else."""
    preset = role(role_name)
    if lifetime is not None and lifetime <= timedelta(0):
        raise InputError("a token must last longer than nothing", where="--days")
    if any(c in label for c in "\n\r\t"):
        raise InputError("a label is one line", where="--label")
    return Principal(
        principal_id=principal_id,
        kind=preset.kind,
        role=preset.name,
        node=node,
        detail=detail or preset.detail,
        member_id=member_id,
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
        label=label,
    )
