"""Topics and producers by the settings, for every command that sends."""

from __future__ import annotations

from producers.kafka_client import EventProducer, ensure_topics, has_append_time
from schemas.settings import Settings


def topics(settings: Settings) -> None:
    """Create the topics that are missing."""
    ensure_topics(
        settings.kafka_bootstrap,
        {settings.events_topic: settings.partitions, settings.contributions_topic: settings.partitions},
        replication_factor=settings.replication,
        max_message_bytes=2 << 20,
        security=settings.kafka_security(),
    )


def event_producer(settings: Settings, topic: str | None = None, *, linger_ms: int = 20) -> EventProducer:
    """A producer that stamps the time of receipt where the broker does not."""
    topic = topic or settings.events_topic
    stamps = not has_append_time(settings.kafka_bootstrap, topic, security=settings.kafka_security())
    return EventProducer(
        settings.kafka_bootstrap,
        topic,
        linger_ms=linger_ms,
        max_message_bytes=1_500_000,
        stamp_received=stamps,
        security=settings.kafka_security(),
    )
