"""Who looks, and what they may see: the local operator who opens the dashboard, and principals with their tokens."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from schemas.access import ROLES, AccessError, Principal
from schemas.reference import Roster, Text
from sinks.access import Access
from sinks.read import Scope

PageKind = Literal["branch", "committee", "map", "member", "operator"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who was let in. ``label`` is what the page calls them; ``role`` a code for the log.

    ``rights``: all that they may ever see. ``asks_purpose``: members by name only once they have said what for;
    ``purpose``: what they said. ``id``: how the audit names them. ``local``: whoever sits at this machine.
    """

    rights: Scope
    role: str
    label: Text
    id: str = ""
    asks_purpose: bool = False
    purpose: str = ""
    local: bool = False

    @property
    def scope(self) -> Scope:
        """What they may see now: aggregates, as long as a purpose is wanting."""
        if self.asks_purpose and not self.purpose and self.rights.detail == "named":
            return replace(self.rights, detail="aggregate")
        return self.rights

    def may_open(self, kind: PageKind, subject: str, roster: Roster) -> bool:
        """Whether a page lies within the scope. Whose membership ended stays visible to the branch that had it:
        what is shown there are the days on which it was theirs."""
        scope = self.scope
        if kind == "operator":
            return self.rights.operator
        if kind == "member":
            if scope.detail == "own":
                return subject == scope.member_id
            return scope.detail == "named" and roster.known(subject) and self._has_member(subject, roster)
        if scope.detail == "own" or not any(o.org_id == subject for o in roster.organisations):
            return False
        # The page of a branch names persons.
        return not (kind == "branch" and scope.detail == "aggregate") and self._has_node(subject, roster)

    def purpose_opens(self, kind: PageKind, subject: str, roster: Roster) -> bool:
        """Whether a page is closed only because they have not said what for."""
        if not self.asks_purpose or self.purpose:
            return False
        return not self.may_open(kind, subject, roster) and replace(self, purpose="?").may_open(kind, subject, roster)

    def _has_node(self, org_id: str, roster: Roster) -> bool:
        node = self.rights.node
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


OPERATOR = Viewer(Scope.everything(), "operator", Text("本机操作者", "Local operator"), local=True)


@dataclass(slots=True)
class LocalViewers:
    """The person at this machine, by a key made at each start and printed as a link."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    viewer: Viewer = OPERATOR

    def viewer_of(self, token: str) -> Viewer | None:
        """The operator, for the key."""
        return self.viewer if hmac.compare_digest(token.encode("utf-8", "replace"), self.key.encode()) else None


def of_principal(principal: Principal) -> Viewer:
    """A principal as a viewer."""
    return Viewer(
        Scope.of(principal),
        principal.role,
        ROLES[principal.role].title,
        id=principal.principal_id,
        asks_purpose=principal.purpose_needed,
    )


@dataclass(frozen=True, slots=True)
class PrincipalViewers:
    """The person at this machine, and principals with the tokens that ``xuejing access`` gave them. Programs have the
    query API: a service account does not come in."""

    access: Access
    local: LocalViewers

    def viewer_of(self, token: str) -> Viewer | None:
        """The viewer. Raises StoreError when the store can't say."""
        if (found := self.local.viewer_of(token)) is not None:
            return found
        try:
            principal = self.access.authenticate(token)
        except AccessError:
            return None  # a scope that this program does not understand is none
        return None if principal is None or principal.kind == "service" else of_principal(principal)
