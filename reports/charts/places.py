"""Organisations where they are: a plan without a map behind it, since a map would have to come from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from reports.charts.org_map import described, fitted
from reports.charts.svg import text
from reports.context.org_map import MapNode
from reports.text import Words, plain

PAD, TALLEST = 46.0, 400.0
"""Room around the outermost points; height of the picture at most."""
LABEL = 96.0
METRES = 111_195.0
"""Length of a degree of latitude on a sphere of 6,371 km."""


class Seat(NamedTuple):
    """Where a node is, in decimal degrees."""

    node: MapNode
    latitude: float
    longitude: float


class Plan(NamedTuple):
    """Points in pixels, in the order given; ``metres`` to the pixel, 0 where all are in one place."""

    points: list[tuple[float, float]]
    height: float
    metres: float


def plan(places: Sequence[tuple[float, float]], width: float) -> Plan:
    """(latitude, longitude) in degrees on a plan with north above, true to scale near its middle.

    Equirectangular: east is shortened by the cosine of the middle latitude. Places on both sides of the date line
    keep together.
    """
    middle = math.radians(sum(lat for lat, _ in places) / len(places))
    first = places[0][1]
    east = [((lon - first + 180) % 360 - 180) * math.cos(middle) for _, lon in places]
    north = [lat for lat, _ in places]
    wide, tall = max(east) - min(east), max(north) - min(north)
    room = width - 2 * PAD
    scale = min(room / wide if wide else math.inf, (TALLEST - 2 * PAD) / tall if tall else math.inf)
    if not math.isfinite(scale):
        return Plan([(width / 2, PAD)] * len(places), 2 * PAD, 0.0)
    left = (width - scale * wide) / 2
    points = [
        (left + scale * (e - min(east)), PAD + scale * (max(north) - n)) for e, n in zip(east, north, strict=True)
    ]
    return Plan(points, 2 * PAD + scale * tall, METRES / scale)


def places_chart(seats: Sequence[Seat], words: Words, width: float, links: Mapping[str, str]) -> Markup:
    """The picture; a point's size says nothing, its filling that it was active in the last week."""
    found = plan([(s.latitude, s.longitude) for s in seats], width)
    taken: list[tuple[float, float, float, float]] = [(x - 8, y - 8, x + 8, y + 8) for x, y in found.points]
    parts = [f'<rect class="block" x="0.5" y="0.5" width="{width - 1:g}" height="{found.height - 1:.1f}" rx="5"/>']
    for seat, (x, y) in zip(seats, found.points, strict=True):
        parts.append(_drawn(seat.node, x, y, width, taken, words, links.get(seat.node.org_id, "")))
    if found.metres:
        parts.append(_scale(found, width, words))
    title, said = words("chart.places"), words("chart.places_desc", n=str(len(seats)))
    return Markup(  # noqa: S704 - parts are made here, and what they quote is escaped
        f'<svg class="chart tiles" viewBox="0 0 {width:g} {found.height:.1f}" width="{width:g}" '
        f'height="{found.height:.1f}" role="group"><title>{escape(title)}</title><desc>{escape(said)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _drawn(
    node: MapNode,
    x: float,
    y: float,
    width: float,
    taken: list[tuple[float, float, float, float]],
    words: Words,
    link: str,
) -> str:
    recent = not node.hidden and node.freshness.value == 0
    parts = [f'<circle class="{"point" if recent else "beyond near"}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>']
    name = fitted(words.value(node.name), LABEL)
    for dy in (22.0, -13.0):
        half = LABEL / 2
        middle = min(max(x, half + 4), width - half - 4)
        box = (middle - half, y + dy - 11, middle + half, y + dy + 3)
        if all(
            box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in taken if b[:2] != (x - 8, y - 8)
        ):
            taken.append(box)
            parts.append(text(round(middle, 1), round(y + dy, 1), name, "middle", "name"))
            break
    inside = f"<title>{escape(described(node, words))}</title>{''.join(parts)}"
    return f'<a href="{escape(link)}">{inside}</a>' if link else f"<g>{inside}</g>"


def _scale(found: Plan, width: float, words: Words) -> str:
    """A line of a round length, about a fifth of the width."""
    wanted = found.metres * width / 5
    power = 10.0 ** math.floor(math.log10(wanted))
    length = max(f * power for f in (1, 2, 5) if f * power <= wanted)
    x, y = 14.0, found.height - 12
    end = x + length / found.metres
    label = (
        words("chart.metres", n=plain(length)) if length < 1000 else words("chart.kilometres", n=plain(length / 1000))
    )
    line = f'<line class="beyond" x1="{x:g}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + text(round(end + 6, 1), round(y + 4, 1), label)
