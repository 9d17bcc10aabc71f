"""How often: token buckets by key. Pure; the clock is the caller's."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

ADDRESS_PER_MINUTE, ADDRESS_BURST = 1200, 600
"""Requests of one address, whoever sends them: many people may share one."""


@dataclass(slots=True)
class Buckets:
    """A bucket for each key: ``burst`` requests at once, then ``per_minute``. At most ``most_keys`` are remembered: the
    key that was not seen for longest is forgotten first. Safe to use from several threads."""

    per_minute: float
    burst: int
    most_keys: int = 10_000
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def take(self, key: str, now: float, count: float = 1.0) -> float:
        """Take ``count`` at ``now`` (s, any origin). 0.0: it was there; else the seconds until it will be, and nothing
        was taken."""
        with self._lock:
            level = self._level(key, now)
            enough = level >= count
            self._keep(key, level - count if enough else level, now)
        return 0.0 if enough else (count - level) * 60.0 / self.per_minute

    def wait(self, key: str, now: float) -> float:
        """The seconds until one could be taken; takes nothing."""
        with self._lock:
            return max(0.0, (1.0 - self._level(key, now)) * 60.0 / self.per_minute)

    def _level(self, key: str, now: float) -> float:
        level, at = self._levels.get(key, (float(self.burst), now))
        return min(float(self.burst), level + max(0.0, now - at) * self.per_minute / 60.0)

    def _keep(self, key: str, level: float, now: float) -> None:
        self._levels[key] = (level, now)
        self._levels.move_to_end(key)
        while len(self._levels) > self.most_keys:
            self._levels.popitem(last=False)
