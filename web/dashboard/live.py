"""Push: one look at the store's version for all open pages, and the parts that changed to each of them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import StoreError, XuejingError
from web.dashboard.render import Rendered

POLL = 0.25
"""Seconds between two looks at the store's version while a page is open."""
CLOCK = 5.0
"""Seconds after which an open page hears that all is well."""
MOST_PAGES = 64
"""Made pages that are kept for whoever opens the same one."""
MOST_STREAMS = 500
"""Open pages; more are refused and stand still until one is closed."""

log = logging.getLogger(__name__)
Make = Callable[[], tuple[Rendered, ...]]
"""Makes the parts of a page; called in a thread."""


@dataclass
class _Made:
    version: Hashable
    parts: asyncio.Future[tuple[Rendered, ...]]


@dataclass
class Hub:
    """``version`` looks at the store (in a thread) and changes with everything that a page may show."""

    version: Callable[[], Hashable]
    _seen: Hashable = None
    _away: bool = False
    _turn: asyncio.Condition = field(default_factory=asyncio.Condition)
    _made: OrderedDict[Hashable, _Made] = field(default_factory=OrderedDict)
    _open: int = 0
    _task: asyncio.Task[None] | None = None
    _closing: bool = False

    def close(self) -> None:
        """End every stream soon. From any thread."""
        self._closing = True

    async def parts(self, key: Hashable, make: Make, *, pulse: bool = False) -> tuple[Rendered, ...]:
        """The parts of a page as the store is now. Whoever asks for the same page meanwhile waits for the same.

        ``pulse``: the page shows more than the store, and is made anew every few seconds.
        """
        if not self._open:
            await self._look()
        version = self._current(pulse)
        found = self._made.get(key)
        if found is None or found.version != version:
            future = asyncio.ensure_future(asyncio.to_thread(make))
            self._made[key] = found = _Made(version, future)
            self._made.move_to_end(key)
            while len(self._made) > MOST_PAGES:
                self._made.popitem(last=False)
            future.add_done_callback(lambda done: self._forget(key, done))
        # A reader that goes away must not take the page from the others.
        return await asyncio.shield(found.parts)

    def _current(self, pulse: bool) -> Hashable:
        return self._seen, int(asyncio.get_running_loop().time() / CLOCK) if pulse else 0

    def _forget(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and (found := self._made.get(key)) is not None and found.parts is done:
            del self._made[key]

    async def stream(
        self,
        key: Hashable,
        make: Make,
        have: Collection[str],
        allowed: Callable[[], Awaitable[bool]],
        *,
        pulse: bool = False,
        quick: Make | None = None,
    ) -> AsyncIterator[tuple[str, Any]]:
        """Events of one open page: ``parts`` that differ from ``have``, ``clock``, and ``end`` when it may no longer
        be seen. ``quick`` makes some parts sooner than all of them are made; they come first."""
        if self._open >= MOST_STREAMS:
            return
        self._open += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            shown: set[str] = set(have)
            version: Hashable = object()
            while not self._closing:
                try:
                    if not await allowed():
                        yield "end", None
                        return
                except StoreError:
                    return  # who may see it can't be told now: the page comes again
                yield "clock", not self._away
                if self._seen is not None and self._current(pulse) != version:
                    first, version = not isinstance(version, tuple), self._current(pulse)
                    try:
                        if quick is not None and not first:
                            soon = await self.parts((key, "quick"), quick)
                            if changed := [p for p in soon if p.hash not in shown]:
                                yield "parts", changed
                                shown |= {p.hash for p in soon}
                        parts = await self.parts(key, make, pulse=pulse)
                    except StoreError:
                        version, self._away = object(), True  # asked again when the store answers
                    else:
                        if changed := [p for p in parts if p.hash not in shown]:
                            yield "parts", changed
                        shown = {p.hash for p in parts}
                await self._changed(version, pulse)
        finally:
            self._open -= 1

    async def _changed(self, version: Hashable, pulse: bool) -> None:
        """Until the store has another version, or it is time to say that all is well."""

        def due() -> bool:
            return self._closing or (self._current(pulse) != version and not self._away)

        async with self._turn:
            try:
                await asyncio.wait_for(self._turn.wait_for(due), CLOCK)
            except TimeoutError:
                return

    async def _watch(self) -> None:
        """Look as long as a page is open."""
        while self._open:
            await self._look()
            await asyncio.sleep(POLL)

    async def _look(self) -> None:
        try:
            seen, away = await asyncio.to_thread(self.version), False
        except XuejingError as error:
            log.warning("the store does not answer: %s", error)
            seen, away = self._seen, True
        async with self._turn:
            if seen != self._seen or away != self._away or self._closing:
                self._seen, self._away = seen, away
                self._turn.notify_all()
