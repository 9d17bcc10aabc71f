"""What asking costs, as the engine's query log has it: the same on every machine and in every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sinks.client import Store


class Cost(NamedTuple):
    """Statements sent, rows and bytes read for one question."""

    statements: int
    rows: int
    kib: int


_LOGGED = """
SELECT count(), sum(read_rows), intDiv(sum(read_bytes) + 1023, 1024) FROM system.query_log
WHERE type = 'QueryFinish' AND query_kind = 'Select' AND query_start_time_microseconds
      > fromUnixTimestamp64Micro({since:Int64}) AND query NOT ILIKE '%query_log%' AND query NOT ILIKE 'DESCRIBE%'"""


def cost(store: Store, ask: Callable[[], Any]) -> Cost:
    """What ``ask`` costs a store whose engine keeps a query log."""
    ((since,),) = store.rows("SELECT toUnixTimestamp64Micro(now64(6))")
    ask()
    store.command("SYSTEM FLUSH LOGS")
    ((statements, rows, kib),) = store.rows(_LOGGED, {"since": since})
    return Cost(int(statements), int(rows), int(kib))
