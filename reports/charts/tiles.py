"""Where the boxes of a tree stand: a block for each organisation with others below it, in it a tile for each of those.

Pure geometry, in the pixels of the picture. Blocks side by side fill shelves, from left to right and top to bottom, in
the order given, so that the order of ids is the order of reading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

TILE, TALL = 140.0, 58.0
"""Least width and the height of a tile."""
WIDEST = 200.0
GAP, PAD, HEAD = 8.0, 8.0, 40.0


class Box(NamedTuple):
    """A node's place. ``block``: it has boxes within."""

    node: str
    x: float
    y: float
    width: float
    height: float
    block: bool


class _Placed(NamedTuple):
    width: float
    height: float
    boxes: list[Box]


def layout(root: str, children: Mapping[str, Sequence[str]], width: float) -> tuple[list[Box], float]:
    """Boxes of the root and everything below, parents before their children, and the height of the picture.

    ``width``: of the picture; the root takes all of it. No two boxes overlap unless one is within the other.
    """
    inside = width - 2 * PAD * _depth(root, children)
    columns = max(1, math.floor((inside + GAP) / (TILE + GAP)))
    tile = min(WIDEST, (inside - (columns - 1) * GAP) / columns)
    placed = _place(root, children, width, tile, whole=True)
    return placed.boxes, placed.height


def _depth(node: str, children: Mapping[str, Sequence[str]]) -> int:
    below = children.get(node, ())
    return 1 + max(_depth(c, children) for c in below) if below else 0


def _place(node: str, children: Mapping[str, Sequence[str]], width: float, tile: float, whole: bool = False) -> _Placed:
    below = children.get(node, ())
    if not below:
        return _Placed(tile, TALL, [Box(node, 0, 0, width if whole else tile, TALL, False)])
    room = width - 2 * PAD
    leaves = [_place(c, children, tile, tile) for c in below if not children.get(c)]
    blocks = [_place(c, children, room, tile) for c in below if children.get(c)]
    most = room if whole or blocks else min(room, _columns(len(leaves), room, tile) * (tile + GAP) - GAP)
    boxes: list[Box] = []
    y, reached = HEAD, 0.0
    for items, limit in ((leaves, most), (blocks, room)):
        x, shelf = PAD, 0.0
        for one in items:
            if x > PAD and x + one.width > PAD + limit + 0.01:
                x, y, shelf = PAD, y + shelf + GAP, 0.0
            boxes += [b._replace(x=b.x + x, y=b.y + y) for b in one.boxes]
            reached, shelf = max(reached, x + one.width), max(shelf, one.height)
            x += one.width + GAP
        if items:
            y += shelf + GAP
    wide = width if whole else reached + PAD
    tall = y - GAP + PAD
    return _Placed(wide, tall, [Box(node, 0, 0, wide, tall, True), *boxes])


def _columns(n: int, room: float, tile: float) -> int:
    """Columns of a block of ``n`` tiles: three for three, so that another stands beside it; where none could, all."""
    there = max(1, math.floor((room + GAP + 0.01) / (tile + GAP)))
    wanted = max(1, math.ceil(math.sqrt(1.6 * n)))
    return wanted if 2 * wanted < there else there
