"""Funnel plot: the share of each organisation by its number of members, with the limits of chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from markupsafe import Markup

from reports.charts.scatter import Shape, labels, point
from reports.charts.svg import figure, nice_count, text
from reports.context.group_compare import CompareLine, Comparison
from reports.measures.funnel import ACTION, WARNING, funnel_limits
from reports.text import Words, percent, plain

WIDTH, LEFT, RIGHT, TOP = 560.0, 46.0, 84.0, 12.0
PLOT = 210.0
INNER = WIDTH - LEFT - RIGHT
STEPS = 120
"""Points of a limit's curve: it bends most where organisations are small."""
FAR = frozenset({"compare.far_below", "compare.far_above"})
BEYOND = FAR | {"compare.below", "compare.above"}

Place: TypeAlias = Callable[[float], float]
Inside: TypeAlias = Callable[[float], bool]


def shown_lines(data: Comparison) -> list[tuple[int, CompareLine]]:
    """The points of the plot with their numbers in the table: organisations with members who count."""
    numbered = enumerate(data.lines, 1)
    return [(i, c) for i, c in numbered if c.coverage.value is not None and c.coverage.n and not c.coverage.hidden]


def _bounds(shares: Iterable[float]) -> tuple[float, float]:
    """The vertical axis: 0 to 1, or a half or a fifth of it where all points are there."""
    found = list(shares)
    for low, high in ((0.8, 1.0), (0.5, 1.0), (0.0, 0.2), (0.0, 0.5)):
        if low <= min(found) and max(found) <= high:
            return low, high
    return 0.0, 1.0


def funnel_chart(data: Comparison, words: Words) -> Markup:
    """Points numbered as in the table; dashed lines at 95 %, solid ones at 99.8 %; nothing without doubt.

    Points beyond 95 % are hollow squares, those beyond 99.8 % filled ones: position and shape say it, not colour.
    """
    lines, p0, phi = shown_lines(data), data.common.value, data.phi.value or 1.0
    if not lines or p0 is None or not 0 < p0 < 1:
        return Markup("")
    sizes = [float(c.coverage.n or 0) for _, c in lines]
    step = nice_count(max(sizes) * 1.04, 4)
    widest = 4 * step
    bottom, top = _bounds([p0, *(c.coverage.value or 0.0 for _, c in lines)])

    def x(n: float) -> float:
        return LEFT + INNER * n / widest

    def y(share: float) -> float:
        return TOP + PLOT * (top - min(top, max(bottom, share))) / (top - bottom)

    def inside(limit: float) -> bool:
        # Limits are cut at 0 and 1: there they say nothing.
        return bottom <= limit <= top and 0 < limit < 1

    parts = _axes(bottom, top, step, x, y, words)
    parts.append(f'<line class="common" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y(p0):.1f}" y2="{y(p0):.1f}"/>')
    parts += _curves(p0, phi, widest, x, y, inside)
    parts += _names(p0, phi, widest, y, inside, words)
    points = [(i, c, x(n), y(c.coverage.value or 0.0)) for (i, c), n in zip(lines, sizes, strict=True)]
    for i, line, px, py in points:
        name = f"{i} {words.value(line.title)} {words.figure(line.coverage)} {words(line.place) if line.place else ''}"
        parts.append(point(_shape(line.place), px, py, name.strip()))
    plot = (LEFT, 0.0, WIDTH - RIGHT, TOP + PLOT + 4)
    parts += labels([(i, _shape(c.place), px, py) for i, c, px, py in points], plot)
    beyond = [str(i) for i, c in lines if c.place in BEYOND]
    listed = words("chart.funnel_beyond", numbers=", ".join(beyond)) if beyond else words("chart.funnel_within")
    counted = words("chart.funnel_desc", count=plain(len(lines)), common=percent(p0))
    description = f"{counted}{'' if words.language == 'zh' else ' '}{listed}"
    return figure(WIDTH, TOP + PLOT + 38, words("chart.funnel"), description, parts, "funnel")


def _axes(bottom: float, top: float, step: float, x: Place, y: Place, words: Words) -> list[str]:
    parts = []
    for i in range(5):
        share = bottom + (top - bottom) * i / 4
        parts.append(
            f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>'
        )
        parts.append(text(LEFT - 6, round(y(share) + 3.5, 1), f"{100 * share:g}%", "end"))
        parts.append(text(round(x(step * i), 1), TOP + PLOT + 15, plain(step * i), "middle"))
    parts.append(text(LEFT + INNER / 2, TOP + PLOT + 31, words("chart.funnel_members"), "middle"))
    return parts


def _curves(p0: float, phi: float, widest: float, x: Place, y: Place, inside: Inside) -> list[str]:
    parts = []
    # Evenly on the scale of the curve's bend, so that its steep beginning is smooth.
    sizes = [widest * (i / STEPS) ** 2 for i in range(1, STEPS + 1)]
    for confidence, kind in ((WARNING, "warning"), (ACTION, "action")):
        for side in (0, 1):
            path, open_ = [], False
            for n in sizes:
                limits = funnel_limits(p0, n, confidence, phi=phi)
                limit = (limits.low, limits.high)[side] if limits else 0.0
                if inside(limit):
                    path.append(f"{'L' if open_ else 'M'}{x(n):.1f} {y(limit):.1f}")
                open_ = inside(limit)
            if path:
                parts.append(f'<path class="{kind}" d="{"".join(path)}"/>')
    return parts


def _names(p0: float, phi: float, widest: float, y: Place, inside: Inside, words: Words) -> list[str]:
    """What each line is, at its right end; moved apart where lines meet, left out where a line has left the plot."""
    at, right = y(p0), WIDTH - RIGHT + 6
    parts = [text(right, round(at + 3.5, 1), words("compare.common"))]
    warning, action = (funnel_limits(p0, widest, c, phi=phi) for c in (WARNING, ACTION))
    if warning is None or action is None:
        return parts
    for sign, near, far in ((-1, warning.high, action.high), (1, warning.low, action.low)):
        place = at
        for name, limit in (("95%", near), ("99.8%", far)):
            if inside(limit):
                place = sign * max(sign * y(limit), sign * (place + sign * 12))
                parts.append(text(right, round(place + 3.5, 1), name))
    return parts


def _shape(place: str) -> Shape:
    return "far" if place in FAR else "near" if place in BEYOND else "dot"
