"""Row filters: what a scope may see of each table, as a condition that the database puts on every read.

The same dated rule as that of ``sinks.read.macros``: a member's row is seen where the member belonged on its day to
the node of the scope or to what was below it on that day. Filters stand in the server's access rules, where nothing
is bound: values are written into them as literals.
"""

from __future__ import annotations

from ..read.scope import Scope
from .declared import TABLE_RULES, Rule

_SINCE_EVER, _FURTHER = "toDate32('1900-01-01')", "toDate32('2299-12-31')"


def literal(value: str) -> str:
    """``value`` as a SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def row_filter(table: str, scope: Scope, database: str = "default") -> str | None:
    """The condition for a table of ``schemas.tables``; None where every row may be seen. ``database``: where the
    tables are. A scope of aggregates sees no row about a person: its figures are drawn by the program."""
    rule = TABLE_RULES[table]
    if rule == "open":
        return None
    if rule == "closed":
        return "0"
    if scope.detail == "own":
        return _own(rule, scope, database)
    personal = rule in ("person_day", "answer_day", "branch_day", "membership", "organisation_day")
    if rule == "self_day" or (scope.detail == "aggregate" and personal):
        return "0"
    if scope.node is None:
        # Nobody stands for all branches at once.
        return "0" if rule == "branch_day" else _listed(database) if rule == "answer_day" else None
    below = _below(table, rule, scope.node, database)
    return f"{_listed(database)} AND {below}" if rule == "answer_day" else below


def _listed(database: str) -> str:
    return f"(exam_id = '' OR exam_id IN (SELECT exam_id FROM {database}.v_exams))"


def _own(rule: Rule, scope: Scope, database: str) -> str:
    member = literal(scope.member_id or "")
    if rule in ("person_day", "answer_day", "branch_day", "self_day", "membership"):
        return f"member_id = {member}"
    if rule in ("organisation", "closure"):
        latest = _latest("memberships", database)
        return (
            f"org_id IN (SELECT org_id FROM {database}.memberships WHERE import_id = {latest} AND member_id = {member})"
        )
    return "0"


def _below(table: str, rule: Rule, node: str, database: str) -> str:
    if rule == "closure":
        return f"ancestor_id = {literal(node)}"
    if rule in ("person_day", "answer_day"):
        # The set prunes by primary key; the periods are exact.
        return f"member_id IN ({_members(node, database)}) AND {_on_day('member_id', _homes(node, database))}"
    if rule == "branch_day":
        return f"member_id IN ({_belonging(node, database)}) AND {_on_day('member_id', _own_homes(node, database))}"
    orgs = f"org_id IN (SELECT org_id FROM {database}.org_closure WHERE ancestor_id = {literal(node)})"
    periods = _periods(node, database)
    if rule == "organisation_day":
        return f"{orgs} AND {_on_day('org_id', periods)}"
    if rule == "membership":
        since, until = ("since", "until") if table == "memberships" else ("valid_from", "valid_to")
        begins, ends = f"ifNull({since}, {_SINCE_EVER})", f"ifNull({until}, {_FURTHER})"
        return f"{orgs} AND arrayExists(p -> p.1 < {ends} AND {begins} < p.2, {_found('org_id', periods)})"
    return orgs


def _on_day(key: str, periods: str) -> str:
    return f"arrayExists(p -> p.1 <= day AND day < p.2, {_found(key, periods)})"


def _found(key: str, pairs: str) -> str:
    """Of (keys, periods of each), the periods of ``key``; none for one that is not there. Keys are hashed."""
    return f"arrayElement({pairs}.2, transform({key}, {pairs}.1, arrayEnumerate({pairs}.1), toUInt32(0)))"


def _latest(table: str, database: str) -> str:
    return (
        f"(SELECT max(import_id) FROM {database}.{table} WHERE import_id IN "
        f"(SELECT import_id FROM {database}.imports WHERE kind = 'roster'))"
    )


def _closure(node: str, database: str) -> str:
    return (
        f"SELECT org_id, ifNull(valid_from, {_SINCE_EVER}) AS begins, ifNull(valid_to, {_FURTHER}) AS ends "
        f"FROM {database}.org_closure FINAL WHERE ancestor_id = {literal(node)} "
        f"AND import_id = {_latest('org_closure', database)}"
    )


def _periods(node: str, database: str) -> str:
    return (
        "(SELECT (groupArray(id), groupArray(periods)) FROM (SELECT org_id AS id, "
        f"groupArray((begins, ends)) AS periods FROM ({_closure(node, database)}) GROUP BY id))"
    )


def _joined(node: str, database: str) -> str:
    return (
        f"FROM (SELECT member_id, org_id, since, until FROM {database}.memberships FINAL "
        f"WHERE import_id = {_latest('memberships', database)}) AS m "
        f"INNER JOIN ({_closure(node, database)}) AS c ON c.org_id = m.org_id "
        "WHERE greatest(m.since, c.begins) < least(m.until, c.ends)"
    )


def _members(node: str, database: str) -> str:
    return f"SELECT m.member_id {_joined(node, database)}"


def _belonging(node: str, database: str) -> str:
    return f"SELECT m.member_id {_itself(node, database)}"


def _itself(node: str, database: str) -> str:
    return f"{_joined(node, database)} AND m.org_id = {literal(node)}"


def _own_homes(node: str, database: str) -> str:
    return _periods_of_members(_itself(node, database))


def _homes(node: str, database: str) -> str:
    return _periods_of_members(_joined(node, database))


def _periods_of_members(joined: str) -> str:
    return (
        "(SELECT (groupArray(id), groupArray(periods)) FROM (SELECT m.member_id AS id, "
        f"groupArray((greatest(m.since, c.begins), least(m.until, c.ends))) AS periods {joined} GROUP BY id))"
    )
