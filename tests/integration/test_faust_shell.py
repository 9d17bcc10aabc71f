"""The Faust shell against a broker: what is committed is stored, whatever happens to the worker."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from producers.kafka_client import EventProducer, partition_for
from tests.integration.shell_process import Workers, fill, wait

pytestmark = pytest.mark.io


@pytest.fixture
def workers(kafka_bootstrap: str, new_topic: Callable[..., str], tmp_path: Path) -> Iterator[Workers]:
    group = Workers(kafka_bootstrap, new_topic(), tmp_path)
    yield group
    group.end()


def test_records_pass_whole_and_committed_offsets_are_exact(workers: Workers) -> None:
    before = int(time.time() * 1000)
    with EventProducer(workers.bootstrap, workers.topic) as producer:
        for i in range(3000):
            producer.send(f"m{i % 97}", [b"%06d" % i], received_at_ms=1_700_000_000_000 + i, headers=[("a", b"b")])
    worker = workers.start()
    workers.wait_done()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    rows = workers.rows()
    assert len(rows) == 3000
    assert workers.stored() == workers.everything()
    for row in rows:
        i = int(row.value)
        assert row.key == f"m{i % 97}"
        assert row.partition == partition_for(row.key, 4)
        assert row.headers == [["a", "b"], ["xj-received", str(1_700_000_000_000 + i)]]
        assert before <= row.timestamp_ms <= time.time() * 1000
    by_partition: dict[int, list[int]] = {}
    for row in rows:
        by_partition.setdefault(row.partition, []).append(row.offset)
    assert all(offsets == sorted(offsets) for offsets in by_partition.values())


def test_an_exception_ends_the_process_and_commits_nothing_of_the_batch(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 4000)
    worker = workers.start(fail_at=3)
    assert worker.wait() == 70
    output = worker.output()
    assert output.count("ValueError: boom") == 2  # the message and its traceback: said once
    assert "FATAL ValueError" in output
    workers.assert_committed_is_stored()
    assert workers.stored() < workers.everything()
    workers.start()
    workers.wait_done()
    assert workers.stored() == workers.everything()


def test_killed_again_and_again_nothing_is_lost(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 6000)
    for _ in range(3):
        have = len(workers.rows())
        worker = workers.start(slow=0.15, settings={"commit_interval": 0.2})
        wait(lambda have=have: len(workers.rows()) > have + 600, 40, "progress", worker)
        worker.kill()
        workers.assert_committed_is_stored()
    assert workers.stored() < workers.everything()
    workers.start()
    workers.wait_done()
    assert workers.stored() == workers.everything()


def test_asked_to_stop_it_finishes_commits_and_leaves(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 6000)
    worker = workers.start(slow=0.5)
    wait(lambda: len(workers.rows()) > 900, 30, "progress", worker)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    stored = len(workers.rows())
    assert 900 < stored < 6000
    assert sum(workers.committed().values()) == stored
    output = worker.output()  # else it would hold up the next one until its session ends
    assert "left the group, error code 0" in output or "LeaveGroup request succeeded" in output
    workers.start()
    workers.wait_done()
    assert workers.stored() == workers.everything()
    assert workers.duplicates() == 0


def test_a_handler_that_does_not_end_is_cut_off_and_not_committed(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 1000)
    worker = workers.start(slow=120, settings={"stop_timeout": 2.0})
    worker.says("ASSIGNED")
    time.sleep(1)
    worker.signal(signal.SIGTERM)
    began = time.monotonic()
    assert worker.wait() == 75
    assert 1.5 < time.monotonic() - began < 15
    assert workers.committed() == {}


def test_partitions_move_between_two_workers_without_loss(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 4000)
    first = workers.start(slow=0.2)
    wait(lambda: len(workers.rows()) > 500, 30, "progress", first)
    second = workers.start(slow=0.2)
    second.says("ASSIGNED")
    first.says("REVOKED")
    fill(workers.bootstrap, workers.topic, 4000, 2000)
    wait(lambda: first.output().count("ASSIGNED") >= 2, 30, "second assignment", first)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    workers.wait_done()
    assert workers.stored() == workers.everything()
    assert second.running
    workers.assert_committed_is_stored()


def test_a_handler_that_waits_longer_than_the_session_stays_in_the_group(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 2000)
    worker = workers.start(hang_at=2, hang_for=14.0)
    worker.says("HANGING")
    stored = len(workers.rows())
    time.sleep(10)
    assert len(workers.rows()) == stored
    assert sum(workers.committed().values()) == stored
    workers.wait_done()
    assert workers.stored() == workers.everything()
    assert workers.duplicates() == 0
    assert "REVOKED" not in worker.output()


def test_a_worker_that_slept_through_its_eviction_commits_nothing_over_others(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 3000)
    sleeper = workers.start(slow=0.3)
    wait(lambda: len(workers.rows()) > 500, 30, "progress", sleeper)
    sleeper.signal(signal.SIGSTOP)
    time.sleep(6)  # its session lasts 4 s
    other = workers.start()
    workers.wait_done()
    committed = workers.committed()
    sleeper.signal(signal.SIGCONT)
    for _ in range(40):
        now = workers.committed()
        assert all(now[p] >= committed[p] for p in committed), f"{committed} became {now}"
        time.sleep(0.1)
    sleeper.says("REVOKED", 20)
    fill(workers.bootstrap, workers.topic, 3000, 1000)
    workers.wait_done()
    assert workers.stored() == workers.everything()
    assert other.running
    assert sleeper.running


def test_a_handler_that_outlasts_a_rebalance_changes_nothing_afterwards(workers: Workers) -> None:
    fill(workers.bootstrap, workers.topic, 0, 1500)
    late = workers.start(hang_at=1, hang_for=20.0)
    late.says("HANGING")
    other = workers.start()
    other.says("ASSIGNED", 19)  # the rebalance waits for the handler in hand, but not to its end
    assert "REVOKED" not in late.output()  # its callbacks never run beside a handler
    workers.wait_done()
    workers.assert_committed_is_stored()
    late.says("REVOKED")
    late.says("ASSIGNED")
    fill(workers.bootstrap, workers.topic, 1500, 500)
    workers.wait_done()
    assert workers.stored() == workers.everything()
    assert late.running
    assert other.running


def test_another_partition_count_stops_the_worker(kafka_bootstrap: str, workers: Workers) -> None:
    wrong = Workers(kafka_bootstrap, workers.topic, workers.folder, partitions=8)
    worker = wrong.start()
    try:
        assert worker.wait(30) == 70
        assert "has 4 partitions, not 8" in worker.output()
    finally:
        wrong.end()
