"""The collector: one handler call at a time, everything that is ready in it, nothing after a failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace

from streams.faust_shell.collector import Collector, Limits
from streams.faust_shell.ledger import Admission, Ledger, Run
from streams.faust_shell.scheduler import cut, run_scheduler
from streams.records import PartitionSet, Record, RecordBatch, Rest


class Bench:
    """A collector with a ledger, and a feed of runs of ten records each."""

    def __init__(self, handler: Callable[[Sequence[RecordBatch]], Awaitable[None]], **options: object) -> None:
        self.failures: list[BaseException] = []
        self.ledger = Ledger()
        limits = Limits(
            max_records=int(str(options.pop("max_records", 1000))),
            max_bytes=int(str(options.pop("max_bytes", 1_000_000))),
            linger=float(str(options.pop("linger", 0.0))),
        )
        topics = options.pop("topics", ("t",))
        assert isinstance(topics, tuple)
        handlers = dict.fromkeys(topics, handler)
        self.collector = Collector(handlers, self.ledger, limits, self.failures.append, **options)  # type: ignore[arg-type]
        self.ledger.restart({(topic, p): 0 for topic in topics for p in range(4)})

    def feed(self, partition: int, count: int = 10, topic: str = "t") -> Run:
        start = self.ledger.expected((topic, partition)) or 0
        run = Run(topic, partition, [Record(o, 0, b"k", b"vvvv") for o in range(start, start + count)], 4 * count)
        assert self.ledger.admit(run) is Admission.TAKE
        self.collector.offer(run)
        return run


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")


def test_what_is_ready_goes_into_one_call_in_offset_order() -> None:
    calls: list[Sequence[RecordBatch]] = []

    async def handler(batches: Sequence[RecordBatch]) -> None:
        calls.append(batches)

    async def main() -> None:
        bench = Bench(handler)
        for _ in range(3):
            bench.feed(0)
            bench.feed(1)
        bench.collector.start()
        await until(lambda: len(calls) == 1)
        assert {(b.partition, b.first_offset, b.last_offset, len(b)) for b in calls[0]} == {
            (0, 0, 29, 30),
            (1, 0, 29, 30),
        }
        assert all([r.offset for r in b.records] == list(range(30)) for b in calls[0])
        await until(lambda: bench.ledger.to_commit() == {("t", 0): 30, ("t", 1): 30})
        await bench.collector.stop()

    asyncio.run(main())


def test_limits_bound_a_call_and_close_the_tap() -> None:
    sizes: list[int] = []
    gate = asyncio.Event()

    async def handler(batches: Sequence[RecordBatch]) -> None:
        sizes.append(sum(len(b) for b in batches))
        await gate.wait()

    async def main() -> None:
        bench = Bench(handler, max_records=25, linger=10.0)
        bench.collector.start()
        for _ in range(3):
            bench.feed(0)
        await until(lambda: sizes == [20])  # a third run would pass the limit
        assert bench.collector.has_room("t")
        for _ in range(3):
            bench.feed(0)
        assert not bench.collector.has_room("t")
        assert bench.collector.has_room("other")
        waiting = asyncio.create_task(bench.collector.wait_for_room(5.0))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        gate.set()
        await asyncio.wait_for(waiting, 2)
        await until(lambda: sizes == [20, 20])
        await bench.collector.stop()

    asyncio.run(main())


def test_it_waits_for_more_but_not_longer_than_the_linger() -> None:
    calls: list[tuple[float, int]] = []

    async def handler(batches: Sequence[RecordBatch]) -> None:
        calls.append((time.monotonic(), sum(len(b) for b in batches)))

    async def main() -> None:
        bench = Bench(handler, linger=0.2)
        bench.collector.start()
        began = time.monotonic()
        bench.feed(0)
        await asyncio.sleep(0.05)
        bench.feed(1)
        await until(lambda: bool(calls))
        assert calls[0][1] == 20
        assert 0.19 <= calls[0][0] - began < 0.4
        await bench.collector.stop()

    asyncio.run(main())


def test_calls_never_overlap_unless_asked_for_and_then_only_of_different_topics() -> None:
    for concurrency, most in ((1, 1), (2, 2)):
        working: list[str] = []
        seen: list[int] = []

        async def handler(batches: Sequence[RecordBatch], working: list[str] = working, seen: list[int] = seen) -> None:
            assert batches[0].topic not in working
            working.append(batches[0].topic)
            seen.append(len(working))
            await asyncio.sleep(0.01)
            working.remove(batches[0].topic)

        async def main(concurrency: int = concurrency, most: int = most, seen: list[int] = seen) -> None:
            bench = Bench(handler, topics=("a", "b", "c"), max_records=10, concurrency=concurrency)
            for _ in range(3):
                for topic in ("a", "b", "c"):
                    bench.feed(0, topic=topic)
            bench.collector.start()
            await until(lambda: len(seen) == 9)
            assert max(seen) == most
            await bench.collector.stop()

        asyncio.run(main())


def test_after_a_failure_nothing_is_handled_and_nothing_of_the_call_is_committed() -> None:
    calls = 0

    async def handler(batches: Sequence[RecordBatch]) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError("boom")

    async def main() -> None:
        bench = Bench(handler, max_records=10)
        for _ in range(4):
            bench.feed(0)
        bench.collector.start()
        await until(lambda: bool(bench.failures))
        await asyncio.sleep(0.05)
        assert calls == 2
        assert [str(e) for e in bench.failures] == ["boom"]
        assert bench.ledger.to_commit() == {("t", 0): 10}
        bench.feed(1)
        await asyncio.sleep(0.05)
        assert calls == 2
        await bench.collector.stop()

    asyncio.run(main())


def test_revocation_lets_the_call_in_hand_finish_and_forgets_the_rest() -> None:
    events: list[str] = []
    gate = asyncio.Event()

    async def handler(batches: Sequence[RecordBatch]) -> None:
        events.append(f"start {batches[0].first_offset}")
        await gate.wait()
        events.append("end")

    async def note(kind: str, places: PartitionSet) -> None:
        events.append(f"{kind} {len(places)}")

    async def main() -> None:
        bench = Bench(
            handler,
            max_records=10,
            on_assigned=lambda places: note("assigned", places),
            on_revoked=lambda places: note("revoked", places),
        )
        collector, ledger = bench.collector, bench.ledger
        collector.start()
        bench.feed(0)
        bench.feed(0)
        await until(lambda: events == ["start 0"])
        collector.hold()
        assert not await collector.settle(0.02)
        ledger.revoke()
        collector.drop()
        collector.revoked([("t", 0), ("elsewhere", 1)])
        ledger.restart({("t", 0): 0})
        collector.assigned([("t", 0)])
        collector.release()
        bench.feed(0)
        await asyncio.sleep(0.05)
        assert events == ["start 0"]  # callbacks and new calls wait for the one in hand
        gate.set()
        assert await collector.settle(2)
        await until(lambda: len(events) == 6)
        assert events == ["start 0", "end", "revoked 1", "assigned 1", "start 0", "end"]
        await until(lambda: ledger.to_commit() == {("t", 0): 10})
        await collector.stop()

    asyncio.run(main())


def test_a_late_end_in_another_epoch_is_not_committed() -> None:
    gate = asyncio.Event()

    async def handler(batches: Sequence[RecordBatch]) -> None:
        await gate.wait()

    async def main() -> None:
        bench = Bench(handler)
        bench.collector.start()
        bench.feed(0)
        await until(lambda: bench.collector.busy)
        bench.ledger.restart({("t", 0): 0})
        gate.set()
        await until(lambda: not bench.collector.busy)
        assert bench.ledger.to_commit() == {}
        await bench.collector.stop()

    asyncio.run(main())


def fetched(*values: bytes | None) -> list[Record]:
    return [Record(i, 1000 + i, b"k%d" % i, v, (("h", b"x"),)) for i, v in enumerate(values)]


def test_a_poll_becomes_one_run_that_keeps_everything() -> None:
    (one,) = cut("t", 3, fetched(b"aa", None, b"b"), 10, 100)
    assert (one.topic, one.partition, one.offset, one.timestamp) == ("t", 3, 2, 1002)
    assert one.value.size == 3
    assert one.value.records == [
        Record(0, 1000, b"k0", b"aa", (("h", b"x"),)),
        Record(1, 1001, b"k1", None, (("h", b"x"),)),
        Record(2, 1002, b"k2", b"b", (("h", b"x"),)),
    ]
    assert list(cut("t", 3, [], 10, 100)) == []


def test_a_poll_is_cut_by_records_and_by_bytes() -> None:
    runs = [[r.offset for r in one.value.records] for one in cut("t", 0, fetched(*[b"x"] * 7), 3, 100)]
    assert runs == [[0, 1, 2], [3, 4, 5], [6]]
    by_bytes = list(cut("t", 0, fetched(b"x" * 6, b"x" * 6, b"x" * 30, b"x", b"x"), 100, 12))
    assert [[r.offset for r in one.value.records] for one in by_bytes] == [[0, 1], [2], [3, 4]]
    assert [one.value.size for one in by_bytes] == [12, 30, 2]
    assert [one.offset for one in by_bytes] == [1, 2, 4]


def test_other_topics_go_through_untouched() -> None:
    scheduler = run_scheduler(["mine"], 10, 100)()
    mine, other = SimpleNamespace(topic="mine", partition=0), SimpleNamespace(topic="other", partition=0)
    mine_key, other_key = _Place("mine", 0), _Place("other", 0)
    records = fetched(b"a", b"b")
    out = list(scheduler.iterate({mine_key: records, other_key: records}))
    assert [tp.topic for tp, _ in out] == [mine.topic, other.topic, other.topic]
    assert out[1][1] is records[0]


class _Place(tuple[str, int]):
    def __new__(cls, topic: str, partition: int) -> _Place:
        return super().__new__(cls, (topic, partition))

    @property
    def topic(self) -> str:
        return self[0]

    @property
    def partition(self) -> int:
        return self[1]


class Rests:
    """A handler that leaves a rest behind for each call; the rest waits until ``let`` says so."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.gates: list[asyncio.Event] = []
        self.fails = -1

    async def __call__(self, batches: Sequence[RecordBatch]) -> Rest:
        n = len(self.gates)
        self.gates.append(asyncio.Event())
        self.events.append(f"begin {n}")

        async def rest() -> None:
            self.events.append(f"rest {n}")
            await self.gates[n].wait()
            if n == self.fails:
                raise RuntimeError("boom")
            self.events.append(f"durable {n}")

        return rest

    async def seen(self, *events: str) -> None:
        """These and no others; what begins is not ordered by what another one waits for."""
        await until(lambda: sorted(self.events) == sorted(events))
        await asyncio.sleep(0.03)
        assert sorted(self.events) == sorted(events)

    def written(self) -> list[str]:
        return [e for e in self.events if not e.startswith("begin")]


