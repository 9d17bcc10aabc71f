"""What the loop remembers about one person: progress, mastery and the wrong-question book."""

from __future__ import annotations

from random import Random

from producers.simulate.compiled import Compiled, Item
from producers.simulate.model import Person, Traits

_APPS = ("xuejing-app/2.3.1", "xuejing-app/2.4.0", "xuejing-web/1.9.2", "xuejing-mini/1.8.0")


class MemberState:
    """Mutable state of one person. ``known`` and ``met`` are bit masks over knowledge points."""

    __slots__ = (
        "busy_until",
        "category",
        "counter",
        "index",
        "joined",
        "known",
        "member_id",
        "met",
        "progress",
        "rate",
        "sources",
        "starts",
        "traits",
        "wrong",
    )

    def __init__(self, person: Person, joined: int, starts: list[int], app: int) -> None:
        self.index = person.index
        self.member_id = person.member_id
        self.category = person.category
        self.traits: Traits = person.traits
        self.rate = person.traits.sessions_per_week / 7.0 * person.activity
        self.joined = joined
        self.starts = starts
        self.progress: dict[int, list[int]] = {}
        self.known = 0
        self.met = 0
        self.wrong: dict[int, list[str | int]] = {}
        self.busy_until = 0
        self.counter = 0
        self.sources = (_APPS[app % 4], _APPS[(app + 1) % 4])

    def knows(self, point: int, compiled: Compiled, rng: Random) -> bool:
        """Whether the point is mastered; the first meeting decides, in favour of abler people."""
        bit = 1 << point
        if not self.met & bit:
            self.met |= bit
            # A standard normal that correlates 0.6 with ability keeps the population share at P(L0).
            if 0.6 * self.traits.ability + 0.8 * rng.gauss(0.0, 1.0) > compiled.points[point].threshold:
                self.known |= bit
        return bool(self.known & bit)

    def note_answer(self, item: Item, response: str, *, rapid: bool, day: int) -> None:
        """Wrong opens the question in the book; two right, not rapid answers on two days resolve it."""
        if response != item.key:
            self.wrong[item.index] = [response, 0, -1]
            return
        entry = self.wrong.get(item.index)
        if entry is None or rapid or entry[2] == day:
            return
        if entry[1] == 1:
            del self.wrong[item.index]
        else:
            entry[1], entry[2] = 1, day
