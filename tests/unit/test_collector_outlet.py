"""The outlet while Kafka comes and goes: the journal stands in, is bounded, and is drained before Kafka takes over."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from producers.collector.intake import Message
from producers.collector.keys import Refused
from producers.collector.outlet import Outlet
from producers.delivery import Delivery
from producers.journal import Journal
from schemas.errors import DeliveryError, XuejingError
from tests.support.disk import Disk


class Kafka:
    """A broker that can be away: then it refuses connections, and what was sent to it stays unanswered or fails."""

    def __init__(self) -> None:
        self.up = True
        self.fails = False
        self.taken: list[bytes] = []
        self.senders = 0

    def connect(self) -> Sender:
        if not self.up:
            raise XuejingError("no broker")
        self.senders += 1
        return Sender(self)


class Sender:
    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.unanswered: list[tuple[Sequence[bytes], Delivery]] = []

    def send(
        self, member_id: str, lines: Sequence[bytes], *, headers: Any, on_done: Callable[[Delivery], None]
    ) -> Delivery:
        delivery = Delivery(self, member_id, len(lines), 1, on_done)
        self.unanswered.append((lines, delivery))
        self.send_again()
        return delivery

    def send_again(self) -> None:
        while self.unanswered and (self.kafka.up or self.kafka.fails):
            lines, delivery = self.unanswered.pop(0)
            if self.kafka.up:
                self.kafka.taken += lines
                delivery.finish((0, len(self.kafka.taken)), None)
            else:
                delivery.finish(None, DeliveryError("not taken"))
            assert delivery.callback is not None
            delivery.callback(delivery)

    def close(self, timeout: float = 0) -> None:
        pass


@contextmanager
def running(disk: Disk, kafka: Kafka, max_bytes: int = 1 << 20) -> Iterator[Outlet]:
    journal = Journal(disk, max_bytes=max_bytes, segment_bytes=64)  # type: ignore[arg-type]
    outlet = Outlet(
        journal, kafka.connect, always=False, committed=dict, patience=0.05, tidy_seconds=0.01
    )  # fmt: skip
    outlet.start()
    try:
        yield outlet
    finally:
        outlet.stop(0.0)


@pytest.fixture(autouse=True)
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One for a whole test, as in the server: answers may come after their request has ended."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield made
    asyncio.set_event_loop(None)
    made.close()


def put(outlet: Outlet, *texts: bytes) -> None:
    asyncio.get_event_loop().run_until_complete(outlet.put([Message("m1", 1, 0, text) for text in texts]))


def until(check: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not check() and time.monotonic() < end:
        threading.Event().wait(0.005)
    return check()


def test_while_kafka_is_there_nothing_goes_to_the_disk() -> None:
    disk, kafka = Disk(), Kafka()
    with running(disk, kafka) as outlet:
        assert until(lambda: outlet.connected)
        put(outlet, b"a", b"b")
        assert kafka.taken == [b"a", b"b"]
    assert disk.names() == []


@pytest.mark.parametrize("fails", [False, True], ids=["is silent", "fails"])
def test_what_was_acknowledged_while_kafka_was_away_reaches_it(fails: bool) -> None:
    disk, kafka = Disk(), Kafka()
    kafka.up, kafka.fails = False, fails
    with running(disk, kafka) as outlet:
        for n in range(20):
            put(outlet, b"%d" % n)
        assert kafka.taken == []
        assert disk.syncs > 0
        kafka.up = True
        assert until(lambda: outlet.backlog == 0 and not outlet._away)
        assert kafka.taken == [b"%d" % n for n in range(20)], "in order, each once: none was sent before"
        put(outlet, b"after")
        assert kafka.taken[-1] == b"after"
        syncs = disk.syncs
        put(outlet, b"direct")
        assert disk.syncs == syncs
        assert not outlet.broken
    assert disk.names() == []


@pytest.mark.parametrize("fails", [False, True], ids=["is silent", "fails"])
def test_kafka_that_goes_in_the_middle_costs_nothing(fails: bool) -> None:
    disk, kafka = Disk(), Kafka()
    with running(disk, kafka) as outlet:
        assert until(lambda: outlet.connected)
        for n in range(30):
            kafka.up, kafka.fails = n // 10 != 1, fails
            put(outlet, b"%d" % n)
        assert until(lambda: outlet.backlog == 0)
        assert set(kafka.taken) == {b"%d" % n for n in range(30)}
        assert not outlet.broken


def test_what_kafka_did_not_get_is_sent_by_the_next_collector() -> None:
    disk, kafka = Disk(), Kafka()
    kafka.up = False
    with running(disk, kafka) as outlet:
        put(outlet, b"a")
        put(outlet, b"b")
    after = disk.after_power_cut(0.0)
    kafka.up = True
    with running(after, kafka) as outlet:
        assert until(lambda: outlet.backlog == 0)
    assert kafka.taken == [b"a", b"b"]
    assert after.names() == []


def test_a_full_journal_turns_requests_away_and_says_when_to_come_again() -> None:
    disk, kafka = Disk(), Kafka()
    kafka.up = False
    with running(disk, kafka, max_bytes=200) as outlet:
        put(outlet, b"x" * 60)
        with pytest.raises(Refused) as refused:
            put(outlet, b"y" * 200)
        assert refused.value.status == 503
        assert refused.value.retry_after
        kafka.up = True
        assert until(lambda: outlet.backlog == 0)
        put(outlet, b"z")
        assert kafka.taken == [b"x" * 60, b"z"]
