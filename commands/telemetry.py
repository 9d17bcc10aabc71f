"""What a worker tells about itself: Prometheus metrics, readiness and liveness, and the probe."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from producers.kafka_admin import lag
from producers.kafka_client import EventProducer, partition_for
from schemas.decode import PROBE_HEADER
from schemas.errors import XuejingError
from schemas.settings import Settings
from sinks.clickhouse import ClickHouseSink
from streams.pipeline import Tally

log = logging.getLogger(__name__)

LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Telemetry:
    """The metrics of one worker process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        new: dict[str, Any] = {"registry": self.registry}
        self.lines = Counter("xuejing_lines", "lines by verdict", ["verdict"], **new)
        self.rejected = Counter("xuejing_rejected", "rejected lines by reason", ["reason"], **new)
        self.batch = Histogram(
            "xuejing_batch_lines", "lines in a batch", buckets=(1, 10, 100, 1000, 10_000, 100_000), **new
        )
        self.seconds = Counter("xuejing_step_seconds", "time by step of processing", ["step"], **new)
        self.last = Gauge("xuejing_last_batch_timestamp_seconds", "when the last batch was durable", **new)
        self.lag = Gauge("xuejing_lag_messages", "messages not yet processed", ["topic", "partition"], **new)
        self.latency = Histogram(
            "xuejing_event_to_visible_seconds", "probe: from sending to visible", buckets=LATENCY, **new
        )
        self.waiting = Gauge("xuejing_store_waiting_seconds", "how long the store has been away", **new)
        self.members = Gauge("xuejing_cached_members", "members whose facts are in memory", **new)

    def batch_done(self, tally: Tally, cached: int) -> None:
        """Count a batch that is durable."""
        for verdict in ("new", "duplicates", "redelivered", "forwarded"):
            self.lines.labels(verdict).inc(getattr(tally, verdict))
        for reason, count in tally.rejected.items():
            self.rejected.labels(reason).inc(count)
        for step, seconds in tally.seconds.items():
            self.seconds.labels(step).inc(seconds)
        self.batch.observe(tally.lines)
        self.last.set(time.time())
        self.members.set(cached)


class Health:
    """Ready: partitions are assigned and the store is not away. Alive: the process answers at all."""

    def __init__(self, sink: ClickHouseSink) -> None:
        self.sink, self.assigned = sink, False

    def state(self) -> dict[str, Any]:
        """What ``/ready`` answers."""
        away = self.sink.waiting_since
        return {
            "ready": self.assigned and away is None,
            "assigned": self.assigned,
            "store_away_seconds": None if away is None else round(time.time() - away, 1),
        }


def serve(telemetry: Telemetry, health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Answer ``/metrics``, ``/ready`` and ``/live`` in a thread. Raises OSError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        routes: ClassVar[dict[str, Callable[[], tuple[int, str, bytes]]]] = {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, _metrics(telemetry, health)),
            "/live": lambda: (200, "application/json", b'{"alive": true}'),
            "/ready": lambda: _ready(health),
        }

        def do_GET(self) -> None:
            """Answer one request."""
            status, kind, body = self.routes.get(self.path, lambda: (404, "text/plain", b"not found"))()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Scrapes are not worth a line each."""

    server = ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="telemetry", daemon=True).start()
    return server


def _metrics(telemetry: Telemetry, health: Health) -> bytes:
    telemetry.waiting.set(health.state()["store_away_seconds"] or 0)
    return generate_latest(telemetry.registry)


def _ready(health: Health) -> tuple[int, str, bytes]:
    state = health.state()
    return (200 if state["ready"] else 503), "application/json", json.dumps(state).encode()


class Probe(threading.Thread):
    """Sends a probe to every partition now and then, and measures until it is visible in the store."""

    def __init__(
        self, settings: Settings, telemetry: Telemetry, sink: ClickHouseSink, producer: EventProducer, every: float
    ) -> None:
        super().__init__(name="probe", daemon=True)
        self.settings, self.telemetry, self.sink, self.producer = settings, telemetry, sink, producer
        self.every = every
        self.stopped = threading.Event()

    def run(self) -> None:
        """Until ``stopped``; trouble is logged once a round: the stream itself reports it in full."""
        while not self.stopped.wait(self.every):
            try:
                for seconds in measure(self.sink, self.producer, timeout=60):
                    self.telemetry.latency.observe(seconds)
                self._lag()
            except XuejingError as error:
                log.warning("probe: %s", error)

    def _lag(self) -> None:
        s = self.settings
        for topic in (s.events_topic, s.contributions_topic):
            behind = lag(s.kafka_bootstrap, s.consumer_group, topic, security=s.kafka_security())
            for partition, count in behind.items():
                self.telemetry.lag.labels(topic, str(partition)).set(count)


def measure(sink: ClickHouseSink, producer: EventProducer, *, timeout: float) -> list[float]:
    """Seconds from sending to visible, one for each partition's probe that came through within ``timeout``.

    Raises XuejingError when none did.
    """
    name = f"{time.time_ns():x}"
    sent = time.time()
    keys = keys_of_partitions(producer)
    for key in keys:
        producer.send(key, [b" "], headers=((PROBE_HEADER, name.encode()),))
    producer.flush(timeout)
    seen: dict[int, float] = {}
    while len(seen) < len(keys) and time.time() - sent < timeout:
        rows = sink.store.rows("SELECT partition, seen_us FROM probes WHERE probe = {p:String}", {"p": name})
        seen = {int(p): int(us) / 1e6 - sent for p, us in rows}
        if len(seen) < len(keys):
            time.sleep(0.02)
    if not seen:
        raise XuejingError(f"no probe came through within {timeout:.0f} s", hint="is a worker running?")
    return sorted(seen.values())


def keys_of_partitions(producer: EventProducer) -> list[str]:
    """One key for each partition of the topic, by trying."""
    found: dict[int, str] = {}
    n = 0
    while len(found) < producer.partitions:
        key = f"probe-{n}"
        found.setdefault(partition_for(key, producer.partitions), key)
        n += 1
    return [found[p] for p in sorted(found)]
