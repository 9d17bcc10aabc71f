"""One record for each (partition, poll): what takes Faust's cost per message away.

Faust hands records over one by one, at about 80 microseconds each. Its public setting ``ConsumerScheduler`` decides
what a poll is turned into; this one turns the records of a partition into a single record whose value is the
list of them. Topics that aren't ours (Faust's own) go through untouched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from faust.transport.utils import DefaultSchedulingStrategy

from streams.faust_shell.ledger import Run
from streams.records import Record


class RunRecord:
    """What Faust's consumer expects of a record; its value is the run, its offset the last one."""

    __slots__ = ("offset", "partition", "timestamp", "timestamp_type", "topic", "value")
    key = None
    headers = None
    checksum = None
    serialized_key_size = -1

    def __init__(self, run: Run, last: Record) -> None:
        self.topic, self.partition, self.offset = run.topic, run.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp_ms, 0
        self.value = run

    @property
    def serialized_value_size(self) -> int:
        return self.value.size


def run_scheduler(topics: Collection[str], max_records: int, max_bytes: int) -> type[DefaultSchedulingStrategy]:
    """A scheduler class for these topics; no run holds more than ``max_records`` or much more than ``max_bytes``."""
    mine = frozenset(topics)

    class RunScheduler(DefaultSchedulingStrategy):
        def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, Any]]:
            others = {}
            for tp, fetched in records.items():
                if tp.topic in mine:
                    yield from ((tp, record) for record in cut(tp.topic, tp.partition, fetched, max_records, max_bytes))
                else:
                    others[tp] = fetched
            if others:
                yield from super().iterate(others)

    return RunScheduler


def cut(topic: str, partition: int, fetched: list[Record], max_records: int, max_bytes: int) -> Iterator[RunRecord]:
    """Runs of records, in order."""
    sizes = [len(r.value) if r.value is not None else 0 for r in fetched]
    total = sum(sizes)
    if len(fetched) <= max_records and total <= max_bytes:
        if fetched:
            yield RunRecord(Run(topic, partition, fetched, total), fetched[-1])
        return
    start = size = 0
    for i, one in enumerate(sizes):
        if i > start and (i - start >= max_records or size + one > max_bytes):
            yield RunRecord(Run(topic, partition, fetched[start:i], size), fetched[i - 1])
            start, size = i, 0
        size += one
    yield RunRecord(Run(topic, partition, fetched[start:], size), fetched[-1])
