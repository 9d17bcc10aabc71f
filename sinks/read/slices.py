"""Large answers in parts: ranges of members in the order of their ids, so that memory does not grow with a scope and
a page of a province is as quick as one of a branch."""

from __future__ import annotations

from itertools import pairwise

from ..client import Store
from .macros import EVERYBODY, Context, Expansion, Span
from .query import Query
from .scope import Filters, Scope

FEWEST, MOST = 16, 512
"""Members of the first part of a page, which doubles from part to part, and of any part at most."""

_CUTS = """
WITH @homes
SELECT member_id FROM (
    SELECT member_id, row_number() OVER (ORDER BY member_id) AS n FROM (SELECT DISTINCT member_id FROM homes))
WHERE n % {every:UInt64} = 0
ORDER BY member_id"""


def parts(
    store: Store, query: Query, scope: Scope, filters: Filters, context: Context, *, page: bool = False
) -> list[Span]:
    """The ranges in which the answer is asked for, in order; together they hold every member, also those that no
    roster knows. One range for a query whose rows are not sorted by member, or that is about one member."""
    one = scope.member_id is not None or filters.member is not None or scope.detail == "aggregate"
    if one or not query.by_member:
        return [EVERYBODY]
    expansion = Expansion(scope, filters, context)
    sql = expansion.expand(_CUTS)
    found = [row[0] for row in store.rows(sql, expansion.parameters | {"every": FEWEST})]
    return spans(found, page=page)


def spans(every_sixteenth: list[str], *, page: bool) -> list[Span]:
    """Ranges that end at some of the given ids: parts of ``MOST`` members, those of a page begin with ``FEWEST``."""
    cuts, at, step = [], 0, 1 if page else MOST // FEWEST
    while at + step <= len(every_sixteenth):
        at += step
        cuts.append(every_sixteenth[at - 1])
        step = min(step * 2, MOST // FEWEST)
    return [Span(after, upto) for after, upto in pairwise([None, *cuts, None])]


def later(ranges: list[Span], since: str | None) -> list[Span]:
    """What is left of ranges from the member ``since`` on; all of them for None."""
    if since is None:
        return ranges
    first, *rest = [span for span in ranges if span.upto is None or span.upto >= since]
    return [Span(None, first.upto, since), *rest]
