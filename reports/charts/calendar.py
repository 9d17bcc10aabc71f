"""Study calendar: one square a day, weeks as columns, darker for more."""

from __future__ import annotations

from datetime import date, timedelta

from markupsafe import Markup

from reports.charts.svg import WIDTH, figure, nice_step, text
from reports.pattern import Calendar, monday
from reports.text import Words

PITCH, CELL = 17, 14.5
LEFT, TOP = 30, 18
BLOCK_WEEKS = 20
"""Longer calendars are broken into rows, so that squares stay readable on a telephone and on paper."""
WEEK = timedelta(days=7)


def thresholds(largest: float) -> tuple[float, float, float]:
    """Upper ends of the three lighter shades in seconds: b, 2b, 4b with a readable b."""
    base = nice_step(largest * 0.6, 4)
    return base, 2 * base, 4 * base


def shade(seconds: float, limits: tuple[float, float, float]) -> int:
    """0 for nothing, 1 to 4 for more and more."""
    return 0 if seconds <= 0 else 1 + sum(seconds > limit for limit in limits)


def calendar_chart(data: Calendar, words: Words) -> Markup:
    """The calendar with its legend."""
    values = data.values.values
    limits = thresholds(max(values, default=0.0))
    last = data.first + timedelta(days=len(values) - 1)
    start = monday(data.first)
    weeks = (monday(last) - start).days // 7 + 1
    rows = -(-weeks // BLOCK_WEEKS)
    per_row = -(-weeks // rows)
    height = TOP + 7 * PITCH + 6
    parts: list[str] = []
    for row in range(rows):
        begin = start + row * per_row * WEEK
        parts += _block(data, begin, min(per_row, weeks - row * per_row), row * height, limits, words)
    parts += _legend(LEFT, rows * height + 6, limits, words)
    studied = sum(v > 0 for v in values)
    title = words("chart.calendar_title", first=data.first, last=last)
    description = words(
        "chart.calendar_desc", days=str(studied), of=str(len(values)), most=words.duration(max(values, default=0.0))
    )
    width = max(LEFT + per_row * PITCH + 4, WIDTH)
    return figure(width, rows * height + 26, title, description, parts, "calendar")


def _block(
    data: Calendar, begin: date, weeks: int, top: float, limits: tuple[float, float, float], words: Words
) -> list[str]:
    names = words("chart.weekdays").split()
    parts = [text(LEFT - 6, top + TOP + d * PITCH + 11, names[d], "end") for d in (0, 2, 4, 6)]
    values, first = data.values.values, data.first
    month = 0
    for column in range(weeks):
        week = begin + column * WEEK
        x = LEFT + column * PITCH
        label = max(week, first)
        if label.month != month and (column < weeks - 1 or not column):
            month = label.month
            parts.append(text(x, top + 11, words("chart.month_" + str(month))))
        index = (week - first).days
        for weekday in range(7):
            if 0 <= index + weekday < len(values):
                seconds = values[index + weekday]
                day = words.short_day(week + timedelta(days=weekday))
                tip = f"<title>{day} {words.duration(seconds)}</title>" if seconds > 0 else ""
                parts.append(
                    f'<rect class="s{shade(seconds, limits)}" x="{x}" y="{top + TOP + weekday * PITCH}" '
                    f'width="{CELL}" height="{CELL}" rx="2">{tip}</rect>'
                )
    return parts


def _legend(x: float, y: float, limits: tuple[float, float, float], words: Words) -> list[str]:
    labels = [
        words("chart.none"),
        *(words("chart.up_to", limit=words.duration(limit)) for limit in limits),
        words("chart.more"),
    ]
    parts = []
    for level, label in enumerate(labels):
        parts.append(f'<rect class="s{level}" x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="2"/>')
        parts.append(text(x + 19, y + 11.5, label))
        x += 29 + 5.8 * sum(2 if ord(c) > 0x2E80 else 1 for c in label)
    return parts
