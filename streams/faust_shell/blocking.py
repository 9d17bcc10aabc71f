"""Work that blocks, out of the event loop's way: heartbeats must go on while a handler waits for the store."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None


def _get_executor() -> ThreadPoolExecutor:
    global _executor
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 2), thread_name_prefix="handler")
        return _executor


async def run_blocking(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls ``function`` in a thread and waits for it without holding up the event loop.

    A call can't be interrupted: when the task that awaits it is cancelled, the thread works on to its end.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_get_executor(), functools.partial(function, *args, **kwargs))
