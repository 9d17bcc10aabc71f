"""Which state of the data an answer was made from, told without reading any."""

from __future__ import annotations

from collections.abc import Collection

from ..client import Store

BESIDE = frozenset({"audit", "corrections", "erasures", "principals"})
"""Tables that no query by name reads, some of which are written whenever one is asked."""

_PARTS = """
SELECT groupBitXor(cityHash64(table, name)), count() FROM system.parts
WHERE active AND database = currentDatabase() AND table NOT IN {beside:Array(String)}"""


def data_version(store: Store, beside: Collection[str] = BESIDE) -> str:
    """A name for what the tables hold now: equal names, equal data. Another one may stand for the same data, as after
    a merge in the background, or on another replica. Raises StoreError."""
    ((digest, count),) = store.rows(_PARTS, {"beside": sorted(beside)})
    return f"{int(digest):016x}-{int(count)}"
