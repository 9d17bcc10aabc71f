"""Wall-clock arithmetic in integer milliseconds, fast enough for millions of time stamps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
_SLOT_MS = 15 * MINUTE_MS  # every UTC offset in use since 2000 changes on a quarter of an hour


def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """Epoch milliseconds of local midnight at the start of ``day``."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def instant(ms: int) -> datetime:
    """Aware UTC datetime of epoch milliseconds, exact."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)


class Stamper:
    """Formats epoch milliseconds as RFC 3339 in one zone, remembering the recent quarters of an hour."""

    def __init__(self, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self._slots: dict[int, tuple[str, int, str]] = {}

    def __call__(self, ms: int) -> str:
        slot, rest = divmod(ms, _SLOT_MS)
        found = self._slots.get(slot)
        if found is None:
            found = self._describe(slot)
        head, minute, offset = found
        minutes, rest = divmod(rest, MINUTE_MS)
        return f"{head}{minute + minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}{offset}"

    def _describe(self, slot: int) -> tuple[str, int, str]:
        if len(self._slots) > 20_000:
            self._slots.clear()
        local = datetime.fromtimestamp(slot * _SLOT_MS // 1000, self.zone)
        text = local.isoformat()
        found = (text[:14], local.minute, text[19:])
        self._slots[slot] = found
        return found
