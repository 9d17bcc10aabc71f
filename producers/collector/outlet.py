"""Where accepted events go: the journal, Kafka, or the one when the other is away. Nothing is acknowledged before.

``always``: a record is in the journal (fsync) before it is acknowledged, then on its way to Kafka; a segment is dropped
once the group that archives has committed past all of it. Otherwise Kafka acknowledges, and the journal stands in while
Kafka does not: until it is drained, in order, all goes through it, and a segment is dropped once Kafka has it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import msgspec

from producers.delivery import Delivery
from producers.journal import Journal, JournalFailed, JournalFull
from schemas.decode import RECEIVED_HEADER, SKEW_HEADER
from schemas.errors import XuejingError

from .intake import Message
from .keys import Refused

log = logging.getLogger(__name__)

MAX_WAITING = 32 << 20
"""Bytes that may wait for the disk or for Kafka before requests are turned away."""
KEPT_SEGMENTS = 4
SEGMENT_SECONDS = 15.0
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Message).decode


class Sender(Protocol):
    """What is needed of ``producers.kafka_client.EventProducer``."""

    def send(self, member_id: str, lines: Sequence[bytes], *, headers: Any, on_done: Any) -> Any: ...
    def send_again(self) -> None: ...
    def close(self, timeout: float = ...) -> None: ...


@dataclass(slots=True)
class _Asked:
    """One request that waits."""

    messages: Sequence[Message]
    size: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]
    left: int = 0
    given_up: bool = False

    def tell(self, error: Exception | None = None) -> None:
        self.loop.call_soon_threadsafe(self._tell, error)

    def _tell(self, error: Exception | None) -> None:
        if not self.future.done():
            self.future.set_result(None) if error is None else self.future.set_exception(error)


@dataclass(slots=True)
class _Segment:
    """How far a segment has come. ``ends``: partition → last offset of what was delivered."""

    records: list[bytes] | None = None
    count: int = 0
    begun: float = field(default_factory=time.monotonic)
    sent: int = 0
    open: bool = False
    outstanding: int = 0
    ends: dict[int, int] = field(default_factory=dict)


class Outlet:
    """Threads: one writes the journal, one sends to Kafka, one drops what is archived."""

    def __init__(
        self,
        journal: Journal,
        connect: Callable[[], Sender],
        *,
        always: bool,
        committed: Callable[[], Mapping[int, int]],
        patience: float = 3.0,
        tidy_seconds: float = 2.0,
    ) -> None:
        self.journal, self.always = journal, always
        self._connect, self._committed = connect, committed
        self._patience, self._tidy_seconds = patience, tidy_seconds
        self._lock = threading.Condition()
        self._to_disk: deque[_Asked] = deque()
        self._to_kafka: deque[_Asked] = deque()
        self._again: deque[tuple[int, bytes]] = deque()
        self._segments = {n: _Segment(None) for n in journal.segments()}
        self._next = min(self._segments, default=0)
        self._waiting = 0
        self._away = bool(self._segments) and not always
        self._closing = self._stopping = self._failed = False
        self.connected = False
        self._threads = [
            threading.Thread(target=self._run, args=(run,), name=run.__name__.strip("_"), daemon=True)
            for run in (self._write, self._relay, self._tidy)
        ]

    def start(self) -> None:
        """Begin; what is in the journal is sent first."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 20.0) -> None:
        """Take nothing more, bring what is in the journal to where it belongs if that takes no longer than
        ``patience`` seconds, and end. What stays is sent at the next start."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        end = time.monotonic() + patience
        while self._segments and self.connected and self.alive and time.monotonic() < end:
            time.sleep(0.05)
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(30)

    @property
    def alive(self) -> bool:
        """Whether all of it still runs."""
        return not self._failed and all(t.is_alive() for t in self._threads)

    @property
    def broken(self) -> bool:
        """Whether a part ended by a fault."""
        return self._failed

    @property
    def backlog(self) -> int:
        """Segments of the journal that are still needed."""
        return len(self._segments)

    async def put(self, messages: Sequence[Message]) -> None:
        """Returns when the events are safe. Raises Refused (503)."""
        size = sum(len(m.value) for m in messages)
        loop = asyncio.get_running_loop()
        asked = _Asked(messages, size, loop, loop.create_future())
        with self._lock:
            if self._closing or self._waiting + size > MAX_WAITING:
                raise Refused(503, "busy", "too much is waiting to be written", retry_after=1)
            self._waiting += size
            direct = not self.always and not self._away
            (self._to_kafka if direct else self._to_disk).append(asked)
            self._lock.notify_all()
        try:
            if direct:
                done, _ = await asyncio.wait([asked.future], timeout=self._patience)
                if done and asked.future.exception() is None:
                    return
                # Perhaps Kafka has it all the same: its ids are, then, there twice, which changes nothing.
                with self._lock:
                    asked.given_up = self._away = True
                    asked = _Asked(messages, size, loop, loop.create_future())
                    self._to_disk.append(asked)
                    self._lock.notify_all()
            await asked.future
        except JournalFull as error:
            raise Refused(503, "journal_full", error.what, retry_after=10) from None
        except JournalFailed as error:
            log.error("%s", error)
            raise Refused(503, "journal_failed", error.what, retry_after=10) from None
        finally:
            with self._lock:
                self._waiting -= size

    def _run(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception:
            log.exception("the collector's %s ended", run.__name__.strip("_"))
            self._failed = True

    def _write(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: bool(self._to_disk) or self._stopping or self._old(), 1.0)
                if self._old():
                    self._segments[self.journal.current or 0].open = False
                    self.journal.roll()
                batch = list(self._to_disk)
                self._to_disk.clear()
                if not batch and self._stopping:
                    return
            if batch:
                self._commit(batch)

    def _old(self) -> bool:
        """Whether the current segment is to end, so that it can be dropped."""
        found = self._segments.get(self.journal.current or 0)
        age = SEGMENT_SECONDS if not self._closing else 0.0
        return found is not None and found.count > 0 and time.monotonic() - found.begun > age

    def _commit(self, batch: list[_Asked]) -> None:
        made = [_encode(m) for asked in batch for m in asked.messages]
        try:
            number = self.journal.append(made)
        except (JournalFull, JournalFailed) as error:
            with self._lock:
                for n in self.journal.segments():
                    self._segments.setdefault(n, _Segment(None)).open = n == self.journal.current
            for asked in batch:
                asked.tell(error)
            return
        with self._lock:
            segment = self._segments.setdefault(number, _Segment([]))
            segment.count += len(made)
            segment.open = number == self.journal.current
            if segment.records is not None:
                segment.records += made
            for old in sorted(self._segments)[:-KEPT_SEGMENTS]:
                self._segments[old].records = None  # on the disk alone
            self._lock.notify_all()
        for asked in batch:
            asked.tell()

    def _relay(self) -> None:
        sender: Sender | None = None
        pause = 0.2
        while not self._stopping:
            if sender is None:
                try:
                    sender, self.connected, pause = self._connect(), True, 0.2
                except XuejingError as error:
                    self.connected = False
                    log.warning("Kafka is away: %s", error)
                    with self._lock:
                        self._lock.wait_for(lambda: self._stopping, pause)
                    pause = min(pause * 2, 5.0)
                    continue
            try:
                sender.send_again()
                if not self._step(sender):
                    with self._lock:
                        if not self._to_kafka and not self._stopping:
                            self._lock.wait(0.05 if self._again else 0.5)
            except XuejingError as error:
                log.warning("Kafka takes nothing: %s", error)
                self.connected = False
                with self._lock:
                    self._lock.wait_for(lambda: self._stopping, 1.0)
        if sender is not None:
            try:
                sender.close(5.0)
            except XuejingError as error:
                log.warning("not all is in Kafka yet; the journal has it: %s", error)

    def _step(self, sender: Sender) -> bool:
        """Send what there is; whether there was anything."""
        with self._lock:
            direct = list(self._to_kafka)
            self._to_kafka.clear()
            again = len(self._again)
        for asked in direct:
            if not asked.given_up:
                asked.left = len(asked.messages)
                for message in asked.messages:
                    self._send(sender, message, partial(self._direct_done, asked))
        for _ in range(again):
            self._send_record(sender, *self._again[0])
            self._again.popleft()
        return bool(direct) | self._drain(sender)

    def _drain(self, sender: Sender) -> bool:
        with self._lock:
            numbers = sorted(n for n in self._segments if n >= self._next)
        did = False
        for number in numbers:
            with self._lock:
                segment = self._segments[number]
                known = segment.records
                closed = not segment.open
                at = segment.sent
                todo = known[at:] if known is not None else None
            if todo is None:
                todo = self.journal.read(number)[at:]
            for record in todo:
                with self._lock:
                    segment.outstanding += 1
                try:
                    self._send_record(sender, number, record)
                except XuejingError:
                    with self._lock:
                        segment.outstanding -= 1
                    raise
                segment.sent += 1
                did = self.connected = True
            if not closed:
                break
            with self._lock:
                if segment.records is None or segment.sent >= segment.count:
                    self._next = number + 1
        return did

    def _send_record(self, sender: Sender, number: int, record: bytes) -> None:
        self._send(sender, _decode(record), lambda d: self._record_done(number, record, d))

    def _send(self, sender: Sender, m: Message, done: Callable[[Delivery], None]) -> None:
        headers = [(RECEIVED_HEADER, b"%d" % m.received_ms)]
        if m.skew_ms:
            headers.append((SKEW_HEADER, b"%d" % m.skew_ms))
        sender.send(m.member, m.value.split(b"\n"), headers=headers, on_done=done)

    def _direct_done(self, asked: _Asked, delivery: Delivery) -> None:
        if delivery.error is not None:
            asked.tell(delivery.error)
            return
        with self._lock:
            asked.left -= 1
            last = not asked.left
        if last:
            asked.tell()

    def _record_done(self, number: int, record: bytes, delivery: Delivery) -> None:
        with self._lock:
            segment = self._segments[number]
            if delivery.error is not None:
                log.warning("sent again: %s", delivery.error)
                self._again.append((number, record))
                return
            segment.outstanding -= 1
            for partition, offset in delivery.positions:
                segment.ends[partition] = max(offset, segment.ends.get(partition, -1))

    def _tidy(self) -> None:
        while not self._stopping:
            with self._lock:
                self._lock.wait_for(lambda: self._stopping, self._tidy_seconds)
                ready = {n: dict(s.ends) for n, s in self._segments.items() if n < self._next and not s.outstanding}
                ready = {n: ends for n, ends in ready.items() if not self._segments[n].open}
            if ready and self.always:
                try:
                    committed = self._committed()
                except XuejingError as error:
                    log.warning("what is archived is not known: %s", error)
                    continue
                ready = {n: e for n, e in ready.items() if all(committed.get(p, 0) > o for p, o in e.items())}
            with self._lock:
                self.journal.drop(ready)
                for n in ready:
                    self._segments.pop(n, None)
                if self._away and self.connected and not self._to_disk:
                    # Drained: Kafka has all of it, and takes the next itself.
                    self._away = any(
                        s.outstanding or s.sent < s.count or (n >= self._next and not s.open)
                        for n, s in self._segments.items()
                    )
