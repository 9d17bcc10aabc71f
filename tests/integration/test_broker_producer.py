"""Sending events: where they go, that nothing is lost in silence, and what a broker that is away does to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OutOfOrderSequenceNumberError, TopicAuthorizationFailedError
from kafka.future import Future

from producers import kafka_admin
from producers.embedded_broker import EmbeddedBroker, free_port
from producers.kafka_client import (
    EventProducer,
    committed_offsets,
    end_offsets,
    ensure_topics,
    has_append_time,
    lag,
    partition_for,
    topic_partitions,
    wait_until_committed,
)
from schemas.errors import ConfigError, DeliveryError, InputError

pytestmark = pytest.mark.io


def read(bootstrap: str, topic: str, group: str | None = None) -> list[Any]:
    ends = end_offsets(bootstrap, topic)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    try:
        places = {p: TopicPartition(topic, p) for p in ends}
        consumer.assign(list(places.values()))
        consumer.seek_to_beginning()
        found: list[Any] = []
        deadline = time.monotonic() + 20
        while len(found) < sum(ends.values()) and time.monotonic() < deadline:
            found += [m for ms in consumer.poll(200).values() for m in ms]
        if group is not None:
            consumer.commit()
        return found
    finally:
        consumer.close()


def test_partitions_are_those_of_the_java_client() -> None:
    # Kafka's own test values of murmur2 (UtilsTest.testMurmur2)
    java = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107}
    for key, value in java.items():
        for n in (1, 4, 12):
            assert partition_for(key, n) == (value & 0x7FFFFFFF) % n


def test_messages_arrive_where_and_as_they_were_sent(kafka_bootstrap: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic(6)
    before = int(time.time() * 1000)
    with EventProducer(kafka_bootstrap, topic, stamp_received=True) as producer:
        sent = {f"成员-{i}": producer.send(f"成员-{i}", [b'{"a":1}', b'{"b":2}']) for i in range(50)}
        producer.send("kept", [b"{}"], received_at_ms=123, headers=[("x", b"1")])
        producer.flush(30)
        positions = {(m, p) for m, delivery in sent.items() for p in delivery.result(0)}
    messages = read(kafka_bootstrap, topic)
    assert len(messages) == 51
    assert sum(end_offsets(kafka_bootstrap, topic).values()) == 51
    for message in messages:
        member = message.key.decode()
        assert message.partition == partition_for(member, 6)
        headers = dict(message.headers)
        if member == "kept":
            assert headers == {"x": b"1", "xj-received": b"123"}
        else:
            assert message.value == b'{"a":1}\n{"b":2}'
            assert before <= int(headers["xj-received"]) <= time.time() * 1000
            assert (member, (message.partition, message.offset)) in positions


def test_many_lines_are_split_into_messages_of_one_member(kafka_bootstrap: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic(2)
    lines = [b"x" * n for n in (40, 40, 40, 100, 1, 99, 1)]
    with EventProducer(kafka_bootstrap, topic, max_message_bytes=100) as producer:
        delivery = producer.send("m1", lines)
        assert len(delivery.result(10)) == 6
        with pytest.raises(InputError, match="101 bytes"):
            producer.send("m1", [b"x" * 101])
        with pytest.raises(InputError, match="line break"):
            producer.send("m1", [b"a\nb"])
        with pytest.raises(InputError, match="nothing"):
            producer.send("m1", [])
    values = [m.value for m in read(kafka_bootstrap, topic)]
    assert all(len(v) <= 100 for v in values)
    assert b"\n".join(values).split(b"\n") == lines


def test_offsets_lag_and_waiting(kafka_bootstrap: str, new_topic: Callable[..., str]) -> None:
    topic, group = new_topic(3), f"group-{time.time_ns()}"
    assert end_offsets(kafka_bootstrap, topic) == {0: 0, 1: 0, 2: 0}
    with EventProducer(kafka_bootstrap, topic, linger_ms=50) as producer:
        for i in range(100):
            producer.send(f"m{i}", [b"{}"])
    ends = end_offsets(kafka_bootstrap, topic)
    assert sum(ends.values()) == 100
    assert committed_offsets(kafka_bootstrap, group, topic) == {}
    assert lag(kafka_bootstrap, group, topic) == ends
    assert not wait_until_committed(kafka_bootstrap, group, topic, timeout=0.3)
    read(kafka_bootstrap, topic, group)
    assert committed_offsets(kafka_bootstrap, group, topic) == ends
    assert lag(kafka_bootstrap, group, topic) == {0: 0, 1: 0, 2: 0}
    assert wait_until_committed(kafka_bootstrap, group, topic, timeout=5)
    assert end_offsets(kafka_bootstrap, "no-such-topic") == {}


def test_topics_are_made_once_and_keep_their_partitions(kafka_bootstrap: str) -> None:
    name = f"test-{time.time_ns()}"
    for retention in (3_600_000, 7_200_000):
        ensure_topics(kafka_bootstrap, {name: 3}, retention_ms=retention, max_message_bytes=2_000_000)
    assert topic_partitions(kafka_bootstrap, [name]) == {name: 3}
    with pytest.raises(ConfigError, match="3 partitions, not 5"):
        ensure_topics(kafka_bootstrap, {name: 5})
    settings = kafka_admin.topic_configs(kafka_bootstrap, name)
    assert has_append_time(kafka_bootstrap, name) == bool(settings)  # the embedded broker has no settings
    if settings:
        assert settings["retention.ms"] == "7200000"
        assert settings["max.message.bytes"] == "2000000"


def test_a_topic_that_is_missing_and_a_broker_that_is_away_are_said(kafka_bootstrap: str) -> None:
    with pytest.raises(ConfigError, match="no-such-topic"):
        EventProducer(kafka_bootstrap, "no-such-topic", connect_timeout=1)
    nobody = f"127.0.0.1:{free_port()}"
    with pytest.raises(DeliveryError, match=nobody):
        EventProducer(nobody, "t", connect_timeout=0.5)
    with pytest.raises(kafka_admin.BrokerUnavailable, match=nobody):
        topic_partitions(nobody, ["t"], timeout=0.5)
    with pytest.raises(ConfigError, match="security setting"):
        EventProducer(kafka_bootstrap, "t", security={"acks": 0})


def test_what_a_dead_broker_did_not_take_is_told_with_count_and_key() -> None:
    told: list[str] = []
    with EmbeddedBroker(topics={"t": 1}) as broker:
        producer = EventProducer(
            broker.bootstrap, "t", request_timeout=0.5, delivery_timeout=1.0, resends=0, stamp_received=True
        )
        producer.send("m0", [b"{}"]).result(10)
        broker.kill()
        first = producer.send("m1", [b"{}"], on_done=lambda d: told.append(d.member_id))
        producer.send("m2", [b"{}"])
        with pytest.raises(DeliveryError, match=r"2 messages were not delivered; the first \(key m1\)"):
            producer.flush(20)
        assert told == ["m1"]
        with pytest.raises(DeliveryError, match="m1"):
            first.result(0)
        producer.flush(1)  # told once
        producer.send("m3", [b"{}"])
        with pytest.raises(DeliveryError, match=r"1 messages .* m3"):
            producer.close()
        with pytest.raises(DeliveryError, match="closed"):
            producer.send("m4", [b"{}"])


def test_a_broker_that_hangs_holds_up_the_sender_and_then_is_said() -> None:
    with EmbeddedBroker(topics={"t": 1}) as broker:
        assert broker.pid is not None
        producer = EventProducer(broker.bootstrap, "t", max_in_flight_bytes=5_000, block_timeout=1.0, linger_ms=0)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for i in range(4):  # four of about 1,100 bytes fit
                producer.send(f"m{i}", [b"x" * 1000])
            assert time.monotonic() - began < 0.5
            with pytest.raises(DeliveryError, match="unacknowledged"):
                producer.send("m4", [b"x" * 1000])
            assert 0.9 < time.monotonic() - began < 5
            with pytest.raises(DeliveryError, match="4 messages are not acknowledged"):
                producer.flush(0.5)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        producer.close()  # it answers again: all four arrive
        assert end_offsets(broker.bootstrap, "t") == {0: 4}


class FailingOnce:
    """Stands in for kafka-python's producer: the first send of each value fails."""

    def __init__(self, real: Any, error: Exception) -> None:
        self.real, self.error = real, error
        self.seen: set[bytes] = set()

    def send(self, topic: str, value: bytes, key: bytes, **options: Any) -> Any:
        if value in self.seen:
            return self.real.send(topic, value, key, **options)
        self.seen.add(value)
        return Future().failure(self.error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_failures_that_may_pass_are_sent_again_and_others_are_not(
    kafka_bootstrap: str, new_topic: Callable[..., str]
) -> None:
    topic = new_topic(1)
    producer = EventProducer(kafka_bootstrap, topic)
    real = producer._kafka
    producer._kafka = FailingOnce(real, OutOfOrderSequenceNumberError())
    assert producer.send("m1", [b"1"]).result(10) == [(0, 0)]
    producer.send("m1", [b"2"])
    producer.flush(10)
    producer._kafka = FailingOnce(real, TopicAuthorizationFailedError())
    producer.send("m2", [b"3"])
    with pytest.raises(DeliveryError, match=r"1 messages .* m2.*TopicAuthorizationFailed"):
        producer.close()
    assert [m.value for m in read(kafka_bootstrap, topic)] == [b"1", b"2"]


def test_an_error_in_the_block_is_not_hidden_by_the_flush() -> None:
    with EmbeddedBroker(topics={"t": 1}) as broker:
        producer = EventProducer(broker.bootstrap, "t", request_timeout=0.5, delivery_timeout=0.6, resends=0)
        producer.send("m0", [b"{}"]).result(10)

        def fail() -> None:
            with producer:
                broker.kill()
                producer.send("m1", [b"{}"])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
