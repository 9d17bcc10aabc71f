"""Bars over the hours of the day and over weeks."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.charts.svg import figure, nice_count, nice_step, text
from reports.pattern import Hours, Weeks
from reports.text import Words, plain

LEFT, RIGHT = 58, 8
PLOT = 78


def _frame(width: float, top: float, limit: float, step: float, label: Sequence[str]) -> list[str]:
    """Grid lines at multiples of ``step`` with their labels."""
    parts = []
    for i, name in enumerate(label):
        y = top + PLOT - PLOT * i * step / limit
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:g}" y2="{y:g}"/>')
        parts.append(text(LEFT - 6, y + 3.5, name, "end"))
    return parts


def _bar(x: float, width: float, value: float, limit: float, top: float, tip: str, kind: str = "bar") -> str:
    height = PLOT * value / limit
    if value <= 0:
        return ""
    height = max(height, 1)
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{top + PLOT - height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"><title>{tip}</title></rect>'
    )


def hours_chart(data: Hours, words: Words) -> Markup:
    """Study time and answers by hour of the day, one above the other on one time axis."""
    width, pitch = 420.0, (420.0 - LEFT - RIGHT) / 24
    study, answers = data.study.values, data.answers.values
    parts: list[str] = []
    step = nice_step(max(study), 2)
    top = 20.0
    parts.append(text(0, 11, words("chart.hours_study"), kind="lead"))
    parts += _frame(width, top, 2 * step, step, ["0", words.duration(step), words.duration(2 * step)])
    for hour, seconds in enumerate(study):
        tip = f"{hour}:00–{hour + 1}:00 {words.duration(seconds)}"
        parts.append(_bar(LEFT + hour * pitch + 1, pitch - 2, seconds, 2 * step, top, tip))
    count = nice_count(max(answers), 2)
    top = 20 + PLOT + 34
    parts.append(text(0, top - 9, words("chart.hours_answers"), kind="lead"))
    parts += _frame(width, top, 2 * count, count, ["0", plain(count), plain(2 * count)])
    for hour, number in enumerate(answers):
        tip = f"{hour}:00–{hour + 1}:00 {plain(number)}"
        parts.append(_bar(LEFT + hour * pitch + 1, pitch - 2, number, 2 * count, top, tip, "bar alt"))
    for hour in range(0, 25, 3):
        parts.append(text(LEFT + hour * pitch, top + PLOT + 14, str(hour), "middle"))
    busiest = max(range(24), key=lambda h: (study[h], -h))
    description = words("chart.hours_desc", hour=f"{busiest}:00–{busiest + 1}:00", most=words.duration(study[busiest]))
    return figure(width, top + PLOT + 20, words("chart.hours_title"), description, parts, "bars")


def weeks_chart(data: Weeks, words: Words) -> Markup:
    """Study time by week; weeks that the period cuts are drawn in outline."""
    values = data.study.values
    width = 420.0
    pitch = (width - LEFT - RIGHT) / max(len(values), 6)
    step = nice_step(max(values, default=0.0), 3)
    top = 20.0
    parts = [text(0, 11, words("chart.weeks_study"), kind="lead")]
    parts += _frame(width, top, 3 * step, step, ["0", *(words.duration(step * i) for i in (1, 2, 3))])
    gap = min(2.0, pitch / 5)
    every = -(-len(values) // 6)
    for i, seconds in enumerate(values):
        tip = f"{words.short_day(data.starts[i])} {words.duration(seconds)}"
        kind = "bar part" if data.partial[i] else "bar"
        parts.append(_bar(LEFT + i * pitch + gap, pitch - 2 * gap, seconds, 3 * step, top, tip, kind))
        if i % every == 0:
            parts.append(text(LEFT + (i + 0.5) * pitch, top + PLOT + 14, _tick(data, i), "middle"))
    bottom = top + PLOT + 20
    if data.active is not None:
        most = nice_count(max(data.active.values, default=0.0), 2)
        top = bottom + 28
        parts.append(text(0, top - 9, words("chart.weeks_active"), kind="lead"))
        parts += _frame(width, top, 2 * most, most, ["0", plain(most), plain(2 * most)])
        for i, members in enumerate(data.active.values):
            tip = f"{words.short_day(data.starts[i])} {plain(members)}"
            parts.append(_bar(LEFT + i * pitch + gap, pitch - 2 * gap, members, 2 * most, top, tip, "bar alt"))
        bottom = top + PLOT + 6
    total = words.duration(sum(values))
    description = words("chart.weeks_desc", weeks=str(len(values)), total=total)
    return figure(width, bottom, words("chart.weeks_title"), description, parts, "bars")


def _tick(data: Weeks, index: int) -> str:
    day = data.starts[index]
    return f"{day.month}/{day.day}" if len(data.starts) < 60 else f"{day:%Y-%m}"
