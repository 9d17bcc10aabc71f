"""Two callers that share a store, switched at every call of it: each order of effects can be told exactly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from sinks.memory import MemorySink


class Turnstile:
    """Runs functions in threads, one at a time; ``pause`` gives the next choice the turn."""

    def __init__(self, choose: Callable[[list[int]], int]) -> None:
        self._choose = choose
        self._gates: dict[int, threading.Semaphore] = {}
        self._back = threading.Semaphore(0)
        self._me = threading.local()

    def pause(self) -> None:
        """A point at which another one may go on; nothing outside ``run``."""
        number = getattr(self._me, "number", None)
        if number is not None:
            self._back.release()
            self._gates[number].acquire()

    def run(self, *functions: Callable[[], None]) -> list[BaseException]:
        """Run the functions to their ends, interleaved; returns what they raised."""
        errors: list[BaseException] = []
        done: set[int] = set()

        def body(number: int, function: Callable[[], None]) -> None:
            self._me.number = number
            self._gates[number].acquire()
            try:
                function()
            except BaseException as error:
                errors.append(error)
            finally:
                done.add(number)
                self._back.release()

        self._gates = {n: threading.Semaphore(0) for n in range(len(functions))}
        threads = [threading.Thread(target=body, args=item, daemon=True) for item in enumerate(functions)]
        for thread in threads:
            thread.start()
        while waiting := [n for n in self._gates if n not in done]:
            self._gates[self._choose(waiting)].release()
            if not self._back.acquire(timeout=30):
                raise RuntimeError("a caller neither ended nor paused")
        for thread in threads:
            thread.join()
        return errors


class SharedSink(MemorySink):
    """A store that tells of each call before and after it happens."""

    def __init__(self, on_call: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.on_call = on_call

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in {"insert", "facts", "lines_of", "member_days", "branch_days", "latest_import", "reference"}:
            return found

        def call(*arguments: Any) -> Any:
            self.on_call()
            result = found(*arguments)
            self.on_call()
            return result

        return call


class Crash(BaseException):
    """The process ends here."""


def crash_after(calls: int) -> Callable[[], None]:
    """A callback that lets this many points pass and then ends the process at each."""
    points: Iterator[int] = iter(range(calls))

    def tick() -> None:
        if next(points, None) is None:
            raise Crash

    return tick
