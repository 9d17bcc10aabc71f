"""A ClickHouse users file for one principal: the embedded engine then answers every request as that principal.

The engine has one user, ``default``, and no place to keep others; a server has its users by ``server.statements``, from
the same declaration. The file is for tests of the row filters and for handing somebody an engine of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from ..read.scope import Scope
from .declared import TABLE_RULES
from .filters import row_filter
from .server import LIMITS, readable


def users_config(scope: Scope, database: str = "default", *, also: Iterable[str] = ()) -> str:
    """The file's text: filters on every table, grants on what the level of detail may read, ``readonly`` and limits.

    ``also``: further views that are granted, such as the principal's own. Raises nothing.
    """
    filters = []
    for table in TABLE_RULES:
        condition = row_filter(table, scope, database)
        if condition is not None:
            filters.append(f"<{table}><filter>{escape(condition)}</filter></{table}>")
    granted = [*readable(scope.detail), *also]
    grants = "".join(f"<query>GRANT SELECT ON {database}.{name}</query>" for name in granted)
    limits = "".join(f"<{name}>{value}</{name}>" for name, value in LIMITS.items())
    return (
        "<clickhouse>\n"
        f"  <profiles><default>{limits}<readonly>2</readonly></default></profiles>\n"
        "  <quotas><default/></quotas>\n"
        "  <users><default>\n"
        "    <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>\n"
        f"    <grants>{grants}</grants>\n"
        f"    <databases><{database}>{''.join(filters)}</{database}></databases>\n"
        "  </default></users>\n"
        "</clickhouse>\n"
    )
