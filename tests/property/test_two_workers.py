"""Workers that die anywhere, and workers that go on although their partition was taken away: rows are the same."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import DUPLICATES, EVENTS, LEDGER
from streams.branch import BranchPipeline
from streams.contributions import encode
from streams.records import Record, RecordBatch
from tests.property.test_sets_of_facts import lines, one_by_one
from tests.support.harness import RECEIVED, Harness, Loop, event
from tests.support.interleave import Crash, SharedSink, Turnstile, crash_after

LINES = st.lists(lines(), min_size=2, max_size=14)


class Topic(Loop):
    """An outbox onto one topic that all workers share."""

    def __init__(self, log: list[pa.Table]) -> None:
        super().__init__()
        self.contributions = log


class Group:
    """Two workers over one store, one partition of events and one of contributions, as Kafka hands them out."""

    def __init__(self, events: list[bytes], choose: Callable[[list[int]], int]) -> None:
        self.turnstile = Turnstile(choose)
        self.sink = SharedSink(self.turnstile.pause)
        self.log: list[pa.Table] = []
        self.workers = [Harness(self.sink), Harness(self.sink)]
        for w in self.workers:
            self.replace_outbox(w)
        self.records = [Record(i, RECEIVED, b"m", line) for i, line in enumerate(events)]
        self.owner = 0
        self.committed = self.committed_log = 0

    def replace_outbox(self, worker: Harness) -> None:
        worker.outbox = worker.members.outbox = Topic(self.log)

    def batch(self, start: int, size: int) -> RecordBatch | None:
        records = self.records[start : start + size]
        return RecordBatch("events", 0, records) if records else None

    def members(self, number: int, batch: RecordBatch | None) -> Callable[[], None]:
        return lambda: None if batch is None else void(self.workers[number].members.process([batch]))

    def branches(self, number: int, start: int, size: int) -> Callable[[], None]:
        records = [Record(start + i, RECEIVED, b"b", encode(c)) for i, c in enumerate(self.log[start : start + size])]
        pipeline = self.workers[number].branches
        return lambda: None if not records else void(pipeline.process([RecordBatch("days", 0, records)]))

    def move(self) -> None:
        """The other worker gets the partitions; as the shell does, it starts with nothing in memory of them."""
        self.owner = 1 - self.owner
        self.workers[self.owner].cache.forget({0})
        self.workers[self.owner].branches.forget()

    def figures(self) -> dict[str, list[dict[str, Any]]]:
        return self.workers[0].figures()


def void(_: object) -> None:
    """Drop a result."""


def account(sink: Any, sent: int) -> None:
    """The ledger's rule: what was valid is in the archive or a duplicate."""
    ledger = sink.rows(LEDGER)
    assert sum(r["lines"] for r in ledger) == sent
    valid = sum(r["valid"] for r in ledger)
    assert valid == len(sink.rows(EVENTS)) + len(sink.rows(DUPLICATES))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_worker_that_lost_its_partition_and_goes_on_does_not_show(data: st.DataObject) -> None:
    events = data.draw(LINES)
    group = Group(events, lambda waiting: data.draw(st.sampled_from(waiting)))
    steps = data.draw(st.lists(st.sampled_from(["work", "zombie", "move", "lost commit"]), max_size=10))
    in_hand = group.batch(0, data.draw(st.integers(1, 6)))
    for step in steps:
        size, zombie = data.draw(st.integers(1, 5)), 1 - group.owner
        batch = group.batch(group.committed, size)
        pending = group.committed_log, min(data.draw(st.integers(0, 5)), len(group.log) - group.committed_log)
        if step == "move":
            in_hand = batch
            group.move()
            continue
        functions = [group.members(group.owner, batch), group.branches(group.owner, *pending)]
        if step == "zombie":
            # What it fetched while it was the owner; none of it was committed by it, all comes again.
            functions += [group.members(zombie, in_hand), group.branches(zombie, *pending)]
        errors = group.turnstile.run(lambda f=functions: [f[0](), f[1]()], lambda f=functions[2:]: [g() for g in f])
        assert errors == []
        if step != "lost commit" and batch is not None:
            group.committed = batch.next_offset
            group.committed_log = sum(pending)
    group.members(group.owner, group.batch(group.committed, len(events)))()
    group.branches(group.owner, group.committed_log, len(group.log))()
    # A zombie's contributions came after its redelivery was processed: they are read too, and change nothing.
    assert group.figures() == one_by_one(events)
    account(group.sink, len(events))


