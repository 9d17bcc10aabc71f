"""The few pieces that all charts share."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from reports.text import Words

WIDTH = 372.0
"""Width of a chart: half a page on a desk, the whole width of a telephone."""
STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 18000, 28800)
"""Lengths in seconds up to eight hours that axes and legends may use: people read these without a calculator."""


def figure(width: float, height: float, title: str, description: str, parts: Iterable[str], kind: str) -> Markup:
    """An ``<svg>`` that scales down on narrow screens; ``parts`` are trusted markup."""
    body = "".join(parts)
    return Markup(  # noqa: S704 - parts are made here, and what they quote is escaped
        f'<svg class="chart {kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img"><title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>'
    )


def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "") -> str:
    """A label; ``content`` is escaped."""
    extra = f' class="{kind}"' if kind else ""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:g}" y="{y:g}"{where}{extra}>{escape(content)}</text>'


def clock(seconds: float, words: Words) -> str:
    """A length on an axis, short: one and a half hours are 1.5 hours."""
    if seconds < 3600 or seconds % 3600 == 0:
        return words.duration(seconds)
    hours = f"{seconds / 3600:,.2f}".rstrip("0")
    return f"{hours} 小时" if words.language == "zh" else f"{hours} h"


def nice_step(largest: float, count: int) -> float:
    """The smallest readable length of which ``count`` reach ``largest`` seconds; above eight hours, round hours."""
    for step in STEPS:
        if step * count >= largest:
            return float(step)
    return 3600.0 * nice_count(largest / 3600, count)


def nice_count(largest: float, count: int) -> float:
    """The smallest round number of which ``count`` reach ``largest``: 1, 2, 3, 4, 5, 8, 10, 15, 20, 30, …"""
    step = 1
    while True:
        for factor in (10, 15, 20, 30, 40, 50, 80):
            if factor * step % 10 == 0 and factor * step // 10 * count >= largest:
                return float(factor * step // 10)
        step *= 10