def test_the_next_batch_is_begun_beside_the_rest_of_the_last_and_rests_go_in_order() -> None:
    async def main() -> None:
        handler = Rests()
        bench = Bench(handler, max_records=10)
        for _ in range(4):
            bench.feed(0)
        bench.collector.start()
        await handler.seen("begin 0", "rest 0", "begin 1")
        assert bench.ledger.to_commit() == {}
        handler.gates[1].set()
        handler.gates[0].set()
        await until(lambda: len(handler.gates) == 4)
        await until(lambda: handler.written() == ["rest 0", "durable 0", "rest 1", "durable 1", "rest 2"])
        assert bench.ledger.to_commit() == {("t", 0): 20}
        handler.gates[2].set()
        handler.gates[3].set()
        assert await bench.collector.settle(2)
        assert bench.ledger.to_commit() == {("t", 0): 40}
        await bench.collector.stop()

    asyncio.run(main())


def test_a_small_batch_waits_for_the_rest_of_the_last() -> None:
    async def main() -> None:
        handler = Rests()
        bench = Bench(handler, max_records=1000)
        bench.feed(0)
        bench.collector.start()
        await handler.seen("begin 0", "rest 0")
        bench.feed(0)
        await handler.seen("begin 0", "rest 0")
        bench.feed(0, count=250)
        await handler.seen("begin 0", "rest 0", "begin 1")
        await bench.collector.stop()

    asyncio.run(main())


