"""Moments as people write them, and the rule of every table for what was there at one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commands.as_of import parse_moment
from schemas.errors import InputError
from schemas.tables import TABLES
from sinks.as_of import RULES

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "first", "width"),
    [
        ("2026-03-31", "2026-03-31T16:00:00", timedelta(microseconds=1)),
        ("2026-03-31T18:00", "2026-03-31T10:00:00", timedelta(minutes=1)),
        ("2026-03-31 18:00", "2026-03-31T10:00:00", timedelta(minutes=1)),
        ("2026-03-31T18:00:07", "2026-03-31T10:00:07", timedelta(seconds=1)),
        ("2026-03-31T18:00-05:00", "2026-03-31T23:00:00", timedelta(minutes=1)),
        ("2026-03-31T18:00:07Z", "2026-03-31T18:00:07", timedelta(seconds=1)),
        ("2026-03-31T18:00:07.250+08:00", "2026-03-31T10:00:07.250", timedelta(milliseconds=1)),
        ("2026-03-31T18:00:07.000012+00:00", "2026-03-31T18:00:07.000012", timedelta(microseconds=1)),
        ("2026-03-31T18:00:07.000000+00:00", "2026-03-31T18:00:07", timedelta(microseconds=1)),
    ],
)
def test_moments(text: str, first: str, width: timedelta) -> None:
    start, end = parse_moment(text, SHANGHAI)
    assert start == datetime.fromisoformat(first).replace(tzinfo=UTC)
    assert end - start == width


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "31.03.2026", ""])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InputError, match="no moment"):
        parse_moment(text, SHANGHAI)


def test_every_table_has_a_rule() -> None:
    """A new table says in sinks/as_of.py which of its rows were there at a moment: reports must not read newer ones."""
    assert RULES.keys() == TABLES.keys()
