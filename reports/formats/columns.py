"""How wide the columns of a printed table must be, from what is in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from reports.formats.document import Cell, Room
from reports.formats.layout import POINT, SIZES, TEXT_HEIGHT, TEXT_WIDTH

PADDING = 0.9
"""Of a column, in widths of a Chinese character."""
ROOM = TEXT_WIDTH / POINT / SIZES.table
SMALL_ROOM = TEXT_WIDTH / POINT / SIZES.tiny
WIDE_ROOM = TEXT_HEIGHT / POINT / SIZES.table
"""Characters of a table on a line: upright, upright in small type, and on its side."""
_NARROW_TEXT, _WIDEST_TEXT, _CHART = 5.0, 18.0, 8.0
_WORD = re.compile(r"[^\s\u2e80-\uffef]+|[\u2e80-\uffef]")


def width(text: str) -> float:
    """In Chinese characters: letters and digits are little more than half of one, and stand apart from Chinese."""
    wide = [unicodedata.east_asian_width(c) in "WF" for c in text]
    edges = sum(a != b for a, b in pairwise(wide))
    return sum(1.0 if one else 0.56 for one in wide) + 0.25 * edges


def longest_word(text: str) -> float:
    """Width of what can't be broken."""
    return max((width(word) for word in _WORD.findall(text)), default=0.0)


def _least(cells: Sequence[Cell], heading: Cell) -> tuple[float, float]:
    """Smallest and wanted width of a column."""
    if any(c.chart for c in cells) or heading.chart:
        return _CHART + PADDING, _CHART + PADDING
    whole = max((width(c.text) for c in cells), default=0.0)
    word = max((longest_word(c.text) for c in (*cells, heading)), default=0.0)
    fixed = all(c.align == "end" or c.whole for c in cells) and whole < _WIDEST_TEXT
    title = width(heading.text)
    least = max(whole if fixed else min(max(whole, title), _NARROW_TEXT), word, min(title, 2.0))
    return least + PADDING, max(least, min(whole, _WIDEST_TEXT), min(title, 6.0)) + PADDING


def least_widths(head: Sequence[Cell], columns: Sequence[Sequence[Cell]]) -> list[tuple[float, float]]:
    """Smallest and wanted width of each column."""
    return [_least(cells, heading) for heading, cells in zip(head, columns, strict=True)]


def too_wide(head: Sequence[Cell], columns: Sequence[Sequence[Cell]]) -> bool:
    """Whether the table does not fit upright."""
    return sum(low for low, _ in least_widths(head, columns)) > ROOM


def fit(head: Sequence[Cell], columns: Sequence[Sequence[Cell]]) -> tuple[tuple[float, ...], Room]:
    """Widths as parts of 1, and where the table fits. What is left over goes to columns of text."""
    pairs = least_widths(head, columns)
    least = sum(low for low, _ in pairs)
    place: Room = "full" if least <= ROOM else "small" if least <= SMALL_ROOM else "wide"
    room = max({"full": ROOM, "small": SMALL_ROOM, "wide": WIDE_ROOM}[place], least)
    wish = sum(want - low for low, want in pairs)
    share = min(1.0, (room - least) / wish) if wish else 0.0
    given = [low + share * (want - low) for low, want in pairs]
    texts = [any(c.align == "start" and not c.chart and not c.whole for c in cells) for cells in columns]
    rest = (room - sum(given)) / (sum(texts) or len(given))
    return tuple(
        round((one + rest * (text or not any(texts))) / room, 4) for one, text in zip(given, texts, strict=True)
    ), place
