"""What a review of the commands asked for, on twins of the broker and the store."""

from __future__ import annotations

from typing import Any, cast

from commands.rejected import retry
from producers.kafka_client import EventProducer
from schemas.tables import REJECTED
from sinks.clickhouse import ClickHouseSink
from sinks.memory import MemorySink
from streams.records import Record, RecordBatch
from tests.support.harness import Harness, event

AT = "2026-03-01T10:10:00+08:00"


class Sent:
    """A producer that keeps what it was given."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[bytes], int, tuple[tuple[str, bytes], ...]]] = []

    def send(self, member_id: str, lines: list[bytes], *, received_at_ms: int, headers: Any = ()) -> None:
        self.messages.append((member_id, lines, received_at_ms, tuple(headers)))

    def flush(self) -> None: ...


def test_a_retry_sends_time_of_receipt_and_clock_error_as_they_were() -> None:
    h, producer = Harness(), Sent()
    received = 1_790_000_000_001
    line = event(1, "study", AT, member="m9", duration_ms=60_000)
    headers = (("xj-received", str(received).encode()), ("xj-skew", b"-90000"))
    h.deliver(RecordBatch("events", 0, [Record(0, received, b"m", line, headers)]))
    sink: MemorySink = h.sink
    retry(cast("EventProducer", producer), cast("ClickHouseSink", sink), sink.rows(REJECTED))
    assert producer.messages == [("m9", [line], received, (("xj-skew", b"-90000"),))]
    assert [r["status"] for r in sink.rows(REJECTED)] == ["retried"]
