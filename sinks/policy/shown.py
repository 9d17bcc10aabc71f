"""Aggregates for SQL: one view for each principal that sees no persons, which the server reads in the program's name.

SQL can't search for the fewest cells to hide, as ``reports.measures.suppression`` does; the view hides more: on a day
on which one of the parts of an organisation – its own members, an organisation below it – has active members, but
fewer than k, none of its parts is shown, nor anything below them. What it shows is shown by the query API too, so that
the two together tell nothing that one of them hides.
"""

from __future__ import annotations

from .filters import literal

_FIGURES = (
    "active_members", "study_seconds", "sessions", "answers", "graded", "correct", "score", "max_score",
    "response_ms", "timed_answers", "wrong_questions", "events",
)  # fmt: skip
_DATED = (
    "ifNull({t}.valid_from, toDate32('1900-01-01')) <= {d}.day "
    "AND {d}.day < ifNull({t}.valid_to, toDate32('2299-12-31'))"
)


def view_name(principal_id: str) -> str:
    """Name of a principal's view."""
    return f"shown_branch_day_{principal_id}"


def shown_view(principal_id: str, node: str | None, *, database: str = "default", on: str = "", k: int = 5) -> str:
    """The statement that makes the view; see ``shown_select``."""
    return (
        f"CREATE OR REPLACE VIEW {database}.{view_name(principal_id)}{on} DEFINER = CURRENT_USER SQL SECURITY DEFINER "
        f"AS {shown_select(node, database=database, k=k)}"
    )


def shown_select(node: str | None, *, database: str = "default", k: int = 5) -> str:
    """Figures of organisations on days that are over, over all courses: ``part`` 'own' of an organisation's own
    members, 'all' with what is below it. Members are counted as those who were active."""
    sums = ", ".join(f"sum(o.{name}) AS {name}" for name in _FIGURES)
    own = ", ".join(f"o.{name} AS {name}" for name in _FIGURES)
    within = (
        ""
        if node is None
        else f" AND (org_id, day) IN (SELECT c.org_id, d.day FROM days AS d CROSS JOIN {database}.v_org_closure AS c "
        f"WHERE c.ancestor_id = {literal(node)} AND {_DATED.format(t='c', d='d')})"
    )
    return f"""
WITH
    own AS (
        SELECT org_id, day, {", ".join(_FIGURES)} FROM {database}.v_branch_day
        WHERE course_id = '' AND day < toDate(now(), (SELECT any(timezone) FROM {database}.v_generation))
    ),
    days AS (SELECT DISTINCT day FROM own),
    whole AS (
        SELECT c.ancestor_id AS org_id, o.day AS day, {sums}
        FROM own AS o INNER JOIN {database}.v_org_closure AS c ON c.org_id = o.org_id
        WHERE {_DATED.format(t="c", d="o")}
        GROUP BY org_id, day
    ),
    above AS (
        SELECT w.org_id AS org_id, w.day AS day, w.active_members AS active_members, t.parent_id AS parent_id
        FROM whole AS w INNER JOIN {database}.v_organisations AS t ON t.org_id = w.org_id
        WHERE {_DATED.format(t="t", d="w")}
    ),
    broken AS (
        SELECT org_id, day FROM own WHERE active_members < {k}
        UNION DISTINCT
        SELECT parent_id AS org_id, day FROM above WHERE active_members < {k} AND parent_id != ''
    ),
    hidden AS (
        SELECT DISTINCT c.org_id AS org_id, b.day AS day
        FROM broken AS b INNER JOIN {database}.v_org_closure AS c ON c.ancestor_id = b.org_id
        WHERE {_DATED.format(t="c", d="b")}
    )
SELECT org_id, part, day, {", ".join(_FIGURES)}
FROM (
    SELECT o.org_id AS org_id, 'own' AS part, o.day AS day, {own}
    FROM own AS o WHERE (o.org_id, o.day) NOT IN (SELECT org_id, day FROM hidden)
    UNION ALL
    SELECT o.org_id AS org_id, 'all' AS part, o.day AS day, {own}
    FROM whole AS o
    WHERE o.active_members >= {k} AND (o.org_id, o.day) NOT IN (
        SELECT a.org_id, a.day FROM above AS a WHERE (a.parent_id, a.day) IN (SELECT org_id, day FROM hidden))
)
WHERE 1{within}"""
