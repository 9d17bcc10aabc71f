"""The Faust shell when the broker goes away and comes back, with its data or without."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from producers.embedded_broker import EmbeddedBroker
from producers.kafka_client import ensure_topics
from tests.integration.shell_process import Workers, fill, wait
from tests.kafka_server import ApacheKafka

pytestmark = pytest.mark.io


@pytest.fixture
def kafka() -> Iterator[ApacheKafka]:
    if not os.environ.get("XUEJING_KAFKA_BOOTSTRAP") or not ApacheKafka.available():
        pytest.skip("needs Apache Kafka (XUEJING_KAFKA_BOOTSTRAP) and Maven")
    with ApacheKafka() as server:
        yield server


@pytest.mark.kafka
def test_a_broker_that_crashes_and_comes_back_costs_nothing(kafka: ApacheKafka, tmp_path: Path) -> None:
    ensure_topics(kafka.bootstrap, {"events": 4})
    workers = Workers(kafka.bootstrap, "events", tmp_path)
    try:
        fill(kafka.bootstrap, "events", 0, 5000)
        worker = workers.start(slow=0.2)
        wait(lambda: len(workers.rows()) > 800, 30, "progress", worker)
        kafka.kill9()
        time.sleep(3)
        kafka.restart()
        workers.assert_committed_is_stored()
        if not worker.running:  # it may give up; then whoever supervises it starts it again
            worker = workers.start()
        fill(kafka.bootstrap, "events", 5000, 1000)
        workers.wait_done(90)
        assert workers.stored() == workers.everything()
        assert len(workers.everything()) == 6000
        worker.signal(signal.SIGTERM)
        assert worker.wait(40) == 0
    finally:
        workers.end()


@pytest.mark.kafka
def test_a_topic_that_is_made_anew_is_read_from_its_beginning(
    kafka_bootstrap: str, new_topic: Callable[..., str], tmp_path: Path
) -> None:
    if not os.environ.get("XUEJING_KAFKA_BOOTSTRAP"):
        pytest.skip("needs Apache Kafka (XUEJING_KAFKA_BOOTSTRAP): the embedded broker deletes no offsets")
    workers = Workers(kafka_bootstrap, new_topic(), tmp_path)
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    try:
        fill(kafka_bootstrap, workers.topic, 0, 2000)
        worker = workers.start()
        workers.wait_done()
        admin.delete_topics([workers.topic])
        wait(lambda: not workers.ends(), 20, "deletion")
        ensure_topics(kafka_bootstrap, {workers.topic: 4})
        fill(kafka_bootstrap, workers.topic, 2000, 100)
        workers.wait_done(60)
        assert {r.value for r in workers.rows()} == {f"{i:06d}" for i in range(2100)}
        assert worker.running
    finally:
        workers.end()
        admin.close()


def test_a_broker_that_forgot_everything_is_not_read_in_silence(tmp_path: Path) -> None:
    """The embedded broker comes back empty: new events must be stored, by this worker or by its successor."""
    broker = EmbeddedBroker().start()
    port = broker.port
    workers = Workers(broker.bootstrap, "events", tmp_path)
    second = EmbeddedBroker(port=port)
    try:
        ensure_topics(broker.bootstrap, {"events": 4})
        fill(broker.bootstrap, "events", 0, 3000)
        worker = workers.start()
        workers.wait_done()
        broker.kill()
        second.start()
        ensure_topics(second.bootstrap, {"events": 4})
        fill(second.bootstrap, "events", 3000, 200)

        def all_there() -> bool:
            if not worker.running:
                assert worker.wait() == 70
                if len(workers.processes) == 1:
                    workers.start()
            return {r.value for r in workers.rows()} >= {f"{i:06d}" for i in range(3200)}

        wait(all_there, 60, "new events")
    finally:
        workers.end()
        broker.stop()
        second.stop()
