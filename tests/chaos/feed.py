"""A producer at a steady rate, with repeated, shuffled, late and misplaced messages, and its list of what was
acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from commands.worker import event_producer
from producers.delivery import Delivery
from producers.simulate import Scenario, simulate
from schemas.errors import DeliveryError
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Message:
    """Lines sent together. ``key`` is the member id, but for a misplaced one. ``spoiled``: line → why it is bad."""

    key: str
    lines: tuple[bytes, ...]
    received_ms: int
    spoiled: dict[int, str]


def plan(scenario: Scenario, seed: int, lines: int) -> tuple[list[Message], dict[str, int]]:
    """About so many lines of the scenario in the order in which they are sent, and how many messages are what."""
    rng = Random(seed)
    kinds = {"repeated": 0, "late": 0, "misplaced": 0}
    members = sorted(m.member_id for m in scenario.members)
    placed: list[tuple[float, int, Message]] = []
    total = 0
    for flush in simulate(scenario):
        if total >= lines:
            break
        total += len(flush.lines)
        key = flush.member_id
        if rng.random() < 0.01:
            key, kinds["misplaced"] = rng.choice(members), kinds["misplaced"] + 1
        received = int(flush.received_at.timestamp() * 1000)
        message = Message(key, tuple(flush.lines), received, dict(flush.spoiled))
        at = len(placed) + rng.gauss(0, 20)  # shuffled among its neighbours
        if rng.random() < 0.05:
            at += rng.random() * lines / 4  # late
            kinds["late"] += 1
        placed.append((at, len(placed), message))
        if rng.random() < 0.05:
            placed.append((at + rng.expovariate(1 / 200), len(placed), message))
            kinds["repeated"] += 1
    placed.sort(key=lambda p: p[:2])
    return [message for _, _, message in placed], kinds


class Feed(threading.Thread):
    """Sends messages at ``rate`` lines a second; ``acknowledged`` are the numbers of those that Kafka has."""

    def __init__(self, settings: Settings, messages: Sequence[Message], rate: float) -> None:
        super().__init__(daemon=True)
        self.messages, self.rate = messages, rate
        self.acknowledged: set[int] = set()
        self.failed: deque[int] = deque()
        self.sent_again = 0
        self.error: BaseException | None = None
        self._producer = event_producer(settings)
        self._ended = threading.Event()
        self.sent = 0

    def run(self) -> None:
        """Until all is sent, or ``finish`` is called."""
        try:
            begin, lines = time.monotonic(), 0
            for number, message in enumerate(self.messages):
                if self._ended.wait(max(0.0, begin + lines / self.rate - time.monotonic())):
                    return
                lines += len(message.lines)
                self._send(number)
                while self.failed:
                    self.sent_again += 1
                    self._send(self.failed.popleft())
        except BaseException as error:
            self.error = error

    def _send(self, number: int) -> None:
        message = self.messages[number]

        def done(delivery: Delivery) -> None:
            if delivery.error is None:
                self.acknowledged.add(number)
            else:
                self.failed.append(number)

        try:
            self._producer.send(message.key, message.lines, received_at_ms=message.received_ms, on_done=done)
        except DeliveryError:  # nothing goes through for two minutes: as a client would, keep it and try again
            self.failed.append(number)

    def send_next(self, count: int) -> None:
        """Send so many more messages at once, instead of ``start``."""
        for number in range(self.sent, min(self.sent + count, len(self.messages))):
            self._send(number)
        self.sent += count

    def finish(self, timeout: float = 120.0) -> None:
        """Send no more, and wait until everything sent is acknowledged; what failed is sent again."""
        self._ended.set()
        self.join(timeout)
        if self.error is not None:
            raise self.error
        self.flush(timeout)
        self._producer.close()

    def flush(self, timeout: float = 120.0) -> None:
        """Wait until everything sent is acknowledged; what failed is sent again."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._producer.flush(timeout)
            except DeliveryError:
                if time.monotonic() > deadline:
                    raise
            if not self.failed:
                break
            self.sent_again += 1
            self._send(self.failed.popleft())

    def close(self) -> None:
        """End the producer."""
        self._producer.close()
