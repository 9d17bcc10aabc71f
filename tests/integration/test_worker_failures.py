"""The real worker, broker and store, while the store is down, slow, lying or refusing, and workers come and go.

One group of processes for all tests; after each, every figure is compared with the oracle, over all that was sent.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from producers.simulate import scaled_scenario
from schemas.tables import REJECTED
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.feed import Feed, plan
from tests.chaos.proxy import HANG, LOSE_ANSWERS, REFUSE
from tests.chaos.verify import verify
from tests.support.engine import rows

pytest.importorskip("chdb", reason="the embedded engine is not installed")
pytestmark = pytest.mark.io
SCENARIO = scaled_scenario(60, 3, 14, seed=3)


class World:
    """The processes, and the producer with its list."""

    def __init__(self, found: Cluster) -> None:
        self.cluster = found
        self.feed = Feed(found.settings, plan(SCENARIO, 3, 9000)[0], 0)

    def send(self, messages: int = 60) -> None:
        assert self.feed.sent + messages <= len(self.feed.messages), "nothing is left to send"
        self.feed.send_next(messages)
        self.feed.flush()

    def check(self) -> None:
        """Settle, and compare everything."""
        self.cluster.settle(120)
        verdict = verify(self.cluster, self.feed, SCENARIO)
        assert not verdict.differences, "\n".join([*verdict.differences[:10], self.cluster.tails()[-3000:]])
        assert verdict.counts["lines acknowledged"] > 0

    def archived(self) -> int:
        return int(self.cluster.store.rows("SELECT count() FROM events")[0][0])

    def wait_archived(self, more_than: int, timeout: float = 90.0) -> None:
        end = time.monotonic() + timeout
        while self.archived() <= more_than:
            assert time.monotonic() < end, self.cluster.tails()
            time.sleep(0.1)


@pytest.fixture(scope="module")
def world(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("failures")
    with cluster(SCENARIO, workers=1, bootstrap=kafka_bootstrap, folder=folder, batch_records=40) as found:
        world = World(found)
        world.send()
        world.check()
        yield world
        world.feed.close()


@pytest.fixture(autouse=True)
def _whole_again(world: World) -> Iterator[None]:
    yield
    world.cluster.proxy.heal()
    world.cluster.proxy.delay, world.cluster.proxy.fail = 0.0, lambda table, body: 0


@pytest.mark.parametrize("mode", [REFUSE, HANG, LOSE_ANSWERS])
def test_a_store_that_is_away_is_waited_for(world: World, mode: str) -> None:
    world.cluster.proxy.hurt(mode)
    world.send()
    before = world.cluster.behind()
    time.sleep(4)
    assert world.cluster.behind() == before > 0, "an offset was committed while the store was away"
    world.cluster.proxy.heal()
    world.check()
    assert world.cluster.workers[0].started == 1, "waiting is no reason to end"


def test_a_store_that_is_killed_and_comes_back_with_its_files(world: World) -> None:
    for _ in range(2):
        world.send(40)
        time.sleep(Random(len(world.feed.acknowledged)).random())
        world.cluster.restart_engine(1.0)
    world.check()


def test_a_store_that_has_too_much_to_do_is_asked_again(world: World) -> None:
    refused = []

    def too_many_parts(table: str, body: bytes) -> int:
        refused.append(table)
        return 252 if len(refused) % 3 else 0

    world.cluster.proxy.fail = too_many_parts
    world.send(40)
    world.check()
    assert {"events", "member_day", "ledger"} <= set(refused)


def test_a_missing_table_ends_the_worker_and_commits_nothing(world: World) -> None:
    world.cluster.proxy.fail = lambda table, body: 60 if table == "member_day" else 0
    worker = world.cluster.workers[0]
    world.send(40)
    assert worker.process.wait(60) == 70
    assert world.cluster.behind() > 0
    world.cluster.proxy.fail = lambda table, body: 0
    world.check()
    assert worker.started == 2


def test_partitions_move_in_the_middle_of_a_batch(world: World) -> None:
    world.cluster.proxy.delay = 0.4
    world.send(150)
    before = world.archived()
    second = world.cluster.add_worker()
    world.wait_archived(before)
    world.cluster.signal(world.cluster.workers[0], signal.SIGTERM)
    assert world.cluster.workers[0].process.wait(60) == 0
    world.cluster.proxy.delay = 0.0
    world.check()
    assert second.running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_at_any_moment(world: World, number: signal.Signals) -> None:
    chance = Random(int(number))
    world.cluster.proxy.delay = 0.05
    for _ in range(3):
        before = world.archived()
        world.send(60)
        world.wait_archived(before)
        time.sleep(chance.random())
        worker = chance.choice(world.cluster.workers)
        world.cluster.signal(worker, number)
        status = worker.process.wait(60)
        # 130, or the signal itself: it was still starting, and had nothing in hand.
        assert status in ((0, 130, -number) if number is signal.SIGTERM else (-number,))
        world.cluster.restart(worker)
    world.check()


def test_one_row_that_is_refused_is_rejected_and_nothing_else(world: World) -> None:
    """Last: the refused event is missing in the figures from here on, as it should be."""
    unlucky = max(
        world.feed.messages[world.feed.sent : world.feed.sent + 40], key=lambda m: len(m.lines) - 99 * len(m.spoiled)
    )
    bad = unlucky.lines[0]

    def refuse(table: str, body: bytes) -> int:
        if table != "events":
            return 0
        with pa.ipc.open_file(pa.BufferReader(body)) as reader:
            return 27 if bad in reader.read_all()["raw"].to_pylist() else 0

    world.cluster.proxy.fail = refuse
    world.send(40)
    world.cluster.settle(120)
    kept = [r for r in rows(world.cluster.store, REJECTED) if r["reason"] == "store_refused"]
    assert {bytes(r["raw"]) for r in kept} == {bad}
    # All that was sent but this one: as if it had never been acknowledged.
    verdict = verify(world.cluster, world.feed, SCENARIO, refused={bad})
    assert verdict.differences == []
