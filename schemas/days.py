"""Local days of a time zone, in integers: a day is its number since 1970-01-01, an instant is ms UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def day_date(number: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(number + _EPOCH)


class LocalDays:
    """Days and hours of one IANA zone. Pure; results are cached, a year is 365 small tuples."""

    def __init__(self, zone: str) -> None:
        try:
            self.zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(
                f"time zone {zone!r} is not known", hint="use an IANA name, e.g. Asia/Shanghai"
            ) from error
        self.name = zone
        self.bounds = lru_cache(maxsize=100_000)(self._bounds)
        self.hours = lru_cache(maxsize=10_000)(self._hours)

    def _midnight(self, number: int) -> int:
        local = datetime.combine(day_date(number), datetime.min.time(), self.zone)
        # Where midnight does not exist (DST at 00:00), fold=0 gives the instant at which the day begins.
        return int(local.astimezone(UTC).timestamp()) * 1000

    def _bounds(self, number: int) -> tuple[int, int]:
        return self._midnight(number), self._midnight(number + 1)

    def day_of(self, ms: int) -> int:
        """The local day that the instant ``ms`` falls on."""
        number = ms // DAY_MS
        start, end = self.bounds(number)
        while ms < start:
            number -= 1
            start, end = self.bounds(number)
        while ms >= end:
            number += 1
            start, end = self.bounds(number)
        return number

    def days_of(self, ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """``day_of`` of each instant."""
        near = np.unique(ms // DAY_MS)
        numbers = np.unique(np.concatenate([near - 1, near, near + 1]))
        starts = np.array([self.bounds(n)[0] for n in numbers.tolist()], np.int64)
        found: NDArray[np.int64] = numbers[np.searchsorted(starts, ms, "right") - 1]
        return found

    def bounds_of(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``bounds`` of each day."""
        distinct, of = np.unique(numbers, return_inverse=True)
        found = np.array([self.bounds(n) for n in distinct.tolist()], np.int64).reshape(-1, 2)[of]
        return found[:, 0], found[:, 1]

    def _hours(self, number: int) -> tuple[tuple[int, int, int], ...]:
        """``(start_ms, end_ms, local hour)`` of each hour of the day: 24, or 23 or 25 at DST changes."""
        start, end = self.bounds(number)
        # Quarter hours, because a zone may change or lie by 30 or 45 minutes; runs of one hour are joined.
        runs: list[list[int]] = []
        for at in range(start, end, HOUR_MS // 4):
            hour = (datetime.fromtimestamp(at / 1000, UTC).astimezone(self.zone)).hour
            if runs and runs[-1][2] == hour:
                runs[-1][1] = min(at + HOUR_MS // 4, end)
            else:
                runs.append([at, min(at + HOUR_MS // 4, end), hour])
        return tuple((a, b, h) for a, b, h in runs)

    def date_of(self, ms: int) -> date:
        """The local calendar date of an instant."""
        return day_date(self.day_of(ms))

    def span(self, first: date, last: date) -> tuple[int, int]:
        """``[start, end)`` in ms of the days ``first`` to ``last``, both included."""
        return self.bounds(day_number(first))[0], self.bounds(day_number(last + timedelta(days=1)))[0]
