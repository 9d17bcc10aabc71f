"""A share with its interval as a dot on a line, drawn once a table row: rows share one axis, as in a forest plot."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.svg import figure, text
from reports.figures import Figure
from reports.text import Words

WIDTH, HEIGHT, PAD = 150.0, 18.0, 8.0
SCALE = WIDTH - 2 * PAD


def _x(value: float) -> float:
    return PAD + SCALE * value


def _rules(height: float) -> str:
    return "".join(
        f'<line class="grid" x1="{_x(v):g}" x2="{_x(v):g}" y1="0" y2="{height:g}"/>' for v in (0, 0.25, 0.5, 0.75, 1)
    )


_RULES = _rules(HEIGHT)


def interval_dot(share: Figure, words: Words, overall: float | None = None) -> Markup:
    """Dot, interval, and a dashed line at ``overall``; an empty axis where there is no value."""
    parts = [_RULES]
    if overall is not None:
        x = _x(overall)
        parts.append(f'<line class="overall" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT:g}"/>')
    if share.value is None:
        return figure(WIDTH, HEIGHT, words("chart.no_value"), "", parts, "dot")
    y = HEIGHT / 2
    if share.low is not None and share.high is not None:
        parts.append(f'<line class="range" x1="{_x(share.low):.1f}" x2="{_x(share.high):.1f}" y1="{y:g}" y2="{y:g}"/>')
    parts.append(f'<circle class="point" cx="{_x(share.value):.1f}" cy="{y:g}" r="4"/>')
    return figure(WIDTH, HEIGHT, words.figure(share), words.interval(share), parts, "dot")


def axis(words: Words) -> Markup:
    """The axis of a column of dots."""
    places = ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    parts = [text(v * WIDTH, 11, f"{v:.0%}", anchor) for v, anchor in places]
    return figure(WIDTH, 14, words("chart.axis"), "", parts, "dot")
