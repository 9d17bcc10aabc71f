"""What charts of numbered points share: points by shape, and labels where they cover nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from markupsafe import escape

from reports.charts.svg import text

RADIUS = 4.0
LETTER = 6.4
"""Width of a digit of a label."""

Shape = Literal["dot", "near", "far"]
"""A filled dot; a hollow square, to be looked at; a filled square, to be looked at first."""
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def point(shape: Shape, x: float, y: float, name: str) -> str:
    """A point with its tip: shape says what colour must not."""
    tip = f"<title>{escape(name)}</title>"
    if shape == "dot":
        return f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS - 0.8:g}">{tip}</circle>'
    side = 2 * RADIUS
    where = f'x="{x - RADIUS:.1f}" y="{y - RADIUS:.1f}" width="{side:g}" height="{side:g}"'
    return f'<rect class="beyond {shape}" {where}>{tip}</rect>'


def labels(points: Sequence[tuple[int, Shape, float, float]], plot: Box) -> list[str]:
    """Numbers beside their points, squares first; left out where there is no room (the tip has it)."""
    taken: list[Box] = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for _, _, x, y in points]
    parts = []
    for number, _, x, y in sorted(points, key=lambda p: (p[1] == "dot", p[0])):
        wide, tall, gap = LETTER * len(str(number)), 9.0, RADIUS + 2
        for dx, dy in ((gap, -tall / 2), (-gap - wide, -tall / 2), (-wide / 2, -gap - tall), (-wide / 2, gap)):
            box = (x + dx, y + dy, x + dx + wide, y + dy + tall)
            free = all(box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in taken)
            if free and box[0] > plot[0] and box[1] > plot[1] and box[3] < plot[3] and box[2] < plot[2]:
                taken.append(box)
                parts.append(text(round(box[0], 1), round(box[3], 1), str(number), kind="num"))
                break
    return parts
