"""What the SQL files of queries are written with, and the check that they are scoped.

``@homes`` defines the dated memberships that the scope and the filters leave (member_id, org_id, category, role,
status, since, until); ``@members(column)`` restricts a column to their members, so that the primary key prunes;
``@home(member, day)`` joins the membership of that day; ``@at_home(member, day)`` does where it restricts, for SQL that
does not say where. When a query is declared, every table about persons
that its SQL reads must stand under ``@members``: one that does not is an error at import time. Values never become
part of the SQL: the server binds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from schemas.days import LocalDays
from schemas.families import FAMILIES
from schemas.tables import TABLES

from .private import private_exams
from .scope import Filters, Scope, ScopeError

_ANONYMOUS = {f.table.name for f in FAMILIES.values() if f.anonymous}
_FAMILY_VIEWS = frozenset(f.view for f in FAMILIES.values() if f.view)
PERSONAL = (
    frozenset(t.name for t in TABLES.values() if t.personal and t.name not in _ANONYMOUS)
    | _FAMILY_VIEWS
    | {
        "v_members",
        "v_member_day",
        "v_answers",
        "v_branch_day",
        "v_headcount",
        "v_memberships",
        "branch_day",
        "homes",
    }
)
"""Tables and views that hold rows about persons, or figures about few of them."""
_FREE = frozenset({"homes"})
_CONCERNING = {f.table.name: f"@organisations({f.concerns})" for f in FAMILIES.values() if f.concerns}
"""Tables whose rows are about an organisation and may be read by it, by whoever may see that organisation."""


class QueryError(ScopeError):
    """A query is declared wrongly, or asked for something that it does not offer."""


class Context(NamedTuple):
    """What the store adds to a question: its active generation, the zone of its local days, and the imports whose
    memberships and tree hold, so that all parts of a question see the same roster."""

    generation: int
    days: LocalDays
    memberships: int = 0
    tree: int = 0


class Span(NamedTuple):
    """Members whose ids are after one, or from one on, and up to another; None is open."""

    after: str | None = None
    upto: str | None = None
    since: str | None = None


EVERYBODY = Span()

_MACRO = re.compile(r"@(\w+)(?:\(([^()]*)\))?")
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.IGNORECASE)


def check_scoped(template: str, where: str) -> None:
    """Raise QueryError unless every table about persons stands in a SELECT that is restricted by the scope."""
    used = {name for name, _ in _MACRO.findall(template)}
    if unknown := used - MACROS.keys():
        raise QueryError(f"unknown macro {', '.join(sorted(unknown))}", where=where)
    if "operator" in used:
        return
    tables = [(m.group(1), m.start()) for m in _TABLE.finditer(template) if m.group(1) in PERSONAL - _FREE]
    if "public" in used:
        if tables:
            raise QueryError(f"{tables[0][0]} is about persons and must not be public", where=where)
        return
    if "homes" not in used:
        raise QueryError("the SQL is not scoped: it lacks @homes, @operator or @public", where=where)
    if tables and not used & {"home", "placed_home", "at_home"} and "FROM homes" not in template:
        raise QueryError("the SQL never asks where a member belonged on the day: it lacks @home", where=where)
    for table, at in tables:
        around = _select_around(template, at)
        concerning = _CONCERNING.get(table, "@members(")
        if "@members(" not in around and not ("@organisations(" in around and concerning in template):
            raise QueryError(f"{table} is read without @members(…)", where=where)


def _select_around(template: str, at: int) -> str:
    """The text of the innermost parentheses around a position, without deeper ones."""
    depth, start = 0, 0
    for i in range(at - 1, -1, -1):
        depth += (template[i] == ")") - (template[i] == "(")
        if depth < 0:
            start = i + 1
            break
    text, depth = "", 0
    for character in template[start:]:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if depth == 0 or character in "(":
            text += character
    return text


_BELOW = """SELECT org_id FROM org_closure WHERE import_id = {tree:UInt64} AND ancestor_id = {%s:String}"""
_PERIOD = """
        SELECT org_id, ifNull(valid_from, toDate32('1900-01-01')) AS since,
               ifNull(valid_to, toDate32('2299-12-31')) AS until
        FROM org_closure FINAL WHERE import_id = {tree:UInt64} AND ancestor_id = {%s:String}"""


class Expansion:
    """Macros of one rendering, and the parameters that they bind."""

    def __init__(self, scope: Scope, filters: Filters, context: Context, span: Span = EVERYBODY) -> None:
        self.scope, self.filters, self.days, self.span = scope, filters, context.days, span
        self.parameters: dict[str, Any] = {
            "generation": context.generation,
            "timezone": context.days.name,
            "memberships": context.memberships,
            "tree": context.tree,
        }

    @property
    def placed(self) -> bool:
        """Whether only members with a membership on the day are meant."""
        return bool(self.scope.node or self.filters.org or self.filters.category)

    def bind(self, name: str, type_: str, value: Any) -> str:
        """Bind a value; returns its place holder."""
        self.parameters[name] = value
        return f"{{{name}:{type_}}}"

    def expand(self, template: str) -> str:
        """The template with its macros replaced."""

        def one(match: re.Match[str]) -> str:
            arguments = [a.strip() for a in match.group(2).split(",")] if match.group(2) else []
            return MACROS[match.group(1)](self, *arguments)

        return _MACRO.sub(one, template)

    def homes(self) -> str:
        """Common table expression of the memberships in scope."""
        conditions = ["import_id = {memberships:UInt64}"]
        if self.scope.member_id is not None:
            conditions.append(f"member_id = {self.bind('own_member', 'String', self.scope.member_id)}")
        if self.filters.member is not None:
            conditions.append(f"member_id = {self.bind('member', 'String', self.filters.member)}")
        conditions += self._inside("member_id")
        if self.filters.category is not None:
            conditions.append(f"category = {self.bind('category', 'String', self.filters.category)}")
        joins, since, until = "", ["m.since"], ["m.until"]
        for name, node in (("scope_node", self.scope.node), ("org", self.filters.org)):
            if node is not None:
                self.bind(name, "String", node)
                conditions.append(f"org_id IN ({_BELOW % name})")
                joins += f"\n    INNER JOIN ({_PERIOD % name}\n    ) AS {name} ON {name}.org_id = m.org_id"
                since.append(f"{name}.since")
                until.append(f"{name}.until")
        first = f"greatest({', '.join(since)})" if joins else "m.since"
        last = f"least({', '.join(until)})" if joins else "m.until"
        return f"""homes AS (
    SELECT m.member_id AS member_id, m.org_id AS org_id, m.category AS category, m.role AS role, m.status AS status,
           {first} AS since, {last} AS until
    FROM (
        SELECT member_id, org_id, category, role, status, since, until FROM memberships FINAL
        WHERE {" AND ".join(conditions)}
    ) AS m{joins}
    WHERE {first} < {last}
)"""

    def members(self, column: str) -> str:
        """Restrict ``column`` to the members in scope."""
        conditions = []
        if self.scope.member_id is not None:
            conditions.append(f"{column} = {self.bind('own_member', 'String', self.scope.member_id)}")
        if self.filters.member is not None:
            conditions.append(f"{column} = {self.bind('member', 'String', self.filters.member)}")
        conditions += self._inside(column)
        if self.placed:
            conditions.append(f"{column} IN (SELECT member_id FROM homes)")
        return " AND ".join(conditions) or "1"

    def _inside(self, column: str) -> list[str]:
        """Conditions that leave the members of the span."""
        conditions = []
        if self.span.after is not None:
            conditions.append(f"{column} > {self.bind('after', 'String', self.span.after)}")
        if self.span.since is not None:
            conditions.append(f"{column} >= {self.bind('since_member', 'String', self.span.since)}")
        if self.span.upto is not None:
            conditions.append(f"{column} <= {self.bind('upto', 'String', self.span.upto)}")
        return conditions

    def home(self, member: str, day: str) -> str:
        """Join the membership of the day as ``home``; without one, a row stays only if no place was asked for."""
        return self._join("INNER" if self.placed else "LEFT", member, day)

    def placed_home(self, member: str, day: str) -> str:
        """Join the membership of the day as ``home``; rows without one are left out."""
        return self._join("INNER", member, day)

    def at_home(self, member: str, day: str) -> str:
        """Leave rows with a membership of the day in scope; nothing is joined where no place was asked for, as nobody
        belongs to two organisations on one day."""
        return self._join("INNER", member, day) if self.placed else ""

    def _join(self, kind: str, member: str, day: str) -> str:
        return f"{kind} JOIN homes AS home ON home.member_id = {member} AND home.since <= {day} AND {day} < home.until"

    def on_days(self, column: str) -> str:
        """Restrict a local day to the period."""
        conditions = []
        if self.filters.first:
            conditions.append(f"{column} >= {self.bind('first', 'Date32', self.filters.first)}")
        if self.filters.last:
            conditions.append(f"{column} <= {self.bind('last', 'Date32', self.filters.last)}")
        return " AND ".join(conditions) or "1"

    def during(self, column: str) -> str:
        """Restrict an instant to the local days of the period."""
        conditions = []
        if self.filters.first:
            start, _ = self.days.span(self.filters.first, self.filters.first)
            conditions.append(f"{column} >= fromUnixTimestamp64Milli({self.bind('start_ms', 'Int64', start)}, 'UTC')")
        if self.filters.last:
            _, end = self.days.span(self.filters.last, self.filters.last)
            conditions.append(f"{column} < fromUnixTimestamp64Milli({self.bind('end_ms', 'Int64', end)}, 'UTC')")
        return " AND ".join(conditions) or "1"

    def overlapping(self, since: str, until: str) -> str:
        """Restrict ``[since, until)`` to those that have a day in the period."""
        conditions = []
        if self.filters.last:
            conditions.append(f"{since} <= {self.bind('last', 'Date32', self.filters.last)}")
        if self.filters.first:
            conditions.append(f"{until} > {self.bind('first', 'Date32', self.filters.first)}")
        return " AND ".join(conditions) or "1"

    def equal(self, column: str, name: str) -> str:
        """Restrict a column to the filter ``name``, if it is given."""
        value = getattr(self.filters, name)
        return "1" if value is None else f"{column} = {self.bind(name, 'String', value)}"

    def course_or_all(self) -> str:
        """The course asked for, '' where none is: whose rows stand for everything."""
        return self.bind("course", "String", self.filters.course or "")

    def any_day(self) -> str:
        """Whether days and courses are not restricted, so that whole attempts need not be looked for."""
        f = self.filters
        return "1" if f.first is None and f.last is None and f.course is None else "0"

    def organisations(self, column: str) -> str:
        """Restrict organisations to those that may be seen and are asked for, on any day."""
        conditions = []
        for name, node in (("scope_node", self.scope.node), ("org", self.filters.org)):
            if node is not None:
                self.bind(name, "String", node)
                conditions.append(f"{column} IN ({_BELOW % name})")
        if self.scope.detail == "own":
            conditions.append(f"{column} IN (SELECT org_id FROM homes)")
        return " AND ".join(conditions) or "1"

    def node(self, column: str) -> str:
        """The organisation asked for, else the column: what figures are rolled up to."""
        return column if self.filters.org is None else self.bind("org", "String", self.filters.org)

    def named(self, column: str, otherwise: str) -> str:
        """``column`` where the scope names members, else ``otherwise``."""
        return otherwise if self.scope.detail == "aggregate" else column

    def whole(self, column: str) -> str:
        """``column`` for the member itself and the operator, '' for others: what a line holds may be for them only."""
        return column if self.scope.detail == "own" or self.scope.operator else "''"

    def own_branch(self, org: str) -> str:
        """Only the member, or the organisation itself to which the member belonged: the scope's, or of the local
        operator the one asked for. Nothing for whoever stands above it."""
        if self.scope.detail == "own":
            return "1"
        nodes = {"scope_node": self.scope.node, "org": self.filters.org}
        same = [f"{org} = {self.bind(name, 'String', node)}" for name, node in nodes.items() if node is not None]
        return " AND ".join(same) or "0"

    def disclosed(self, kind: str, org: str) -> str:
        """Leave out events of families that are not for whoever asks about a member of ``org``."""
        if self.scope.detail == "own":
            return "1"
        closed = [f.name for f in FAMILIES.values() if f.audience == "self"]
        narrow = [f.name for f in FAMILIES.values() if f.audience == "branch"]
        return (
            f"NOT has({self.bind('closed_families', 'Array(String)', closed)}, {kind}) AND "
            f"(NOT has({self.bind('narrow_families', 'Array(String)', narrow)}, {kind}) OR ({self.own_branch(org)}))"
        )

    def private_attempt(self, exam: str) -> str:
        """Answers to an exam that the member alone is told of; see ``private.py``."""
        return f"{exam} IN ({private_exams()})"

    def attempt_disclosed(self, exam: str) -> str:
        """Leave out answers of such attempts where somebody else is told of single members."""
        return f"NOT {self.private_attempt(exam)}" if self.scope.detail == "named" else "1"

    def attempt_counted(self, exam: str) -> str:
        """The same for figures over answers, which count them unless one member or one exam is asked for."""
        one = self.filters.member is not None or self.filters.exam is not None
        return self.attempt_disclosed(exam) if one else "1"

    def groups(self) -> str:
        """Whether figures of whole organisations may be drawn: not when only one member's rows are read."""
        return "0" if self.scope.member_id is not None or self.filters.member is not None else "1"

    def operator(self) -> str:
        """Only for the local operator."""
        if not self.scope.operator:
            raise ScopeError("only a scope over everything, by name, may ask this")
        return "1"

    def public(self) -> str:
        """Nothing about persons: any scope may ask."""
        return "1"


MACROS: Mapping[str, Callable[..., str]] = {
    "homes": Expansion.homes,
    "members": Expansion.members,
    "home": Expansion.home,
    "placed_home": Expansion.placed_home,
    "at_home": Expansion.at_home,
    "on_days": Expansion.on_days,
    "during": Expansion.during,
    "overlapping": Expansion.overlapping,
    "equal": Expansion.equal,
    "course_or_all": Expansion.course_or_all,
    "any_day": Expansion.any_day,
    "organisations": Expansion.organisations,
    "node": Expansion.node,
    "named": Expansion.named,
    "whole": Expansion.whole,
    "own_branch": Expansion.own_branch,
    "disclosed": Expansion.disclosed,
    "private_attempt": Expansion.private_attempt,
    "attempt_disclosed": Expansion.attempt_disclosed,
    "attempt_counted": Expansion.attempt_counted,
    "groups": Expansion.groups,
    "operator": Expansion.operator,
    "public": Expansion.public,
}
