"""Faust's consumer with the parts replaced that lose or repeat records. Written against faust-streaming 0.15.3.

What is replaced, and why:
- what is committed comes from the ledger, never from acknowledgements (an agent that raises acknowledges);
- a commit that failed doesn't count as done (the base class advances its own notion of it all the same);
- a commit is fenced: it belongs to the generation that the records were fetched in;
- seeking covers partitions without a committed offset (the base class leaves them where they are);
- a run that doesn't continue from the last one is fetched again instead of dropped or jumped to;
- while the handlers are busy, partitions are held back but the group membership is kept alive;
- the wait for a fetch is short (1.5 s is hard-coded: drained partitions would stall the busy ones).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from schemas.errors import ConfigError, XuejingError
from streams.faust_shell.ledger import Admission, Place, Run
from streams.records import Record

if TYPE_CHECKING:
    from streams.faust_shell.shell import Shell

FIRST_POLL = 500  # records, until it is known how large they are
LOG_LOST_AFTER = 10.0  # seconds for which the end of the log must lie before our position


class LogLostError(XuejingError):
    """The broker's log ends before what was read already: it was deleted, or the broker lost its memory."""


class LeanRecords(PartitionRecords):  # type: ignore[misc]
    """Records as the shell hands them on, made once. aiokafka's own have eleven fields, of which five are wanted: to
    make them and to copy them took a tenth of a busy worker's time."""

    def _consumer_record(self, _tp: Any, record: Any) -> Record:
        return Record(record.offset, record.timestamp, record.key, record.value, tuple(record.headers))


