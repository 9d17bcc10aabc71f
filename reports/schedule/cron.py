"""Times of a cron expression in a time zone, by the rules of Debian's cron.

When clocks go forward, a job whose time is skipped is due at once after the gap; when they go back, a job at a fixed
time is due once. Expressions whose minute or hour begins with a star follow the clock as it runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from reports.errors import ReportError


def check(expression: str) -> None:
    """Raises ReportError unless the expression has five valid fields and is ever due."""
    if len(expression.split()) != 5:
        raise ReportError(
            f"the cron expression {expression!r} does not have five fields",
            hint="minute hour day-of-month month day-of-week, e.g. 0 6 1 * * for the first of each month at six",
        )
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration, AssertionError) as error:
        raise ReportError(
            f"the cron expression {expression!r} is never due or not valid: {error}",
            hint="minute hour day-of-month month day-of-week, e.g. 0 6 1 * * for the first of each month at six",
        ) from None


def times_after(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Times later than the instant ``after``, ascending, in UTC."""
    last = after.astimezone(UTC)
    # One step back in local time: near a change of clocks the local time alone does not say which hour is meant.
    for found in CronSim(expression, (after - timedelta(hours=3)).astimezone(zone)):
        moment = found.astimezone(UTC)
        if moment > last:
            last = moment
            yield moment


def times_between(expression: str, zone: ZoneInfo, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The newest ``most`` times in (after, until], ascending, in UTC."""
    found: deque[datetime] = deque(maxlen=most)
    for moment in times_after(expression, zone, after):
        if moment > until:
            break
        found.append(moment)
    return list(found)
