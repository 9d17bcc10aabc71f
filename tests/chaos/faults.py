"""What is done to the processes, by a seeded schedule."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.chaos.cluster import Cluster, Worker
from tests.chaos.proxy import HANG, LOSE_ANSWERS, REFUSE

SESSION = 6.0
"""Seconds after which the group gives up a worker that is silent (with --embedded)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; ``seconds`` is how long it lasts at least."""

    kind: str
    seconds: float
    worker: int


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was survived or not: when it began and was over (seconds since the epoch)."""

    kind: str
    begin: float
    end: float


def schedule(seed: int, workers: int, *, broker: bool) -> Iterator[Fault]:
    """Faults without end: all kinds, shuffled, then all again."""
    rng = Random(seed)
    kinds = [k for k in KINDS if broker or k != "broker killed"]
    while True:
        rng.shuffle(kinds)
        for kind in kinds:
            low, high = KINDS[kind][0]
            yield Fault(kind, rng.uniform(low, high), rng.randrange(workers))


def inflict(fault: Fault, cluster: Cluster) -> Done:
    """Do it, and undo it."""
    begin = time.time()
    KINDS[fault.kind][1](cluster, cluster.workers[fault.worker], fault.seconds)
    return Done(fault.kind, begin, time.time())


def rest(cluster: Cluster, seconds: float, spare: Worker | None = None) -> None:
    """Let time pass while workers that end by themselves are started again."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        cluster.supervise(spare)
        time.sleep(min(0.2, left))


def _kill(cluster: Cluster, worker: Worker, seconds: float) -> None:
    cluster.signal(worker, signal.SIGKILL)
    worker.process.wait(30)
    rest(cluster, seconds, worker)
    cluster.restart(worker)


def _terminate(cluster: Cluster, worker: Worker, seconds: float) -> None:
    cluster.signal(worker, signal.SIGTERM)
    worker.process.wait(90)
    rest(cluster, seconds, worker)
    cluster.restart(worker)


def _pause(cluster: Cluster, worker: Worker, seconds: float) -> None:
    cluster.signal(worker, signal.SIGSTOP)
    rest(cluster, seconds, worker)
    cluster.signal(worker, signal.SIGCONT)


def _store(mode: str) -> Callable[[Cluster, Worker, float], None]:
    def hurt(cluster: Cluster, worker: Worker, seconds: float) -> None:
        cluster.proxy.hurt(mode)
        rest(cluster, seconds)
        cluster.proxy.heal()

    return hurt


def _store_crash(cluster: Cluster, worker: Worker, seconds: float) -> None:
    cluster.restart_engine(seconds)


def _kill_while_away(cluster: Cluster, worker: Worker, seconds: float) -> None:
    cluster.proxy.hurt(HANG)
    rest(cluster, seconds / 2)
    cluster.signal(worker, signal.SIGKILL)
    worker.process.wait(30)
    rest(cluster, seconds / 2, worker)
    cluster.proxy.heal()
    cluster.restart(worker)


def _broker(cluster: Cluster, worker: Worker, seconds: float) -> None:
    cluster.broker.kill9()
    rest(cluster, seconds)
    cluster.broker.restart()


KINDS: dict[str, tuple[tuple[float, float], Callable[[Cluster, Worker, float], None]]] = {
    "worker killed": ((0.0, 2.0), _kill),
    "worker asked to stop": ((0.0, 1.0), _terminate),
    "worker paused past its session": ((SESSION + 1.0, SESSION + 3.0), _pause),
    "store refuses connections": ((1.0, 4.0), _store(REFUSE)),
    "store hangs": ((2.0, 5.0), _store(HANG)),
    "store does the work but its answers are lost": ((1.0, 3.0), _store(LOSE_ANSWERS)),
    "store killed": ((0.0, 2.0), _store_crash),
    "worker killed while the store hangs": ((2.0, 4.0), _kill_while_away),
    "broker killed": ((0.5, 3.0), _broker),
}
"""Fault → shortest and longest duration in seconds, and what to do."""