class ShellConsumerThread(AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    app: Any  # a ShellApp
    poll_records = FIRST_POLL

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        settings = self.app.shell.settings
        for name, value in (
            ("_fetch_max_wait_ms", settings.fetch_wait_ms),
            ("_fetch_max_bytes", settings.fetch_max_bytes),
        ):
            if not hasattr(consumer, name):
                raise ConfigError(f"this version of aiokafka has no {name}", hint="install aiokafka 0.14")
            setattr(consumer, name, value)
        if not callable(getattr(PartitionRecords, "_consumer_record", None)):
            raise ConfigError("this version of aiokafka has no _consumer_record", hint="install aiokafka 0.14")
        # aiokafka has no setting for it. Nothing else in this process consumes.
        fetcher.PartitionRecords = LeanRecords
        return consumer

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        return await self.call_thread(
            self._fetch_records,
            self._ensure_consumer(),
            active_partitions,
            timeout=timeout,
            max_records=self.poll_records,
        )

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        if consumer._coordinator.generation != self.app.consumer_generation_id:
            return False  # evicted, or on the way into another generation
        wanted = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        try:
            await asyncio.wait_for(consumer.commit(wanted), self.app.shell.settings.commit_timeout)
        except (CommitFailedError, IllegalStateError) as e:
            self.log.info("nothing committed, the group has moved on: %s", e)
            return False
        except TimeoutError:
            self.log.warning("no answer to a commit; it is tried again")
            return False
        except KafkaError as e:
            if not e.retriable:
                self.app.shell.fatal(e)
                return False
            self.log.warning("a commit failed and is tried again: %s", e)
            return False
        return True

    async def on_thread_stop(self) -> None:
        await self._leave_generation_0()
        await super().on_thread_stop()

    async def _leave_generation_0(self) -> None:
        """aiokafka leaves only from generation 1 on; the embedded broker's first one is 0.

        A member that doesn't leave holds up the next join until its session times out.
        """
        coordinator: Any = getattr(self._consumer, "_coordinator", None)
        if coordinator is None or getattr(coordinator, "generation", None) != 0:
            return
        try:
            request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
            answer = await asyncio.wait_for(coordinator._send_req(request), 3)
            self.log.info("left the group, error code %s", answer.error_code)
        except (KafkaError, TimeoutError) as e:
            self.log.info("could not leave the group: %s", e)

    def touch(self) -> None:
        """Tells the group membership that this consumer is alive though it fetches nothing at the moment."""
        if self._consumer is not None:
            state = self._consumer._subscription
            if state._fetch_count == 0:
                state._last_fetch_ended = time.monotonic()


class ShellConsumer(Consumer):
    """The consumer of a ``ShellApp``."""

    app: Any
    _thread: ShellConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shell: Shell = self.app.shell
        self._newly_assigned = False
        self._behind_since: dict[Place, float] = {}
        self._record_size = 0.0  # bytes, smoothed

    def _new_consumer_thread(self) -> ShellConsumerThread:
        return ShellConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # Assignment

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)  # waits for the handler in hand, and commits (wait_empty)
        self._shell.ledger.revoke()
        self._shell.collector.drop()
        self._shell.collector.revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._newly_assigned = True
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Seeks every partition to its committed offset, or to its beginning, and begins an epoch of the ledger."""
        assignment = self.assignment()
        if not assignment:
            return
        committed = await self.seek_to_committed()
        positions = {TP(*tp): offset for tp, offset in committed.items() if offset is not None and offset > 0}
        fresh = [tp for tp in assignment if tp not in positions]
        if fresh:
            earliest = await self.earliest_offsets(*(TopicPartition(*tp) for tp in fresh))
            for tp, offset in earliest.items():
                positions[TP(*tp)] = offset
                await self._seek(TopicPartition(*tp), offset)
        for tp, offset in positions.items():
            self._read_offset[tp] = offset
            self._committed_offset[tp] = offset
        self._check_partition_counts()
        self._behind_since.clear()
        self._shell.collector.drop()
        self._shell.ledger.restart({(tp.topic, tp.partition): offset for tp, offset in positions.items()})
        if self._newly_assigned:
            self._newly_assigned = False
            self._shell.collector.assigned(assignment)
        self._shell.collector.release()

    def _check_partition_counts(self) -> None:
        for topic, wanted in self._shell.settings.partitions.items():
            found = self.topic_partitions(topic)
            if found is not None and found != wanted:
                raise ConfigError(
                    f"the topic has {found} partitions, not {wanted}",
                    where=topic,
                    hint="the partition count is fixed for a generation",
                )

    async def wait_empty(self) -> None:
        """Lets the handler in hand finish, starts no other, and commits. Called before partitions are given up."""
        self._shell.collector.hold()
        if not await self._shell.collector.settle(self._shell.patience(stopping=self.app.should_stop)):
            self.log.warning("a handler is still at work; what it has in hand is not committed")
        await self.commit()
        if self._shell.ledger.to_commit():  # a commit was under way already, without the last of it
            await self.commit()

    # Committing

    async def _commit_tps(self, tps: Iterable[TP], start_new_transaction: bool) -> bool:  # noqa: ARG002
        ledger = self._shell.ledger
        epoch, offsets = ledger.epoch, ledger.to_commit()
        assignment = self.assignment()
        mine = {TP(*place): offset for place, offset in offsets.items() if TP(*place) in assignment}
        if not mine or not await self._commit(mine):
            return False
        ledger.committed(epoch, {(tp.topic, tp.partition): offset for tp, offset in mine.items()})
        self._committed_offset.update(mine)
        self.app.monitor.on_tp_commit(mine)
        return True

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        self._thread.touch()  # also for a worker that has no partition to fetch from
        return bool(await super().commit(topics, start_new_transaction))

    # Fetching

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        collector = self._shell.collector
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)
        wanted = {tp for tp in active_partitions if collector.has_room(tp.topic)}
        if not wanted:
            await collector.wait_for_room(0.5)
            return {}
        if len(wanted) < len(active_partitions):
            timeout = min(timeout, 0.2)
        self._thread.poll_records = self._poll_records()
        return await super()._getmany(wanted, timeout)

    def _poll_records(self) -> int:
        """How many records to ask for: what one call may hold, by the size of those seen lately.

        A fetch is bounded in compressed bytes only, and may hold many times as much.
        """
        limits = self._shell.settings.limits
        if self._record_size <= 0:
            return min(FIRST_POLL, limits.max_records)
        return max(1, min(limits.max_records, int(limits.max_bytes / self._record_size)))

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hands what is fetched to the agents, until the consumer or the fetcher stops."""
        try:
            while not (self.should_stop or fetcher._stopped.is_set()):
                await asyncio.sleep(0)
                gaps: set[TP] = set()
                async for tp, message in self.getmany(timeout=1.0):
                    run: Any = message.value
                    if isinstance(run, Run) and (tp in gaps or not await self._admit(run, gaps)):
                        continue
                    await self.callback(message)
                self._check_log_end()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _admit(self, run: Run, gaps: set[TP]) -> bool:
        size = max(1.0, run.size / len(run.records))
        self._record_size = size if not self._record_size else 0.7 * self._record_size + 0.3 * size
        admission = self._shell.ledger.admit(run)
        if admission is Admission.GAP:
            expected = self._shell.ledger.expected(run.place)
            if expected is not None:
                gaps.add(TP(run.topic, run.partition))
                self.log.info("%s/%d: reading again from %d", run.topic, run.partition, expected)
                await self._seek(TopicPartition(run.topic, run.partition), expected)
        return admission is Admission.TAKE

    def _check_log_end(self) -> None:
        """A log that ends before our position would be read in silence from there on, or never: stop instead."""
        now = time.monotonic()
        ledger = self._shell.ledger
        for place in ledger.places:
            expected = ledger.expected(place)
            try:
                end = self.highwater(TopicPartition(*place))
            except (IllegalStateError, AssertionError):
                continue  # being reassigned
            if end is None or expected is None or end >= expected:
                self._behind_since.pop(place, None)
            elif now - self._behind_since.setdefault(place, now) > LOG_LOST_AFTER:
                raise LogLostError(
                    f"the log ends at {end}, but it was read up to {expected}",
                    where=f"{place[0]}/{place[1]}",
                    hint="was the topic made anew? Start again from an empty consumer group",
                )

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's guesses about stalled streams don't fit batches and a store that may be away: lag tells better."""


class ShellTransport(Transport):
    """Kafka through aiokafka, with the consumer above."""

    Consumer = ShellConsumer
