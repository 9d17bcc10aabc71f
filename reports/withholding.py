"""What a scope of aggregates may ask, and which rows of the answer it gets: the one policy for small groups. Pure.

Two things give a small group away: a figure about it, and two figures whose difference is about it. The first is
hidden. Against the second, what can be asked is limited to cells that either don't overlap – whole quarters, days,
one organisation – or are the parts of a tree, whose hidden cells ``measures.suppression`` protects; the reasons are
in docs/decisions/0016.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, NamedTuple

import polars as pl

from reports.measures.suppression import suppress
from schemas.errors import InputError
from schemas.families import FAMILIES
from schemas.reference import Roster
from sinks.read import Filters, Scope, ScopeError

Kind = Literal["free", "days", "whole", "parts"]
Cell = tuple[str, str]
"""An organisation, and 'own' for its own members or 'all' with what is below it."""


class Rule(NamedTuple):
    """How a query is asked for aggregates.

    ``kind``: ``free`` nothing in it is about groups of persons; ``days`` cells of the tree, day by day; ``whole`` about
    the scope's organisation as a whole in a quarter; ``parts`` about its parts in a quarter, suppressed by the query
    itself. ``size``: column with the members behind a row. ``refused``: filters that would split a group.
    ``single``: columns that tell something about one member, left empty. ``counted``: a column with a number of
    answers, and those beside it that are left empty where fewer than k answers are behind them. ``always``: so for
    everybody who asks, because nobody sees the rows behind it. ``reported``: organisations above tell sums of the same
    in their reports, from which nothing may be subtracted.
    """

    kind: Kind
    size: str = ""
    refused: frozenset[str] = frozenset()
    single: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    always: bool = False
    reported: bool = False


_SPLITS = frozenset({"member", "category"})
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        (
            "organisations",
            "freshness",
            "calibrations",
            "calibrations-before",
            "thresholds",
            "metrics",
            "improvements",
        ),
        Rule("free"),
    ),
    "branch-day": Rule("days", "active_members", _SPLITS | {"course"}),
    "questions": Rule(
        "whole", "members", _SPLITS | {"exam"}, counted=("most_chosen_wrong_answers", "most_chosen_wrong")
    ),
    "wrong-questions": Rule(
        "whole", "members", _SPLITS | {"exam"}, ("first_wrong_at", "last_wrong_at", "last_wrong_response")
    ),
    "items": Rule("whole", "n", _SPLITS | {"course"}),
    "item-options": Rule("whole", "n", _SPLITS | {"course"}),
    "tests": Rule("whole", "n", _SPLITS | {"course"}),
    "gain": Rule("whole", "members", _SPLITS | {"course"}),
    "branches": Rule("parts", "", _SPLITS | {"course"}),
    "credit-branches": Rule("parts", "", _SPLITS),
    "survey-answers": Rule("whole", "total", _SPLITS | {"course"}, always=True, reported=True),
    **{
        f.counts.name: Rule("parts", "", _SPLITS, always=f.audience == "self")
        for f in FAMILIES.values()
        if f.counts and f.counts.upward
    },
    "competence-branches": Rule("parts", "", _SPLITS),
    "organisation-map": Rule("parts", "", _SPLITS),
}
"""Queries that a scope of aggregates may ask, by name. All others are refused."""


_NOTES: Mapping[Kind, str] = {
    "free": "as it is",
    "days": "days that are over, over all courses; small groups have no figures",
    "whole": "the scope's organisation as a whole, a quarter that is over; rows about few are left out",
    "parts": "a quarter that is over; small parts are withheld",
}


def notes() -> dict[str, str]:
    """By query, how scopes of aggregates may ask it, for the documentation."""
    return {name: _NOTES[rule.kind] for name, rule in RULES.items()}


def always(name: str) -> bool:
    """Whether the query is answered to everybody as to a scope of aggregates."""
    return name in RULES and RULES[name].always


SUMS = {
    f.rows.name: f.counts.name for f in FAMILIES.values() if f.rows and f.counts and f.counts.upward
} | {"competence": "competence-branches", "credit": "credit-branches", "credit-ledger": "credit-branches",
     "improvement-steps": "improvements"}  # fmt: skip
"""Query about members → the one that a scope of aggregates may ask about the same."""


def check(name: str, scope: Scope, filters: Filters, today: date, called: str = "") -> None:
    """Raise ScopeError or InputError for what a scope of aggregates may not ask. ``today``: local day; ``called``:
    what the errors call it instead of the query."""
    if name not in RULES:
        hint = f"ask {SUMS[name]}" if name in SUMS else "ask branch-day or branches"
        raise ScopeError(f"{name} can't be asked for aggregates: it is about single members", hint=hint)
    rule, given = RULES[name], filters.given()
    # "" stands for all courses together.
    split = sorted(n for n in given & rule.refused if not (n == "course" and filters.course == ""))
    if split:
        raise ScopeError(
            f"aggregates can't be asked by {', '.join(split)}: the difference of two answers would be about few",
            hint="ask without it",
        )
    if rule.kind not in ("whole", "parts"):
        return
    if filters.org not in (None, scope.node):
        raise ScopeError(
            f"aggregates of {called or name} are asked of the scope's organisation as a whole",
            hint="leave out --org, or name the organisation of the scope",
        )
    if filters.first is None or filters.last is None or not _quarter(filters.first, filters.last, today):
        raise InputError(
            f"aggregates of {called or name} are asked by whole quarters that are over",
            where="--from/--to",
            hint="--from 2026-01-01 --to 2026-03-31",
        )


def _quarter(first: date, last: date, today: date) -> bool:
    """Whether the days are those of one calendar quarter, which is over."""
    year, month = (first.year, first.month + 3) if first.month < 10 else (first.year + 1, 1)
    starts = first.day == 1 and first.month in (1, 4, 7, 10)
    return starts and last == date(year, month, 1) - timedelta(days=1) and last < today


def large_enough(name: str, frame: pl.DataFrame, k: int) -> pl.DataFrame:
    """Rows of a ``whole`` query about k members or more, without what is about one of them."""
    rule = RULES[name]
    found = frame.filter(pl.col(rule.size) >= k) if rule.size else frame
    found = found.with_columns(pl.lit(None, frame.schema[c]).alias(c) for c in rule.single)
    if not rule.counted:
        return found
    # A wrong answer that one or two chose is theirs.
    enough = pl.col(rule.counted[0]) >= k
    return found.with_columns(pl.when(enough).then(pl.col(c)).alias(c) for c in rule.counted)


def shown_days(
    frame: pl.DataFrame, everywhere: pl.DataFrame, roster: Roster, org: str | None, k: int, today: date
) -> pl.DataFrame:
    """Rows of ``branch-day`` on days that are over; those of cells to hide without their figures.

    ``frame``: rows of own members by organisation or, with ``org``, of that organisation and what is below it.
    ``everywhere``: rows of own members of all organisations on the same days, over all courses: what is hidden
    depends on them and not on who asks, so that two principals together see no more than one.
    """
    over = frame.filter((pl.col("day") < today) & (pl.col("course_id") == ""))
    active: dict[date, dict[str, int]] = {}
    for own, day, n in everywhere.filter(course_id="").select("org_id", "day", "active_members").iter_rows():
        active.setdefault(day, {})[own] = n
    part = "own" if org is None else "all"
    shown = {day: shown_cells(active.get(day, {}), roster, day, k) for day in over["day"].unique()}
    keep = [(o, part) in shown[day] for o, day in over.select("org_id", "day").iter_rows()]
    figures = [c for c in over.columns if c not in ("org_id", "course_id", "day")]
    visible = pl.Series(keep, dtype=pl.Boolean)
    return over.with_columns(pl.when(visible).then(pl.col(c)).otherwise(None).alias(c) for c in figures)


def shown_cells(active: Mapping[str, int], roster: Roster, day: date, k: int) -> frozenset[Cell]:
    """Cells of one day that may be shown. ``active``: active members by the organisation that they belong to."""
    sizes, parents = cells(active, roster, day)
    keys = {cell: "\0".join(cell) for cell in sizes}
    above = {keys[cell]: None if parent is None else keys[parent] for cell, parent in parents.items()}
    verdicts = suppress({keys[cell]: n for cell, n in sizes.items()}, above, k)
    return frozenset(cell for cell, key in keys.items() if verdicts[key] == "show")


def cells(active: Mapping[str, int], roster: Roster, day: date) -> tuple[dict[Cell, int], dict[Cell, Cell | None]]:
    """The table of one day: members behind each cell, and the cell whose part it is. The parts of an organisation are
    its own members and the organisations below it."""
    sizes: dict[Cell, int] = {}
    parents: dict[Cell, Cell | None] = {}
    stack: list[tuple[str, Cell | None]] = [(root, None) for root in roster.roots(day)]
    order: list[str] = []
    while stack:
        org, above = stack.pop()
        order.append(org)
        parents[org, "all"], parents[org, "own"] = above, (org, "all")
        stack += [(child, (org, "all")) for child in roster.children(org, day)]
    for org in active.keys() - set(order):  # an organisation that has members, but no place in the tree that day
        order.append(org)
        parents[org, "all"], parents[org, "own"] = None, (org, "all")
    for org in order:
        sizes[org, "own"] = active.get(org, 0)
        sizes[org, "all"] = 0
    for org in order:
        cell: Cell | None = (org, "all")
        while cell is not None:
            sizes[cell] += sizes[org, "own"]
            cell = parents[cell]
    return sizes, parents
