"""What a collector tells Prometheus."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .outlet import Outlet

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """Counters of one collector process; the labels that are frequent are kept at hand."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        new: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("xuejing_collector_requests", "Requests by HTTP status", ["status"], **new)
        self.accepted = Counter("xuejing_collector_accepted_events", "Events acknowledged, by app", ["app"], **new)
        self.rejected = Counter("xuejing_collector_rejected_events", "Events rejected, by reason", ["reason"], **new)
        self.refused = Counter("xuejing_collector_refused_requests", "Requests refused, by reason", ["reason"], **new)
        self.seconds = Histogram(
            "xuejing_collector_acknowledge_seconds", "From a request to its acknowledgement", buckets=SECONDS, **new
        )
        self.journal = Gauge("xuejing_collector_journal_bytes", "Size of the journal", **new)
        self.segments = Gauge("xuejing_collector_journal_segments", "Segments that are still needed", **new)
        self.connected = Gauge("xuejing_collector_kafka_connected", "1 while Kafka takes events", **new)

    def text(self, outlet: Outlet) -> bytes:
        """All of them, as Prometheus reads them."""
        self.journal.set(outlet.journal.size)
        self.segments.set(outlet.backlog)
        self.connected.set(outlet.connected)
        return generate_latest(self.registry)
