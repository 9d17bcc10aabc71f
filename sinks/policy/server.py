"""The SQL that gives principals their users on a ClickHouse server. Pure: statements in, statements out.

Running them again changes nothing. Row policies come before users and grants, so that nobody reads unfiltered for a
moment; whoever has no principal, such as the program's own account, is not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from schemas.access import ROLES, Detail, Principal
from schemas.families import FAMILIES

from ..read.scope import Scope
from .declared import TABLE_RULES, VIEWS
from .filters import literal, row_filter
from .shown import shown_view, view_name

PROFILE, QUOTA = "xuejing_reader", "xuejing_reader"
DETAILS: tuple[Detail, ...] = ("named", "aggregate")
"""Levels of detail that SQL can have. Own records are asked of the program."""
LIMITS: dict[str, int] = {
    "max_execution_time": 60,
    "max_memory_usage": 4_000_000_000,
    "max_result_rows": 1_000_000,
    "max_threads": 4,
    "max_concurrent_queries_for_user": 4,
    "allow_ddl": 0,
    "allow_introspection_functions": 0,
}
"""Settings that a reader by SQL can't raise."""
QUERIES_AN_HOUR, SECONDS_AN_HOUR = 1000, 1800


@dataclass(frozen=True, slots=True)
class Grantee:
    """A principal with the hash of its token: the token is its password on the server too."""

    principal: Principal
    token_hash: str

    @property
    def user(self) -> str:
        """Name of its user, and of its row policies."""
        return f"xj_{self.principal.principal_id}"

    def may(self, now: datetime) -> bool:
        """Whether it has a user on the server."""
        p = self.principal
        return ROLES[p.role].sql and p.detail in DETAILS and p.active(now)


def role_of(detail: Detail) -> str:
    """The server's role of a level of detail."""
    return f"xuejing_{detail}"


def readable(detail: Detail, families: Collection[str] = frozenset(FAMILIES)) -> list[str]:
    """Views and tables behind them that a level of detail may read; each view before its tables. ``families``: event
    types of the further families that are shown."""
    shown = [v for v in VIEWS if not v.family or v.family in families]
    views = [v for v in shown if detail != "aggregate" or v.aggregate]
    return list(dict.fromkeys(name for v in views for name in (v.name, *v.tables)))


def statements(
    grantees: Iterable[Grantee],
    now: datetime,
    *,
    database: str = "default",
    cluster: str = "",
    k: int = 5,
    families: Collection[str] = frozenset(FAMILIES),
) -> Iterator[str]:
    """All statements in their order. ``now``: who is active then (UTC). ``k``: smallest group that aggregates show.
    ``families``: event types of the further families that are shown."""
    on = f" ON CLUSTER {literal(cluster)}" if cluster else ""
    yield from _frame(database, on, families)
    for grantee in sorted(grantees, key=lambda g: g.user):
        if grantee.may(now):
            yield from _allow(grantee, database, on, k)
        elif ROLES[grantee.principal.role].sql:
            yield from _refuse(grantee, database, on)


def _frame(database: str, on: str, families: Collection[str]) -> Iterator[str]:
    limits = ", ".join(
        f"{name} = {value} MAX {value}" if value else f"{name} = 0 CONST" for name, value in LIMITS.items()
    )
    yield f"CREATE SETTINGS PROFILE OR REPLACE {PROFILE}{on} SETTINGS readonly = 2 CONST, {limits}"
    roles = [role_of(d) for d in DETAILS]
    for role in roles:
        yield f"CREATE ROLE IF NOT EXISTS {role}{on}"
        yield f"ALTER ROLE {role}{on} SETTINGS PROFILE {literal(PROFILE)}"
    yield (
        f"CREATE QUOTA OR REPLACE {QUOTA}{on} KEYED BY user_name "
        f"FOR INTERVAL 1 hour MAX queries = {QUERIES_AN_HOUR}, execution_time = {SECONDS_AN_HOUR} TO {', '.join(roles)}"
    )
    for table, rule in TABLE_RULES.items():
        if rule != "open":
            # A table with policies shows nothing to whom none applies, on servers that are set so.
            yield (
                f"CREATE ROW POLICY OR REPLACE xuejing_others{on} ON {database}.{table} FOR SELECT USING 1 "
                f"AS PERMISSIVE TO ALL EXCEPT {', '.join(roles)}"
            )
    for detail in DETAILS:
        yield f"REVOKE{on} SELECT ON {database}.* FROM {role_of(detail)}"  # what an earlier version granted
        for name in readable(detail, families):
            yield f"GRANT{on} SELECT ON {database}.{name} TO {role_of(detail)}"


def _allow(grantee: Grantee, database: str, on: str, k: int) -> Iterator[str]:
    p, user = grantee.principal, grantee.user
    until = "" if p.expires_at is None else f" VALID UNTIL {literal(p.expires_at.strftime('%Y-%m-%d %H:%M:%S UTC'))}"
    secret = f"IDENTIFIED WITH sha256_hash BY {literal(grantee.token_hash)}"
    # No role until the filters stand.
    yield f"CREATE USER IF NOT EXISTS {user}{on} {secret}"
    for table, rule in TABLE_RULES.items():
        if rule != "open":
            condition = row_filter(table, Scope.of(p), database) or "1"
            yield (
                f"CREATE ROW POLICY OR REPLACE {user}{on} ON {database}.{table} FOR SELECT USING {condition} "
                f"AS PERMISSIVE TO {user}"
            )
    yield f"ALTER USER {user}{on} {secret}{until} SETTINGS PROFILE {literal(PROFILE)}"
    if p.detail == "aggregate":
        yield shown_view(p.principal_id, p.node, database=database, on=on, k=k)
        yield f"GRANT{on} SELECT ON {database}.{view_name(p.principal_id)} TO {user}"
    yield f"GRANT{on} {role_of(p.detail)} TO {user}"
    yield f"ALTER USER {user}{on} DEFAULT ROLE {role_of(p.detail)}"


def _refuse(grantee: Grantee, database: str, on: str) -> Iterator[str]:
    user = grantee.user
    yield f"DROP USER IF EXISTS {user}{on}"
    yield f"DROP VIEW IF EXISTS {database}.{view_name(grantee.principal.principal_id)}{on}"
    for table, rule in TABLE_RULES.items():
        if rule != "open":
            yield f"DROP ROW POLICY IF EXISTS {user} ON {database}.{table}{on}"