def test_behind_a_rest_that_fails_nothing_is_done_and_nothing_is_committed() -> None:
    async def main() -> None:
        handler = Rests()
        handler.fails = 0
        bench = Bench(handler, max_records=10)
        for _ in range(3):
            bench.feed(0)
        bench.collector.start()
        await handler.seen("begin 0", "rest 0", "begin 1")
        handler.gates[0].set()
        await until(lambda: bool(bench.failures))
        await handler.seen("begin 0", "rest 0", "begin 1")
        assert [str(e) for e in bench.failures] == ["boom"]
        assert bench.ledger.to_commit() == {}
        assert await bench.collector.settle(2)
        await bench.collector.stop()

    asyncio.run(main())


def test_a_rebalance_waits_for_rests_too() -> None:
    async def main() -> None:
        handler = Rests()
        bench = Bench(handler, max_records=10)
        bench.feed(0)
        bench.feed(0)
        bench.collector.start()
        await handler.seen("begin 0", "rest 0", "begin 1")
        bench.collector.hold()
        assert not await bench.collector.settle(0.02)
        handler.gates[0].set()
        await handler.seen("begin 0", "rest 0", "begin 1", "durable 0", "rest 1")
        assert not await bench.collector.settle(0.02)
        handler.gates[1].set()
        assert await bench.collector.settle(2)
        assert bench.ledger.to_commit() == {("t", 0): 20}
        await bench.collector.stop()

    asyncio.run(main())
