"""Runs ``shell_worker.py`` as a process and reads what it stored."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from producers.kafka_client import EventProducer, committed_offsets, end_offsets

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Row:
    partition: int
    offset: int
    key: str
    timestamp_ms: int
    headers: list[list[str]]
    value: str


class Workers:
    """Workers of one group on one topic, with one shared store."""

    def __init__(self, bootstrap: str, topic: str, folder: Path, partitions: int = 4) -> None:
        self.bootstrap, self.topic, self.folder, self.partitions = bootstrap, topic, folder, partitions
        self.group = f"group-{topic}"
        self.out = folder / "store"
        self.processes: list[Process] = []

    def start(self, **options: Any) -> Process:
        settings = {"max_batch_records": 500, **options.pop("settings", {})}
        all_options = {
            "bootstrap": self.bootstrap,
            "topic": self.topic,
            "partitions": self.partitions,
            "group": self.group,
            "out": str(self.out),
            "settings": settings,
            **options,
        }
        process = Process(all_options, self.folder / f"log-{len(self.processes)}")
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            process.kill()

    def rows(self) -> list[Row]:
        if not self.out.exists():
            return []
        rows = []
        for line in self.out.read_text().splitlines():
            partition, offset, key, timestamp, headers, value = line.split("\t")
            rows.append(Row(int(partition), int(offset), key, int(timestamp), json.loads(headers), value))
        return rows

    def stored(self) -> set[tuple[int, int]]:
        return {(r.partition, r.offset) for r in self.rows()}

    def duplicates(self) -> int:
        return sum(n - 1 for n in Counter((r.partition, r.offset) for r in self.rows()).values())

    def committed(self) -> dict[int, int]:
        return committed_offsets(self.bootstrap, self.group, self.topic)

    def ends(self) -> dict[int, int]:
        return end_offsets(self.bootstrap, self.topic)

    def everything(self) -> set[tuple[int, int]]:
        return {(p, o) for p, end in self.ends().items() for o in range(end)}

    def assert_committed_is_stored(self) -> None:
        """No committed offset may lie beyond what is stored without a hole."""
        stored = self.stored()
        for partition, offset in self.committed().items():
            missing = [o for o in range(offset) if (partition, o) not in stored]
            assert not missing, f"partition {partition}: committed {offset}, but {missing[:5]} are not stored"

    def wait_done(self, timeout: float = 60.0) -> None:
        ends = self.ends()
        wait(lambda: self.committed() == ends, timeout, f"commit of {ends}")


class Process:
    """One worker process."""

    def __init__(self, options: dict[str, Any], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "shell_worker.py"), json.dumps(options)],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, text: str, timeout: float = 30.0) -> None:
        wait(lambda: text in self.output(), timeout, f"{text!r} in {self.log}", self)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float = 30.0) -> int:
        return self._process.wait(timeout)

    def kill(self) -> None:
        if self.running:
            self._process.kill()
            self._process.wait(10)


def wait(condition: Callable[[], bool], timeout: float, what: str, process: Process | None = None) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        ended = process is not None and not process.running
        if time.monotonic() > deadline or ended:
            tail = process.output()[-1500:] if process is not None else ""
            raise AssertionError(f"no {what} within {timeout} s{' (it ended)' if ended else ''}\n{tail}")
        time.sleep(0.1)


def fill(bootstrap: str, topic: str, first: int, count: int) -> None:
    """Messages ``first`` … ``first + count - 1`` as values, from 97 members."""
    with EventProducer(bootstrap, topic, linger_ms=5, stamp_received=True) as producer:
        for i in range(first, first + count):
            producer.send(f"m{i % 97}", [b"%06d" % i])
