"""Item map: every question of an exam by how hard it is and how well it tells members apart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.charts.scatter import Shape, labels, point
from reports.charts.svg import figure, text
from reports.context.exam_items import ItemLine
from reports.text import Words, plain

WIDTH, LEFT, RIGHT, TOP = 560.0, 46.0, 22.0, 12.0
PLOT = 210.0
INNER = WIDTH - LEFT - RIGHT
WEAK = 0.15
"""Below this correlation with the rest a question hardly tells anybody apart (Ebel & Frisbie 1991, chapter 13)."""


def shown_items(items: Sequence[ItemLine]) -> list[ItemLine]:
    """Those with both figures."""
    return [i for i in items if i.facility.value is not None and i.r.value is not None]


def item_map(items: Sequence[ItemLine], words: Words) -> Markup:
    """Points numbered as in the table; hollow squares are to be mended. Nothing below two points."""
    found = shown_items(items)
    if len(found) < 2:
        return Markup("")
    values = [i.r.value or 0.0 for i in found]
    bottom = min(0.0, -0.2 * -(-int(-min(values) * 100) // 20)) if min(values) < 0 else 0.0
    top = 0.6 if max(values) <= 0.6 else 1.0

    def x(share: float) -> float:
        return LEFT + INNER * share

    def y(r: float) -> float:
        return TOP + PLOT * (top - r) / (top - bottom)

    parts = _axes(bottom, top, words)
    parts.append(
        f'<line class="common" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y(0):.1f}" y2="{y(0):.1f}"/>'
        f'<line class="warning" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y(WEAK):.1f}" y2="{y(WEAK):.1f}"/>'
    )
    placed: list[tuple[int, Shape, float, float]] = []
    for item in found:
        place, height = x(item.facility.value or 0.0), y(item.r.value or 0.0)
        shape: Shape = "near" if item.repair else "dot"
        name = f"{item.number} {words.figure(item.facility)} · r = {words.figure(item.r)}"
        parts.append(point(shape, place, height, name))
        placed.append((int(item.number), shape, place, height))
    parts += labels(placed, (LEFT, 0.0, WIDTH - RIGHT + 14, TOP + PLOT + 4))
    mend = [i.number for i in found if i.repair]
    told = words("chart.items_mend", numbers=", ".join(mend)) if mend else words("chart.items_none")
    counted = words("chart.items_desc", count=plain(len(found)))
    gap = "" if words.language == "zh" else " "
    return figure(WIDTH, TOP + PLOT + 38, words("chart.items"), f"{counted}{gap}{told}", parts, "funnel")


def _axes(bottom: float, top: float, words: Words) -> list[str]:
    parts = []
    steps = round((top - bottom) / 0.2)
    for i in range(steps + 1):
        r = bottom + 0.2 * i
        y = TOP + PLOT * (1 - i / steps)
        parts.append(f'<line class="grid" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, round(y + 3.5, 1), f"{r + 0.0:.1f}".replace("-0.0", "0.0"), "end"))
    for i in range(5):
        parts.append(text(round(LEFT + INNER * i / 4, 1), TOP + PLOT + 15, f"{25 * i}%", "middle"))
    parts.append(text(LEFT + INNER / 2, TOP + PLOT + 31, words("chart.items_axis"), "middle"))
    return parts
