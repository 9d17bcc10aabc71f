"""Gathers runs of records into batches and hands them to handlers, one call at a time.

While a handler works, the next polls pile up here, bounded by ``max_records`` and ``max_bytes`` for each topic;
then all that is ready goes into the next call. A handler may leave a rest behind, which is done beside the next call
when enough piled up: small batches while there is little to do, large and overlapping ones while it is behind.
Changes of assignment wait until no handler is at work and no rest is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.faust_shell.ledger import Ledger, Place, Run
from streams.records import Handler, PartitionSet, Record, RecordBatch, Rest

log = logging.getLogger(__name__)

MembershipCallback = Callable[[PartitionSet], Awaitable[None]]

BEHIND = 4
"""A batch is begun beside the rest of the last one when the buffer is filled to one part in so many."""


@dataclass(slots=True)
class _Buffer:
    runs: deque[Run] = field(default_factory=deque)
    records: int = 0
    size: int = 0
    since: float = 0.0  # when the oldest run arrived (monotonic seconds)
    busy: bool = False  # a handler is at work on this topic
    rest: asyncio.Task[None] | None = None  # of the call before


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_records`` and ``max_bytes`` (of values) for one call; ``linger`` seconds to wait for more."""

    max_records: int = 20_000
    max_bytes: int = 16 * 1024 * 1024
    linger: float = 0.05


