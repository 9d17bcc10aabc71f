"""What leaves the member pipeline, onto Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa

from producers.kafka_client import EventProducer, partition_for
from schemas.days import day_number
from schemas.decode import SKEW_HEADER
from streams.admission import Homes
from streams.contributions import again, encode

MESSAGE_BYTES = 800_000
MESSAGE_ROWS = 4_000


class Contributions:
    """The topic that branches read. Not thread-safe.

    Contributions travel many in a message, together with others for branches of the same partition: thousands of small
    ones would cost the worker more than what they say."""

    def __init__(self, producer: EventProducer) -> None:
        self.producer = producer
        self._homes = Homes(lambda org_id: partition_for(org_id, producer.partitions))

    def send(self, rows: pa.Table) -> None:
        """Send rows of ``streams.contributions.SCHEMA``; returns before they are acknowledged."""
        partition = np.array([self._homes.of(org_id) for org_id in rows["org_id"].to_pylist()], np.int64)
        for number in np.unique(partition).tolist():
            mine = rows.filter(pa.array(partition == number))
            for start in range(0, mine.num_rows, MESSAGE_ROWS):
                self._put(number, mine.slice(start, MESSAGE_ROWS))

    def ask_again(self, days: Iterable[tuple[int, str, date]]) -> None:
        """Have branches' days (generation, organisation, local day) computed again from the store."""
        numbered = [(generation, org_id, day_number(day)) for generation, org_id, day in days]
        if numbered:
            self.send(again(numbered))

    def _put(self, partition: int, rows: pa.Table) -> None:
        value, half = encode(rows), rows.num_rows // 2
        if len(value) > MESSAGE_BYTES and half:
            self._put(partition, rows.slice(0, half))
            self._put(partition, rows.slice(half))
        else:
            self.producer.put(rows["org_id"][0].as_py(), value, partition)


class KafkaOutbox:
    """``streams.pipeline.Outbox`` on two producers. Not thread-safe."""

    def __init__(self, events: EventProducer, contributions: EventProducer) -> None:
        self.events, self.contributions = events, Contributions(contributions)

    def forward(self, member_id: str, line: bytes, received_ms: int, skew_ms: int) -> None:
        """See ``streams.pipeline.Outbox``."""
        headers = ((SKEW_HEADER, str(skew_ms).encode()),) if skew_ms else ()
        self.events.send(member_id, [line], received_at_ms=received_ms, headers=headers)

    def contribute(self, rows: pa.Table) -> None:
        """See ``streams.pipeline.Outbox``."""
        self.contributions.send(rows)

    def flush(self) -> None:
        """See ``streams.pipeline.Outbox``."""
        self.events.flush(120)
        self.contributions.producer.flush(120)