def study(n: int) -> bytes:
    return event(n, "study", f"2026-03-01T1{n}:00:00+08:00", duration_ms=60_000)


def test_a_worker_that_gets_a_partition_back_knows_what_the_other_one_added() -> None:
    events = [study(1), study(2), study(3)]
    group = Group(events, lambda waiting: waiting[0])
    for _ in events:
        group.members(group.owner, group.batch(group.committed, 1))()
        group.branches(group.owner, group.committed_log, len(group.log))()
        group.committed, group.committed_log = group.committed + 1, len(group.log)
        group.move()
    assert group.figures() == one_by_one(events)


@pytest.mark.parametrize("calls", range(24))
def test_a_failed_batch_that_comes_again_to_the_same_process_is_whole(calls: int) -> None:
    events = [study(1), study(2), study(2)]
    group = Group(events, lambda waiting: waiting[0])
    worker, batch = group.workers[0], group.batch(0, 3)
    assert batch is not None
    group.sink.on_call = crash_after(calls)
    with contextlib.suppress(Crash):
        worker.members.process([batch])
    group.sink.on_call = lambda: None
    worker.members.process([batch])
    group.branches(0, 0, len(group.log))()
    assert group.figures() == one_by_one(events)
    account(group.sink, len(events))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_crash_at_any_effect_does_not_show(data: st.DataObject) -> None:
    """SIGKILL between any two effects: what was not acknowledged comes again to a new process."""
    events = data.draw(LINES)
    group = Group(events, lambda waiting: waiting[0])
    worker = group.workers[0]
    deaths = data.draw(st.lists(st.tuples(st.integers(0, 24), st.booleans()), max_size=6))
    size = data.draw(st.integers(1, 5))
    while group.committed < len(events):
        batch = group.batch(group.committed, size)
        assert batch is not None
        calls, whole_process = deaths.pop() if deaths else (10**6, False)
        group.sink.on_call = crash_after(calls)
        try:
            worker.members.process([batch])
            group.committed = batch.next_offset
            pending = len(group.log) - group.committed_log
            group.branches(0, group.committed_log, pending)()
            group.committed_log += pending
        except Crash:
            group.sink.on_call = lambda: None
            if whole_process:
                worker.restart()
                group.replace_outbox(worker)
    group.sink.on_call = lambda: None
    worker.branches = BranchPipeline(group.sink, worker.rosters)
    group.branches(0, group.committed_log, len(group.log))()
    assert group.figures() == one_by_one(events)
    account(group.sink, len(events))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_contributions_in_any_order_and_number_give_the_same_branch_days(data: st.DataObject) -> None:
    events = data.draw(LINES)
    group = Group(events, lambda waiting: waiting[0])
    # The branches know the beginning already: what they have in memory is older than what comes, in any order.
    for record in range(data.draw(st.integers(0, len(events)))):
        group.members(0, group.batch(record, 1))()
    group.branches(0, 0, len(group.log))()
    group.log.clear()
    for record in data.draw(st.permutations(range(len(events)))):
        group.members(1, group.batch(record, 1))()
    if group.log:
        again = data.draw(st.lists(st.sampled_from(list(group.log)), max_size=4))
        group.log[:] = data.draw(st.permutations(group.log + again))
    at = 0
    while at < len(group.log):
        size = data.draw(st.integers(1, 6))
        group.branches(0, at, size)()
        at += size
    assert group.figures() == one_by_one(events)
