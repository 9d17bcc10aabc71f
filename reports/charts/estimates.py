"""Estimates with their intervals: results by study time, accuracy by week, and how results of an exam are spread."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from reports.charts.svg import WIDTH, clock, figure, nice_count, nice_step, text
from reports.context.exam_scores import Band
from reports.context.time_effect import TimeEffect
from reports.context.trend import Trend
from reports.figures import Figure
from reports.text import Words, percent, plain

LEFT, RIGHT, TOP = 46.0, 14.0, 10.0
PLOT = 130.0
INNER = WIDTH - LEFT - RIGHT
BOTTOM = TOP + PLOT


def _share_grid() -> list[str]:
    parts = []
    for i in range(5):
        y = TOP + PLOT * (1 - i / 4)
        parts.append(f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, round(y + 3.5, 1), f"{25 * i}%", "end"))
    return parts


def _estimate(x: float, share: Figure, tip: str) -> str:
    """A dot with its interval upright."""

    def y(value: float) -> float:
        return TOP + PLOT * (1 - value)

    bar = ""
    if share.low is not None and share.high is not None:
        bar = f'<line class="range" x1="{x:.1f}" x2="{x:.1f}" y1="{y(share.low):.1f}" y2="{y(share.high):.1f}"/>'
    dot = f'<circle class="point" cx="{x:.1f}" cy="{y(share.value or 0.0):.1f}" r="3.6"><title>{escape(tip)}</title>'
    return f"{bar}{dot}</circle>"


def time_effect_chart(data: TimeEffect, words: Words) -> Markup:
    """Results against study time, with intervals; nothing below two points."""
    points = [p for p in data.points if p.effect.value is not None and p.study.value is not None]
    if len(points) < 2:
        return Markup("")
    step = nice_step(max(p.study.value or 0.0 for p in points), 4)
    parts = _share_grid()
    for i in range(5):
        label = clock(step * i, words) if i else "0"
        parts.append(text(round(LEFT + INNER * i / 4, 1), BOTTOM + 15, label, "end" if i == 4 else "middle"))
    parts.append(text(LEFT + INNER / 2, BOTTOM + 31, words("chart.time_axis"), "middle"))
    told = []
    for p in points:
        name = f"{words.value(p.label)} {words.figure(p.study)} · {words.figure(p.effect)}"
        parts.append(_estimate(LEFT + INNER * (p.study.value or 0.0) / (4 * step), p.effect, name))
        told.append(f"{name} ({words.interval(p.effect)})")
    return figure(WIDTH, BOTTOM + 38, words("chart.time_effect"), "; ".join(told), parts, "bars")


def trend_chart(data: Trend, words: Words) -> Markup:
    """Accuracy by week with intervals, and the whole period's as a dashed line; nothing below three weeks."""
    weeks = [(i, d, s) for i, (d, s) in enumerate(zip(data.starts, data.shares, strict=True)) if s.value is not None]
    if len(weeks) < 3:
        return Markup("")
    parts = _share_grid()
    pitch = INNER / len(data.starts)
    if data.overall.value is not None:
        y = TOP + PLOT * (1 - data.overall.value)
        parts.append(f'<line class="overall" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for i, day, share in weeks:
        tip = f"{words.short_day(day)} {words.figure(share)} ({words.interval(share)})"
        parts.append(_estimate(LEFT + (i + 0.5) * pitch, share, tip))
    for i in range(0, len(data.starts), -(-len(data.starts) // 6)):
        day = data.starts[i]
        parts.append(text(round(LEFT + (i + 0.5) * pitch, 1), BOTTOM + 15, f"{day.month}/{day.day}", "middle"))
    first, last = weeks[0][2], weeks[-1][2]
    description = words("chart.trend_desc", weeks=str(len(weeks)), first=first, last=last)
    return figure(WIDTH, BOTTOM + 20, words("chart.trend"), description, parts, "bars")


def bands_chart(bands: Sequence[Band], words: Words) -> Markup:
    """Members by result: bands of different width, so that the area shows how many there are."""
    per_ten = [
        0.1 * (b.members.value or 0.0) / ((b.high.value or 0.0) - (b.low.value or 0.0)) for b in bands
    ]  # members for each tenth of the scale
    if not any(per_ten):
        return Markup("")
    step = nice_count(max(per_ten), 3)
    parts = []
    for i in range(4):
        y = TOP + PLOT * (1 - i / 3)
        parts.append(f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, round(y + 3.5, 1), plain(step * i), "end"))
    told = []
    for band, value in zip(bands, per_ten, strict=True):
        low, high, height = band.low.value or 0.0, band.high.value or 0.0, PLOT * value / (3 * step)
        tip = f"{percent(low)}–{percent(high)}: {words.figure(band.members)}"
        if value:
            told.append(tip)
            wide = INNER * (high - low) - 1.5
            parts.append(
                f'<rect class="bar" x="{LEFT + INNER * low + 0.75:.1f}" y="{BOTTOM - height:.1f}" '
                f'width="{wide:.1f}" height="{height:.1f}"><title>{escape(tip)}</title></rect>'
            )
    for i in range(6):
        parts.append(text(round(LEFT + INNER * i / 5, 1), BOTTOM + 15, f"{20 * i}%", "middle"))
    return figure(WIDTH, BOTTOM + 20, words("chart.bands"), "; ".join(told), parts, "bars")
