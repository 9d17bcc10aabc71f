"""Sending events to Kafka: idempotent, acknowledged by all replicas, batched, never dropped in silence."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from producers.delivery import Delivery, Message, may_pass, say
from producers.kafka_admin import (
    BrokerUnavailable,
    Security,
    check_security,
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

__all__ = [
    "RECEIVED_HEADER",
    "Delivery",
    "EventProducer",
    "committed_offsets",
    "end_offsets",
    "ensure_topics",
    "has_append_time",
    "lag",
    "partition_for",
    "topic_partitions",
    "wait_until_committed",
]

log = logging.getLogger(__name__)

RECEIVED_HEADER = "xj-received"
Headers = Sequence[tuple[str, bytes]]


class EventProducer:
    """Sends events of members to one topic. Thread-safe. Use it in a ``with`` block, or call ``close``.

    A message holds the lines of one ``send`` (one member, NDJSON); key = member id in UTF-8; partition by
    murmur2. ``send`` blocks while ``max_in_flight_bytes`` wait for acknowledgement, at most ``block_timeout``
    seconds. A message that the client gives up for a reason that may pass (a broker that lost the producer's
    state, for one) is sent again up to ``resends`` times: an event may arrive twice: its id is the same.
    ``security``: security_protocol, ssl_… and sasl_… as kafka-python takes them.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        client_id: str = "xuejing-producer",
        linger_ms: int = 20,
        batch_bytes: int = 256 * 1024,
        compression: str | None = "lz4",
        max_message_bytes: int = 900_000,
        max_in_flight_bytes: int = 32 * 1024 * 1024,
        stamp_received: bool = False,
        resends: int = 3,
        connect_timeout: float = 30.0,
        request_timeout: float = 30.0,
        delivery_timeout: float = 120.0,
        block_timeout: float = 120.0,
        security: Security | None = None,
    ) -> None:
        self.bootstrap, self.topic = bootstrap, topic
        self._max_message = max_message_bytes
        self._max_in_flight = max_in_flight_bytes
        self._stamp = stamp_received
        self._resends = resends
        self._block_timeout = block_timeout
        self._lock = threading.Condition(threading.Lock())
        self._waiting = 0
        self._in_flight = 0
        self._bytes = 0
        self._again: deque[Message] = deque()
        self._failed = 0
        self._first_error: tuple[str, Exception] | None = None
        self._closed = False
        self.sent_messages = 0
        # Fixed for a generation, so asked once; each key is hashed once (murmur2 in Python is slow). Asked of the
        # cluster's administration, because the embedded broker makes any topic that a client mentions.
        try:
            found = topic_partitions(bootstrap, [topic], security=security, timeout=connect_timeout)
        except BrokerUnavailable as e:
            raise DeliveryError(e.what, where=e.where, hint=e.hint) from e
        if topic not in found:
            raise ConfigError("there is no such topic", where=f"{bootstrap} {topic}", hint="create it first")
        self.partitions = found[topic]
        try:
            self._kafka: Any = KafkaProducer(
                bootstrap_servers=bootstrap,
                client_id=client_id,
                acks="all",
                enable_idempotence=True,
                linger_ms=linger_ms,
                batch_size=batch_bytes,
                compression_type=compression,
                max_request_size=max(1_048_576, max_message_bytes + 65_536),
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=int(connect_timeout * 1000),
                max_block_ms=int(connect_timeout * 1000),
                request_timeout_ms=int(request_timeout * 1000),
                delivery_timeout_ms=int(max(delivery_timeout, request_timeout + linger_ms / 1000) * 1000),
                metrics_enabled=False,
                **check_security(security),
            )
        except KafkaError as e:
            raise DeliveryError(say(e), where=bootstrap, hint="is the broker up, and the address right?") from e

    def send(
        self,
        member_id: str,
        lines: Sequence[bytes],
        *,
        received_at_ms: int | None = None,
        headers: Headers = (),
        on_done: Callable[[Delivery], None] | None = None,
    ) -> Delivery:
        """Queues the lines (UTF-8 JSON, no line breaks inside) of one member; returns at once.

        ``received_at_ms`` (ms since the epoch, UTC) goes into the header ``xj-received`` (a replay keeps the
        first receipt); without it the producer's clock does when ``stamp_received``. ``on_done`` is called
        from another thread and must be quick. A failure is kept until ``flush``, ``close`` or
        ``Delivery.result`` raises it. Raises InputError for a line that can't be sent, DeliveryError when the
        broker takes nothing for too long.
        """
        values = self._join(member_id, lines)
        extra = list(headers)
        if received_at_ms is None and self._stamp:
            received_at_ms = time.time_ns() // 1_000_000
        if received_at_ms is not None:
            extra.append((RECEIVED_HEADER, b"%d" % received_at_ms))
        delivery = Delivery(self, member_id, len(lines), len(values), on_done)
        partition = partition_for(member_id, self.partitions)
        for value in values:
            self._admit(Message(member_id.encode(), value, extra, partition, delivery, self._told))
        return delivery

    def put(self, key: str, value: bytes, partition: int) -> Delivery:
        """Queues one message of any bytes as it is; its partition may be another than that of its key."""
        delivery = Delivery(self, key, 1, 1, None)
        self._admit(Message(key.encode(), value, [], partition, delivery, self._told))
        return delivery

    def _join(self, member_id: str, lines: Sequence[bytes]) -> list[bytes]:
        if not lines:
            raise InputError("nothing to send", where=f"member {member_id}")
        if len(lines) == 1 and len(lines[0]) <= self._max_message and b"\n" not in lines[0]:
            return [lines[0]]
        groups: list[list[bytes]] = []
        size = self._max_message + 1
        for line in lines:
            if b"\n" in line:  # a carriage return is white space: lines of clients may end with one
                raise InputError("a line holds a line break", where=f"member {member_id}", hint="one event, one line")
            if len(line) > self._max_message:
                raise InputError(
                    f"an event of {len(line)} bytes is over the limit of {self._max_message}",
                    where=f"member {member_id}",
                    hint="raise max_message_bytes here and max.message.bytes of the topic",
                )
            size += len(line) + 1
            if size > self._max_message:
                groups.append([])
                size = len(line)
            groups[-1].append(line)
        return [b"\n".join(group) for group in groups]

    def _admit(self, message: Message) -> None:
        if self._closed:
            raise DeliveryError("the producer is closed", where=f"{self.bootstrap} {self.topic}")
        deadline = time.monotonic() + self._block_timeout
        while True:
            if self._again:
                self.send_again()
            with self._lock:
                if not self._bytes or self._bytes + message.size <= self._max_in_flight:
                    self._in_flight += 1
                    self._bytes += message.size
                    break
                if time.monotonic() >= deadline:
                    raise DeliveryError(
                        f"{self._in_flight} messages wait for {self._block_timeout:g} s unacknowledged",
                        where=f"{self.bootstrap} {self.topic}",
                        hint="is the broker up?",
                    )
                if not self._again:
                    self._wait(0.5)
        self._hand_over(message)

    def _hand_over(self, message: Message) -> None:
        try:
            future = self._kafka.send(
                self.topic, message.value, message.key, headers=message.headers, partition=message.partition
            )
        except Exception as e:  # told by flush or the delivery, as every other failure
            self._settle(message, None, e)
            return
        future.add_callback(message.acknowledged)
        future.add_errback(message.refused)

    def send_again(self) -> None:
        """Hands the messages that were given up for a passing reason to the client once more."""
        while True:
            try:
                message = self._again.popleft()
            except IndexError:
                return
            message.attempts += 1
            self._hand_over(message)

    def _told(self, message: Message, position: tuple[int, int] | None, error: Exception | None) -> None:
        """Called by the client's thread: acknowledged at a position, or given up."""
        if error is not None and message.attempts <= self._resends and may_pass(error) and not self._closed:
            log.warning("message of %s is sent again: %s", message.delivery.member_id, say(error))
            with self._lock:
                self._again.append(message)
                self._lock.notify_all()
            return
        self._settle(message, position, error)

    def _settle(self, message: Message, position: tuple[int, int] | None, error: Exception | None) -> None:
        delivery = message.delivery
        with self._lock:
            self._in_flight -= 1
            self._bytes -= message.size
            if error is None:
                self.sent_messages += 1
            else:
                self._failed += 1
                if self._first_error is None:
                    self._first_error = (delivery.member_id, error)
            delivery.finish(position, error)
            if self._waiting:
                self._lock.notify_all()
        if delivery.callback is not None and delivery.done:
            delivery.callback(delivery)

    def _wait(self, seconds: float) -> None:
        """Under the lock: until a message was settled. Counted, because notifying for nobody costs time."""
        self._waiting += 1
        try:
            self._lock.wait(seconds)
        finally:
            self._waiting -= 1

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything sent so far is acknowledged. Raises DeliveryError when something wasn't.

        A failure is told once: the next ``flush`` only covers what was sent after it.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.send_again()
            left = 5.0 if deadline is None else max(0.0, min(5.0, deadline - time.monotonic()))
            with contextlib.suppress(KafkaTimeoutError):  # told below, with the number of messages
                self._kafka.flush(left)  # sends what still lingers
            with self._lock:
                if not self._in_flight:
                    break
                if deadline is not None and time.monotonic() >= deadline:
                    raise DeliveryError(
                        f"{self._in_flight} messages are not acknowledged after {timeout:g} s",
                        where=f"{self.bootstrap} {self.topic}",
                    )
                if not self._again:
                    self._wait(0.05)
        self._raise_failures()

    def _raise_failures(self) -> None:
        with self._lock:
            failed, first = self._failed, self._first_error
            self._failed, self._first_error = 0, None
        if first is not None:
            member_id, error = first
            raise DeliveryError(
                f"{failed} messages were not delivered; the first (key {member_id}): {say(error)}",
                where=f"{self.bootstrap} {self.topic}",
            ) from error

    def close(self, timeout: float = 30.0) -> None:
        """Flushes and closes; raises DeliveryError as ``flush`` does. Closing twice is harmless."""
        if self._closed:
            return
        try:
            self.flush(timeout)
        finally:
            self._closed = True
            try:
                self._kafka.close(timeout=1)
            except KafkaError:  # it waits for what the flush has told already: give those up, and end its thread
                self._kafka._sender.force_close()

    def __enter__(self) -> EventProducer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except DeliveryError:
            if error is None:
                raise
            log.exception("events were not delivered while another error was on its way")
