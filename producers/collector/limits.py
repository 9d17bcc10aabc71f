"""How much a key may send, and how wrong a device's clock is: both from the times of what came before."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

FLUSHES = 20
TOLERATED_MS = 2_000
"""A clock that is wrong by no more than this is taken as right."""
LARGEST_SKEW_MS = 366 * 86_400_000
"""As the streams read it."""
KEPT = 50_000
"""Devices, and members, that are remembered; the least recent is forgotten."""


@dataclass(slots=True)
class Bucket:
    """A token bucket: ``rate`` a second, up to ``burst`` at once. Seconds are of a clock that only goes forward."""

    rate: float
    burst: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.burst

    def take(self, count: int, now: float) -> float:
        """0 when ``count`` may pass, else the seconds after which it may. More than a burst passes a full bucket and
        leaves a debt, so that a large flush is slowed and not refused for ever."""
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= min(count, self.burst):
            self.level -= count
            return 0.0
        return (min(count, self.burst) - self.level) / self.rate


class Buckets:
    """A bucket for each name."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, count: int, now: float) -> float:
        """As ``Bucket.take``."""
        bucket = self._of.get(name)
        if bucket is None:
            bucket = self._of[name] = Bucket(self._rate, self._burst, at=now)
            if len(self._of) > KEPT:
                self._of.popitem(last=False)
        else:
            self._of.move_to_end(name)
        return bucket.take(count, now)


@dataclass(slots=True)
class _Device:
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=FLUSHES))
    used: int = 0


class Clocks:
    """θ = min(received − sent) over the last 20 flushes of a device.

    What was told once is told again while it stays true within two seconds: a flush that is repeated must carry the
    same correction, or its events would be other events.
    """

    def __init__(self) -> None:
        self._of: OrderedDict[tuple[str, str], _Device] = OrderedDict()

    def flush(self, key: str, device: str, sent_ms: int | None, received_ms: int) -> int:
        """Milliseconds to add to the times of this flush; 0 when the clock is right within two seconds."""
        name = (key, device)
        found = self._of.get(name)
        if found is None:
            if sent_ms is None:
                return 0
            found = self._of[name] = _Device()
            if len(self._of) > KEPT:
                self._of.popitem(last=False)
        else:
            self._of.move_to_end(name)
        if sent_ms is not None:
            off = max(-LARGEST_SKEW_MS, min(LARGEST_SKEW_MS, received_ms - sent_ms))
            found.recent.append(off)
            theta = min(found.recent)
            if abs(theta - found.used) > TOLERATED_MS:
                found.used = theta if abs(theta) > TOLERATED_MS else 0
        return found.used
