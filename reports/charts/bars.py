"""Bars over the hours of the day and over weeks: one chart for each thing that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.charts.svg import WIDTH, clock, figure, nice_count, nice_step, text
from reports.figures import Series
from reports.pattern import Weeks
from reports.text import Words, plain

LEFT, RIGHT, TOP = 58.0, 6.0, 10.0
PLOT = 92.0
INNER = WIDTH - LEFT - RIGHT


@dataclass(frozen=True, slots=True)
class Axis:
    """The vertical axis: its top value, and labels of its grid lines from 0 up."""

    limit: float
    labels: tuple[str, ...]


def _time_axis(values: Sequence[float], words: Words) -> Axis:
    step = nice_step(max(values, default=0.0), 3)
    return Axis(3 * step, ("0", *(clock(step * i, words) for i in (1, 2, 3))))


def _count_axis(values: Sequence[float]) -> Axis:
    step = nice_count(max(values, default=0.0), 3)
    return Axis(3 * step, ("0", *(plain(step * i) for i in (1, 2, 3))))


def _plot(values: Sequence[float], axis: Axis, tips: Sequence[str], hollow: Sequence[bool]) -> list[str]:
    """Grid, labels and bars; ``tips`` are shown over each bar, ``hollow`` bars are drawn in outline."""
    parts = []
    for i, label in enumerate(axis.labels):
        y = TOP + PLOT * (1 - i / (len(axis.labels) - 1))
        parts.append(f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, round(y + 3.5, 1), label, "end"))
    pitch = INNER / max(len(values), 6)
    gap = min(2.0, pitch / 5)
    for i, value in enumerate(values):
        if value > 0:
            height = max(1.0, PLOT * value / axis.limit)
            kind = "bar part" if hollow[i] else "bar"
            parts.append(
                f'<rect class="{kind}" x="{LEFT + i * pitch + gap:.1f}" y="{TOP + PLOT - height:.1f}" '
                f'width="{pitch - 2 * gap:.1f}" height="{height:.1f}"><title>{tips[i]}</title></rect>'
            )
    return parts


def hours_chart(data: Series, words: Words) -> Markup:
    """24 values by local hour: study time, or answers."""
    values = data.values
    timed = data.metric_id == "hour_seconds"
    shown = [words.duration(v) if timed else plain(v) for v in values]
    tips = [f"{hour}:00–{hour + 1}:00 {value}" for hour, value in enumerate(shown)]
    axis = _time_axis(values, words) if timed else _count_axis(values)
    parts = _plot(values, axis, tips, [False] * 24)
    for hour in range(0, 25, 3):
        parts.append(text(LEFT + hour * INNER / 24, TOP + PLOT + 15, str(hour), "middle"))
    busiest = max(range(24), key=lambda h: (values[h], -h))
    key = "chart.hours" if timed else "chart.hour_answers"
    description = words("chart.hours_desc", hour=f"{busiest}:00–{busiest + 1}:00", most=shown[busiest])
    return figure(WIDTH, TOP + PLOT + 20, words(key), description, parts, "bars")


def weeks_chart(data: Weeks, words: Words) -> Markup:
    """Study time by week; weeks that the period cuts are drawn in outline."""
    values = data.study.values
    total = words.duration(sum(values))
    description = words("chart.weeks_desc", weeks=str(len(values)), total=total)
    tips = [f"{words.short_day(day)} {words.duration(v)}" for day, v in zip(data.starts, values, strict=True)]
    return _weeks(data, values, _time_axis(values, words), tips, words("chart.weeks"), description)


def active_chart(data: Weeks, words: Words) -> Markup:
    """Members with records by week; empty where that is not shown."""
    if data.active is None:
        return Markup("")
    values = data.active.values
    description = words("chart.active_desc", weeks=str(len(values)), most=plain(max(values)))
    tips = [f"{words.short_day(day)} {plain(v)}" for day, v in zip(data.starts, values, strict=True)]
    return _weeks(data, values, _count_axis(values), tips, words("chart.weeks_active"), description)


def _weeks(
    data: Weeks, values: Sequence[float], axis: Axis, tips: Sequence[str], title: str, description: str
) -> Markup:
    parts = _plot(values, axis, tips, data.partial)
    pitch = INNER / max(len(values), 6)
    for i in range(0, len(values), -(-len(values) // 6)):
        day = data.starts[i]
        label = f"{day.month}/{day.day}" if len(values) < 60 else f"{day:%Y-%m}"
        parts.append(text(round(LEFT + (i + 0.5) * pitch, 1), TOP + PLOT + 15, label, "middle"))
    return figure(WIDTH, TOP + PLOT + 20, title, description, parts, "bars")
