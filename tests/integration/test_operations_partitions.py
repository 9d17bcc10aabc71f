"""The number of partitions can be changed: into new topics everywhere, and in place on Apache Kafka."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaProducer

from commands.producing import event_producer, topics
from commands.stack import Running, Stack, stack, worker_process
from producers.kafka_client import partition_for
from schemas.settings import Settings
from tests.integration.test_operations import Ops, study

MEMBERS = [f"m{n}" for n in range(12)]


def day(n: int) -> str:
    return f"2026-03-{1 + n:02d}T10:00:00+08:00"


def send_all(settings: Settings, first: int) -> None:
    """One event for each member, ids from ``first``, placed by the number of partitions there is."""
    with event_producer(settings) as producer:
        for n, member in enumerate(MEMBERS):
            producer.send(member, [study(first + n, member, day(first // 100))])


def misplace(settings: Settings, member: str, line: bytes, partition: int) -> None:
    """As a producer does that has another number of partitions in mind."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap, acks="all")
    headers = [("xj-received", b"1790000000000")]
    producer.send(settings.events_topic, line, member.encode(), headers=headers, partition=partition).get(30)
    producer.close()


@pytest.fixture
def ops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ops]:
    monkeypatch.delenv("XUEJING_KAFKA_BOOTSTRAP", raising=False)  # commands find the broker of the stack
    settings = Settings(data_dir=str(tmp_path / "data"), language="en", partitions=2)
    (tmp_path / "data").mkdir()
    with stack(settings) as running:
        found = Ops(running, settings, tmp_path)
        found.roster(*((m, "b1", "", "") for m in MEMBERS))
        yield found


def end_worker(running: Stack) -> None:
    running.worker.terminate()
    assert running.worker.wait(60) in (0, 130)  # 130: it had not begun yet


def check(ops: Ops, running: Running, days: int) -> None:
    """Every member has ten minutes on each of ``days`` days, once."""
    running.wait_until_processed()
    found = running.store.rows(
        "SELECT member_id, count(), sum(study_ms), sum(events) FROM member_day FINAL WHERE course_id = '' "
        "AND study_ms > 0 GROUP BY member_id"
    )
    assert sorted(found) == sorted((m, days, days * 600_000, days) for m in MEMBERS)
    ops.agree()


def test_new_topics_with_more_partitions(ops: Ops) -> None:
    send_all(ops.running.settings, 100)
    # A line that is in the wrong partition goes to the right one, and counts once.
    wrong = 1 - partition_for("m1", 2)
    misplace(ops.running.settings, "m1", study(101, "m1", day(1)), wrong)
    check(ops, ops.running, 1)
    ((forwarded,),) = ops.running.store.rows("SELECT sum(forwarded) FROM ledger FINAL")
    assert forwarded == 1

    # 1. Producers go to the new topic, where events wait. 2. The old one is drained. 3. Other workers start.
    new = replace(
        ops.running.settings, partitions=3, events_topic="xuejing.events.3", contributions_topic="xuejing.member-days.3"
    )
    topics(new)
    send_all(new, 200)
    ops.running.wait_until_processed()
    end_worker(ops.running)
    assert {partition_for(m, 2) for m in MEMBERS} == {0, 1}
    assert any(partition_for(m, 2) != partition_for(m, 3) for m in MEMBERS)
    with worker_process(new, ops.folder / "worker-3.log") as worker:
        check(ops, Running(new, ops.running.store, worker, ops.folder / "worker-3.log"), 2)
        # A producer that nobody told: it still counts two partitions.
        misplace(new, "m1", study(301, "m1", day(3)), (partition_for("m1", 3) + 1) % 3)
        for m in MEMBERS:
            if m != "m1":
                misplace(new, m, study(300 + MEMBERS.index(m), m, day(3)), partition_for(m, 2))
        check(ops, Running(new, ops.running.store, worker, ops.folder / "worker-3.log"), 3)


@pytest.mark.kafka
def test_more_partitions_in_place_on_apache_kafka(ops: Ops, apache_kafka: str) -> None:
    from kafka.admin import KafkaAdminClient

    end_worker(ops.running)
    name = uuid.uuid4().hex[:8]
    two = replace(
        ops.running.settings, kafka_bootstrap=apache_kafka, kafka_cluster="apache", consumer_group=f"g-{name}",
        events_topic=f"e-{name}", contributions_topic=f"c-{name}",
    )  # fmt: skip
    topics(two)
    send_all(two, 100)
    with worker_process(two, ops.folder / "worker-2.log") as worker:
        check(ops, Running(two, ops.running.store, worker, ops.folder / "worker-2.log"), 1)
    send_all(two, 200)  # in the old places, with nobody to read them
    admin = KafkaAdminClient(bootstrap_servers=apache_kafka)
    admin.create_partitions({two.events_topic: 3, two.contributions_topic: 3})
    admin.close()
    three = replace(two, partitions=3)
    topics(three)
    send_all(three, 300)
    with worker_process(three, ops.folder / "worker-3.log") as worker:
        check(ops, Running(three, ops.running.store, worker, ops.folder / "worker-3.log"), 3)
    assert ops.running.store.rows("SELECT sum(forwarded) > 0 FROM ledger FINAL") == [(True,)]
