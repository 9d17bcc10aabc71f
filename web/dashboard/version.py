"""What changes in the store whenever a page may: a query that costs next to nothing."""

from __future__ import annotations

from collections.abc import Hashable

from sinks.client import Store

_VERSION = """
SELECT (SELECT (count(), sum(lines), max(received_at)) FROM ledger),
       (SELECT (count(), max(import_id)) FROM imports),
       (SELECT count() FROM generations),
       (SELECT count() FROM calibrations)"""


def store_version(store: Store) -> Hashable:
    """A value that differs when events, the roster, the catalogue, definitions or calibrations do.

    The ledger is what a batch writes last: when it changes, everything that the batch changed can be read.
    """
    return str(store.rows(_VERSION))
