"""Batches whose facts are in memory and not all in the archive: who may go on beside them, and who must wait."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Condition


class Overtaken(Exception):
    """What was folded, or is being folded, rests on facts of an earlier batch that the archive did not take."""


@dataclass(slots=True, eq=False)
class Flight:
    """One batch between its beginning and its end."""

    members: Collection[str] = ()
    """whose facts are in memory and not in the archive"""
    epoch: int = -1
    whole: bool = False
    """it is folded and written part by part: nothing may be folded before it has ended"""


class Flights:
    """Thread-safe. An epoch ends when what memory holds can't be trusted any more; what was folded in it is void."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._flights: list[Flight] = []
        self._epoch = 0

    def start(self, flight: Flight) -> None:
        """The batch begins now, behind all that have begun."""
        with self._changed:
            flight.epoch = self._epoch
            self._flights.append(flight)

    def valid(self, flight: Flight) -> bool:
        """Whether what was folded of it may be written."""
        return flight.epoch == self._epoch

    def wait_until_whole(self, flight: Flight) -> None:
        """Until no earlier batch remains of which parts are still to be folded. Raises Overtaken."""
        self._wait(flight, lambda f: f.whole)

    def wait_until_archived(self, flight: Flight, members: Collection[str]) -> None:
        """Until the archive holds all that earlier batches brought of these members. Raises Overtaken."""
        if members:
            wanted = set(members)
            self._wait(flight, lambda f: not wanted.isdisjoint(f.members))

    def archived(self, flight: Flight) -> None:
        """All its events are in the archive."""
        with self._changed:
            flight.members = ()
            self._changed.notify_all()

    def alone(self, flight: Flight) -> None:
        """Later batches wait for its end before they are folded."""
        with self._changed:
            flight.whole = True
            self._changed.notify_all()

    def overtake(self) -> None:
        """What memory holds is void: all that was folded is folded again, one batch after the other."""
        with self._changed:
            self._epoch += 1
            for flight in self._flights:
                flight.whole = True
            self._changed.notify_all()

    def end(self, flight: Flight) -> None:
        """It is durable, or given up."""
        with self._changed:
            if flight in self._flights:
                self._flights.remove(flight)
            self._changed.notify_all()

    def _wait(self, flight: Flight, blocks: Callable[[Flight], bool]) -> None:
        with self._changed:
            while True:
                if flight.epoch != self._epoch:
                    raise Overtaken
                earlier = self._flights[: self._flights.index(flight)]
                if not any(blocks(f) for f in earlier):
                    return
                self._changed.wait()
