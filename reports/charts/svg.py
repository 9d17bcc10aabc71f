"""The few pieces that all charts share."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Lengths in seconds that axes and legends may use: people read these without a calculator."""


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


def nice_step(largest: float, count: int) -> float:
    """The smallest readable length of which ``count`` reach ``largest`` seconds; above a day, whole days."""
    for step in STEPS:
        if step * count >= largest:
            return float(step)
    days = largest / count / 86400
    return 86400.0 * (int(days) + (days % 1 > 0))


def nice_count(largest: float, count: int) -> float:
    """The smallest of 1, 2, 5, 10, 20, … of which ``count`` reach ``largest``."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if step * factor * count >= largest:
                return step * factor
        step *= 10
