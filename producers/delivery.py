"""One send on its way to Kafka, and what became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from kafka.errors import KafkaError, KafkaTimeoutError

from schemas.errors import DeliveryError


class Resender(Protocol):
    """What a delivery asks of its producer while somebody waits for it."""

    def send_again(self) -> None: ...


class Delivery:
    """What became of one ``send``: done once each of its messages was acknowledged or given up."""

    __slots__ = ("_done", "_left", "_producer", "callback", "error", "lines", "member_id", "positions")

    def __init__(
        self,
        producer: Resender,
        member_id: str,
        lines: int,
        parts: int,
        callback: Callable[[Delivery], None] | None,
    ) -> None:
        self.member_id, self.lines = member_id, lines
        self._producer = producer
        self.positions: list[tuple[int, int]] = []  # (partition, offset) of each message
        self.error: Exception | None = None
        self._left = parts
        self.callback = callback
        self._done: threading.Event | None = None

    @property
    def done(self) -> bool:
        return self._left == 0

    def finish(self, position: tuple[int, int] | None, error: Exception | None) -> None:
        """Only the producer calls this, under its lock."""
        if position is not None:
            self.positions.append(position)
        if error is not None and self.error is None:
            self.error = error
        self._left -= 1
        if not self._left and self._done is not None:
            self._done.set()

    def result(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Waits for the acknowledgement: (partition, offset) of each message. Raises DeliveryError."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._left and self._done is None:
            self._done = threading.Event()
        while self._left and self._done is not None:
            self._producer.send_again()
            left = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
            if left <= 0:
                raise DeliveryError(f"no acknowledgement within {timeout} s", where=f"member {self.member_id}")
            self._done.wait(left)
        if self.error is not None:
            raise DeliveryError(f"not delivered: {say(self.error)}", where=f"member {self.member_id}") from self.error
        return self.positions


class Message:
    """One Kafka message on its way; its bound methods are the client's callbacks."""

    __slots__ = ("attempts", "delivery", "headers", "key", "partition", "settle", "size", "value")

    def __init__(
        self,
        key: bytes,
        value: bytes,
        headers: list[tuple[str, bytes]],
        partition: int,
        delivery: Delivery,
        settle: Callable[[Message, tuple[int, int] | None, Exception | None], None],
    ) -> None:
        self.key, self.value, self.headers, self.partition = key, value, headers, partition
        self.delivery = delivery
        self.settle = settle
        self.size = len(value) + len(key) + 100
        self.attempts = 1

    def acknowledged(self, metadata: Any) -> None:
        self.settle(self, (metadata[1], metadata[3]), None)  # a named tuple: partition and offset

    def refused(self, error: Exception) -> None:
        self.settle(self, None, error)


def say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def may_pass(error: BaseException) -> bool:
    """Whether sending the same bytes again can succeed: not when message or permission are at fault."""
    if isinstance(error, KafkaTimeoutError):  # the client itself tried again all that time
        return False
    name = type(error).__name__
    fatal = (
        "TooLarge",
        "Authorization",
        "Authentication",
        "InvalidTopic",
        "UnsupportedVersion",
        "InvalidRecord",
    )
    return isinstance(error, KafkaError) and not any(word in name for word in fatal)
