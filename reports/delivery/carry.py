"""One try after the other, with growing pauses, until it works or can't."""

from __future__ import annotations

import random
from collections.abc import Callable

from reports.delivery.content import NotDelivered
from schemas.errors import ConfigError, XuejingError

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


def carry(
    send: Callable[[], str],
    attempts: int,
    tried: Callable[[str, XuejingError | None], None],
    pause: Callable[[float], bool],
) -> bool:
    """Whether it was delivered. ``tried`` records each try (reference, error) before anything else happens;
    ``pause`` waits for seconds and says whether to go on. Programming errors are not caught."""
    for number in range(attempts):
        try:
            reference = send()
        except (NotDelivered, ConfigError) as error:
            tried("", error)
            again = isinstance(error, NotDelivered) and error.again and number + 1 < attempts
            seconds = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
            if not again or not pause(seconds):
                return False
        else:
            tried(reference, None)
            return True
    return False