class Collector:
    """Between the agents, which ``offer`` runs, and the handlers. Lives in one event loop; knows nothing of Faust."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        ledger: Ledger,
        limits: Limits,
        on_fatal: Callable[[BaseException], None],
        *,
        concurrency: int = 1,
        on_assigned: MembershipCallback | None = None,
        on_revoked: MembershipCallback | None = None,
    ) -> None:
        self._handlers = dict(handlers)
        self._ledger = ledger
        self._limits = limits
        self._fatal = on_fatal
        self._concurrency = concurrency
        self._callbacks = {"assigned": on_assigned, "revoked": on_revoked}
        self._buffers = {topic: _Buffer() for topic in handlers}
        self._changes: deque[tuple[str, PartitionSet]] = deque()
        self._signals: list[asyncio.Event] = []  # one a task, set by _wake: look again
        self._room = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_hand = 0
        self._held = False
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []
        self.calls = 0
        self.records = 0

    def start(self) -> None:
        self._signals = [asyncio.Event() for _ in range(self._concurrency + 1)]
        self._tasks = [asyncio.create_task(self._steward(self._signals[0]), name="membership")]
        self._tasks += [asyncio.create_task(self._work(signal), name="handler") for signal in self._signals[1:]]

    async def stop(self) -> None:
        """Ends the tasks. A handler still at work is cancelled, and what it had in hand is not committed."""
        self.close()
        tasks = self._tasks + [b.rest for b in self._buffers.values() if b.rest is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks = []

    def close(self) -> None:
        """No handler is called any more."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        for signal in self._signals:
            signal.set()

    # What agents and the consumer call

    def offer(self, run: Run) -> None:
        """Takes a run of the present epoch; drops any other (it will be fetched again by whoever owns it)."""
        if run.epoch != self._ledger.epoch or self._closed:
            return
        buffer = self._buffers[run.topic]
        if not buffer.runs:
            buffer.since = time.monotonic()
        buffer.runs.append(run)
        buffer.records += len(run.records)
        buffer.size += run.size
        self._wake()

    def has_room(self, topic: str) -> bool:
        """Whether more of the topic should be fetched; topics that aren't ours always have room."""
        buffer = self._buffers.get(topic)
        if buffer is None:
            return True
        return buffer.records < self._limits.max_records and buffer.size < self._limits.max_bytes

    async def wait_for_room(self, timeout: float) -> None:
        """Until something was taken from a buffer, or the time has passed."""
        self._room.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._room.wait()

    def hold(self) -> None:
        """Starts no further handler call until ``release``."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._wake()

    async def settle(self, timeout: float) -> bool:
        """Waits until no handler is at work; False when one still is after ``timeout`` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        return self._idle.is_set()

    def drop(self) -> None:
        """Forgets what has not been handed over: its epoch has ended."""
        for buffer in self._buffers.values():
            buffer.runs.clear()
            buffer.records = buffer.size = 0
        self._room.set()

    def assigned(self, places: Iterable[Place]) -> None:
        self._change("assigned", places)

    def revoked(self, places: Iterable[Place]) -> None:
        self._change("revoked", places)

    def _change(self, kind: str, places: Iterable[Place]) -> None:
        mine = frozenset((topic, partition) for topic, partition in places if topic in self._handlers)
        if mine and self._callbacks[kind] is not None:
            self._changes.append((kind, mine))
            self._wake()

    @property
    def busy(self) -> bool:
        """Whether a handler is at work."""
        return self._in_hand > 0

    @property
    def waiting(self) -> int:
        """Records that wait for a handler."""
        return sum(buffer.records for buffer in self._buffers.values())

    # The tasks

    async def _steward(self, signal: asyncio.Event) -> None:
        """Runs the callbacks of assignment changes in order, never beside a handler."""
        while True:
            while not self._changes or self._in_hand:
                if self._closed:
                    return
                signal.clear()
                await signal.wait()
            kind, places = self._changes[0]
            callback = self._callbacks[kind]
            try:
                if callback is not None and not self._closed:
                    await callback(places)
            except Exception as e:
                self._closed = True
                self._fatal(e)
                return
            self._changes.popleft()
            self._wake()

    async def _work(self, signal: asyncio.Event) -> None:
        while True:
            while (found := self._ready()) is None:
                if self._closed:
                    return
                signal.clear()
                await self._pause(signal)
            topic, runs = found
            buffer = self._buffers[topic]
            buffer.busy = True
            self._in_hand += 1
            self._idle.clear()
            try:
                await self._begin(topic, buffer, runs)
            finally:
                buffer.busy = False
                self._wake()
            if self._closed:
                return

    async def _begin(self, topic: str, buffer: _Buffer, runs: list[Run]) -> None:
        """One handler call, and the end of the rest before it. What it leaves becomes a task of its own."""
        left = False
        try:
            rest = await self._handlers[topic](_batches(topic, runs))
            if buffer.rest is not None:
                await asyncio.wait({buffer.rest})
            if rest is None:
                self._finished(runs)
            elif not self._closed:  # nothing is done behind a failure
                left = True
                buffer.rest = asyncio.create_task(self._finish(buffer, rest, runs), name="rest")
        except asyncio.CancelledError:
            raise
        except BaseException as e:
            self._closed = True
            self._fatal(e)
        finally:
            if not left:
                self._out_of_hand()

    async def _finish(self, buffer: _Buffer, rest: Rest, runs: list[Run]) -> None:
        try:
            await rest()
            self._finished(runs)
        except asyncio.CancelledError:
            raise
        except BaseException as e:
            self._closed = True
            self._fatal(e)
        finally:
            buffer.rest = None
            self._out_of_hand()
            self._wake()

    def _out_of_hand(self) -> None:
        self._in_hand -= 1
        if not self._in_hand:
            self._idle.set()

    def _finished(self, runs: list[Run]) -> None:
        late = [run for run in runs if not self._ledger.finished(run)]
        self.calls += 1
        self.records += sum(len(run.records) for run in runs)
        if late:
            log.info(
                "%d runs were finished after their partitions moved; whoever owns them reads them again", len(late)
            )

    def _ready(self) -> tuple[str, list[Run]] | None:
        """The oldest topic that is due, and what goes into one call; None: nothing may or need be done now."""
        if self._closed or self._held or self._changes:
            return None
        now = time.monotonic()
        due = [(b.since, topic) for topic, b in self._buffers.items() if self._free(b) and self._due(b, now)]
        if not due:
            return None
        topic = min(due)[1]
        return topic, self._take(self._buffers[topic], now)

    def _free(self, buffer: _Buffer) -> bool:
        """Whether there is something to begin, and nothing that it had better wait for."""
        if not buffer.runs or buffer.busy:
            return False
        limits = self._limits
        behind = buffer.records * BEHIND >= limits.max_records or buffer.size * BEHIND >= limits.max_bytes
        return buffer.rest is None or behind

    def _due(self, buffer: _Buffer, now: float) -> bool:
        full = buffer.records >= self._limits.max_records or buffer.size >= self._limits.max_bytes
        return full or now - buffer.since >= self._limits.linger

    def _take(self, buffer: _Buffer, now: float) -> list[Run]:
        runs: list[Run] = []
        records = size = 0
        while buffer.runs:
            run = buffer.runs[0]
            if runs and (
                records + len(run.records) > self._limits.max_records or size + run.size > self._limits.max_bytes
            ):
                break
            runs.append(buffer.runs.popleft())
            records += len(run.records)
            size += run.size
        buffer.records -= records
        buffer.size -= size
        buffer.since = now
        self._room.set()
        return runs

    async def _pause(self, signal: asyncio.Event) -> None:
        """Until something happens, or the linger of the oldest run is over."""
        waiting = [b.since for b in self._buffers.values() if self._free(b)]
        if not waiting or self._held or self._closed or self._changes:
            await signal.wait()
            return
        left = min(waiting) + self._limits.linger - time.monotonic()
        # Not wait_for: before Python 3.12 it can swallow a cancellation that comes as the signal does.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, left)):
                await signal.wait()


def _batches(topic: str, runs: list[Run]) -> list[RecordBatch]:
    """One batch a partition, its runs joined in the order in which they came."""
    by_partition: dict[int, list[Run]] = {}
    for run in runs:
        by_partition.setdefault(run.partition, []).append(run)
    batches = []
    for partition, its in by_partition.items():
        records: Sequence[Record] = its[0].records
        if len(its) > 1:
            records = [record for run in its for record in run.records]
        batches.append(RecordBatch(topic, partition, records))
    return batches
