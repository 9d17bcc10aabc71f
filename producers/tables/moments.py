"""Dates and times as people and spreadsheets write them. Pure; instants come back in UTC."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.reference import Text

FIRST_YEAR, LAST_YEAR = 1900, 2100

_PATTERN = re.compile(
    r"(?P<year>\d{4})(?:[-/.](?P<M1>\d{1,2})[-/.](?P<D1>\d{1,2})|年(?P<M2>\d{1,2})月(?P<D2>\d{1,2})日"
    r"|(?P<M3>\d{2})(?P<D3>\d{2}))"
    r"(?:(?:T|\s+|(?<=日))(?:"
    r"(?P<h1>\d{1,2}):(?P<m1>\d{1,2})(?::(?P<s1>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"|(?P<h2>\d{1,2})[时点](?:(?P<m2>\d{1,2})分(?:(?P<s2>\d{1,2})秒)?)?"
    r")\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)


class NotAMoment(Exception):
    """Text that isn't a date or time, or names one that doesn't exist; ``rule`` says which."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.rule = Text(zh, en)


_BAD_DATE = ("应为日期，如 2025-03-01", "must be a date such as 2025-03-01")
_BAD_TIME = (
    "应为日期和时间，如 2025-03-01 19:30",
    "must be a date and time such as 2025-03-01 19:30 (year first)",
)


def _year(value: date, rule: tuple[str, str]) -> None:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise NotAMoment(f"{rule[0]}，年份 {FIRST_YEAR}–{LAST_YEAR}", f"{rule[1]}, in {FIRST_YEAR}–{LAST_YEAR}")


def _split(text: str, rule: tuple[str, str]) -> tuple[datetime, bool, str]:
    """(naive moment, whether a time of day was written, offset as written)."""
    found = _PATTERN.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if not found:
        raise NotAMoment(*rule)
    part = found.groupdict()

    def number(*names: str) -> int:
        return next((int(part[name]) for name in names if part[name] is not None), 0)

    micros = int((part["fraction"] or "0")[:6].ljust(6, "0"))
    try:
        moment = datetime(
            number("year"),
            number("M1", "M2", "M3"),
            number("D1", "D2", "D3"),
            number("h1", "h2"),
            number("m1", "m2"),
            number("s1", "s2"),
            micros,
        )
    except ValueError:
        raise NotAMoment(*rule) from None
    return moment, part["h1"] is not None or part["h2"] is not None, part["offset"] or ""


def to_date(value: date | str) -> date:
    """A local day. A cell with a time of day other than midnight is refused."""
    if isinstance(value, str):
        moment, timed, _ = _split(value, _BAD_DATE)
    elif isinstance(value, datetime):
        moment, timed = value, True
    else:
        _year(value, _BAD_DATE)
        return value
    if timed and (moment.hour or moment.minute or moment.second or moment.microsecond):
        raise NotAMoment("应为日期，不带时间", "must be a date without a time of day")
    _year(moment, _BAD_DATE)
    return moment.date()


def to_instant(value: date | str, zone: ZoneInfo, day: str = "refused") -> datetime:
    """A UTC instant with microseconds. Without an offset it is read in ``zone``.

    ``day`` says what a day without a time of day means: ``refused``, its ``first`` instant, or its ``last``
    (the start of the next day). A local time that happens twice is the first of the two; one that the clocks
    skip is refused.
    """
    if isinstance(value, str):
        moment, timed, offset = _split(value, _BAD_TIME)
    elif isinstance(value, datetime):
        # A spreadsheet keeps a day as its midnight, so a day and its first instant look the same there.
        timed = day == "refused" or value.time() != datetime.min.time()
        moment, offset = value.replace(tzinfo=None), ""
    else:
        moment, timed, offset = datetime(value.year, value.month, value.day), False, ""
    _year(moment, _BAD_TIME)  # before zones: the edges of datetime overflow there
    if not timed:
        if day == "refused":
            raise NotAMoment("缺少时刻，如 2025-03-01 19:30", "needs a time of day, such as 2025-03-01 19:30")
        # Where clocks skip midnight, fold=0 gives the instant at which the day begins.
        midnight = moment + timedelta(days=day == "last")
        return midnight.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if offset:
        try:
            return datetime.fromisoformat(moment.isoformat() + offset.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise NotAMoment(*_BAD_TIME) from None
    instant = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != moment:
        raise NotAMoment(
            f"{zone.key} 没有这个时刻（时钟跳过）", f"this time does not exist in {zone.key}: clocks skip it"
        )
    return instant
