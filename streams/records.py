"""What arrives from Kafka, as plain values: records, and batches of one partition. Knows nothing of Faust."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Record(NamedTuple):
    """One Kafka message. A tuple, not a dataclass: it's made once a message, on the busiest path there is.

    ``timestamp_ms``: ms since the epoch, UTC; with LogAppendTime the broker's time of receipt.
    ``value``: one event or several of one member (NDJSON), as sent; None is a tombstone.
    """

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition in offset order, at least one; offsets may have gaps (compaction, markers)."""

    topic: str
    partition: int
    records: Sequence[Record]

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def last_offset(self) -> int:
        return self.records[-1].offset

    @property
    def next_offset(self) -> int:
        """What is committed once the batch is durable: the offset to read from next."""
        return self.records[-1].offset + 1

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return sum(len(r.value) for r in self.records if r.value is not None)

    def __len__(self) -> int:
        return len(self.records)


Rest = Callable[[], Awaitable[None]]
"""What is left to do until a batch is durable."""

Handler = Callable[[Sequence[RecordBatch]], Awaitable[Rest | None]]
"""Takes what is ready from the partitions of one topic, each partition in offset order.

It returns None only when everything in the batches is durable; then their offsets may be committed. Or it returns
what is left to do for that: the next call may come before it is done, but rests are done one at a time, in order.
Raising stops the process without committing them: whatever a handler can deal with (a bad line, a store that is
away), it deals with itself. The same records may come again, after a restart or when partitions move.
"""

PartitionSet = frozenset[tuple[str, int]]
"""Set of (topic, partition)."""
