"""Who looks, and what they may see: the port by which the dashboard asks, and the local operator who opens it."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal, Protocol

from schemas.reference import Roster, Text
from sinks.read import Scope

PageKind = Literal["branch", "committee", "map", "member", "operator"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who was let in. ``label`` is what the page calls them; ``role`` a code for the log."""

    scope: Scope
    role: str
    label: Text

    def may_open(self, kind: PageKind, subject: str, roster: Roster) -> bool:
        """Whether a page lies within the scope. Whose membership ended stays visible to the branch that had it:
        what is shown there are the days on which it was theirs."""
        scope = self.scope
        if kind == "operator":
            return scope.operator
        if kind == "member":
            if scope.detail == "own":
                return subject == scope.member_id
            return scope.detail == "named" and roster.known(subject) and self._has_member(subject, roster)
        if scope.detail == "own" or not any(o.org_id == subject for o in roster.organisations):
            return False
        # The page of a branch names persons.
        return not (kind == "branch" and scope.detail == "aggregate") and self._has_node(subject, roster)

    def _has_node(self, org_id: str, roster: Roster) -> bool:
        node = self.scope.node
        return node is None or org_id == node or _was_below(org_id, node, roster)

    def _has_member(self, member_id: str, roster: Roster) -> bool:
        return any(self._has_node(row.org_id, roster) for row in roster.memberships(member_id))


def _was_below(org_id: str, node: str, roster: Roster) -> bool:
    """Whether ``org_id`` lay below ``node`` at any time."""
    above, waiting = {org_id}, [org_id]
    while waiting:
        current = waiting.pop()
        for row in roster.organisations:
            if row.org_id == current and row.parent_id and row.parent_id not in above:
                above.add(row.parent_id)
                waiting.append(row.parent_id)
    return node in above


class Viewers(Protocol):
    """Tells who a token belongs to. It is asked again for every page, so that a revoked token ends a session."""

    def viewer_of(self, token: str) -> Viewer | None:
        """The viewer, or None for a token that is unknown, expired or revoked."""


OPERATOR = Viewer(Scope.everything(), "operator", Text("本机操作者", "Local operator"))


@dataclass(slots=True)
class LocalViewers:
    """The person at this machine, by a key made at each start and printed as a link."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def viewer_of(self, token: str) -> Viewer | None:
        """The operator, for the key."""
        return OPERATOR if hmac.compare_digest(token.encode(), self.key.encode()) else None
