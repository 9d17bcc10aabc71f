"""The organisation map as a picture: nested tiles that say coverage, activity and freshness without colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from markupsafe import Markup, escape

from reports.charts.svg import text
from reports.charts.tiles import Box, layout
from reports.context.org_map import MapNode, OrgMap
from reports.text import Words

ON_PAPER = 624.0
RECENT = 4
"""Weeks below which a node that was active before still counts as recent."""
LETTER, SMALL = 12.5, 11.0
"""Sizes of names and of figures, as in the style sheets."""


def org_map_chart(
    data: OrgMap, words: Words, width: float = ON_PAPER, links: Mapping[str, str] | None = None
) -> Markup:
    """The picture, ``width`` pixels wide. ``links``: address of each node that opens; without any it is an image."""
    children: dict[str, list[str]] = {}
    for node in data.nodes[1:]:
        children.setdefault(node.parent, []).append(node.org_id)
    boxes, height = layout(data.root.org_id, children, width)
    nodes = {node.org_id: node for node in data.nodes}
    opens = links or {}
    parts = [_drawn(nodes[box.node], box, words, opens.get(box.node, "")) for box in boxes]
    title = words("chart.org_map", name=data.root.name)
    said = words("chart.org_map_desc", n=str(len(data.nodes) - 1))
    role = "group" if opens else "img"
    return Markup(  # noqa: S704 - parts are made here, and what they quote is escaped
        f'<svg class="chart tiles" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="{role}"><title>{escape(title)}</title><desc>{escape(said)}</desc>{"".join(parts)}</svg>'
    )


def described(node: MapNode, words: Words) -> str:
    """What the picture says of a node, in words."""
    name = words.value(node.name)
    if node.hidden:
        return words("chart.org_hidden", name=name, members=node.members)
    return words(
        "chart.org_node",
        name=name,
        members=node.members,
        coverage=words.bare(node.coverage),
        study=node.activity,
        fresh=fresh_words(node, words),
    )


def fresh_words(node: MapNode, words: Words) -> str:
    """Freshness in words."""
    if node.hidden:
        return words.value(node.freshness)
    weeks = node.freshness.value
    if weeks is None:
        return words("chart.org_never")
    return words("chart.org_now") if weeks == 0 else words("chart.org_weeks", weeks=node.freshness)


def _drawn(node: MapNode, box: Box, words: Words, link: str) -> str:
    x, y = box.x, box.y
    kind = ("block" if box.block else "tile") + (" few" if node.hidden else "")
    parts = [
        f'<rect class="{kind}" x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{box.width - 1:.1f}" '
        f'height="{box.height - 1:.1f}" rx="5"/>'
    ]
    room = box.width - 38
    name = words.value(node.name)
    figures = "" if node.hidden else f"{words.bare(node.coverage)} · {words.value(node.activity)}"
    if node.hidden:
        figures = words.value(node.coverage)
    if box.block:
        # What is known of the whole stands beside its name where there is room, below it where not.
        parts.append(text(x + 10, y + 17, fitted(name, room), kind="name"))
        parts.append(text(x + 10, y + 32, fitted(figures, box.width - 20, SMALL), kind="num"))
    else:
        parts.append(text(x + 10, y + 19, fitted(name, room), kind="name"))
        parts.append(text(x + 10, y + 37, fitted(figures, box.width - 20, SMALL), kind="num"))
        parts += _bar(node, x + 10, y + 45, box.width - 20)
    parts.append(_mark(node, x + box.width - 16, y + (13 if box.block else 15)))
    # The title is what is read aloud, and the tip of the mouse.
    inside = f"<title>{escape(described(node, words))}</title>{''.join(parts)}"
    return f'<a href="{escape(link)}">{inside}</a>' if link else f"<g>{inside}</g>"


def _bar(node: MapNode, x: float, y: float, width: float) -> list[str]:
    """Coverage as a length; what is withheld has none."""
    if node.hidden or node.coverage.value is None:
        return []
    filled = width * node.coverage.value
    track = f'<rect class="track" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="6" rx="1"/>'
    if filled <= 0:
        return [track]
    return [track, f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{filled:.1f}" height="6" rx="1"/>']


def _mark(node: MapNode, x: float, y: float) -> str:
    """Freshness as a mark: filled in the last week, hollow before that, a dash for long ago or never."""
    if node.hidden:
        return ""
    weeks = node.freshness.value
    if weeks is None or weeks >= RECENT:
        return f'<line class="beyond" x1="{x - 5:.1f}" x2="{x + 5:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    kind = "point" if weeks == 0 else "beyond near"
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'


def fitted(content: str, room: float, size: float = LETTER) -> str:
    """The text, cut where it would be wider than ``room``; the tip has all of it."""
    if _wide(content, size) <= room:
        return content
    while content and _wide(content, size) + size > room:
        content = content[:-1]
    return f"{content.rstrip()}…"


def _wide(content: str, size: float) -> float:
    full = sum(unicodedata.east_asian_width(c) in "WF" for c in content)
    spaces = content.count(" ")
    return size * (full + 0.33 * spaces + 0.58 * (len(content) - full - spaces))
