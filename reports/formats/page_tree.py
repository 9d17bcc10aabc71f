"""A page as a tree. Charts are taken out first, because an HTML parser would fold the case of their attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_CHART = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_MARK = "x-chart"
_VOID = frozenset({"br", "hr", "meta", "link", "img", "input", _MARK})
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class Node:
    """An element; text among ``children`` is as it stands in the page."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    @property
    def classes(self) -> frozenset[str]:
        """Its classes."""
        return frozenset(self.attributes.get("class", "").split())

    @property
    def nodes(self) -> list[Node]:
        """Children that are elements."""
        return [child for child in self.children if isinstance(child, Node)]

    @property
    def text(self) -> str:
        """All text below, white space folded."""
        return folded("".join(self._texts()))

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag == "br":
                yield " "
            else:
                yield from child._texts()

    def walk(self) -> Iterator[Node]:
        """Itself and everything below, in order."""
        yield self
        for child in self.nodes:
            yield from child.walk()

    def find(self, tag: str) -> Node | None:
        """The first element of this name below."""
        return next((node for node in self.walk() if node.tag == tag), None)


def folded(text: str) -> str:
    """Text as a page shows it: white space folded."""
    return _SPACE.sub(" ", text).strip()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("page")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        while len(self._open) > 1 and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parse(page: str) -> tuple[Node, list[str]]:
    """The tree of a page, and its charts; an ``x-chart`` element in the tree has the number of its chart."""
    charts: list[str] = []

    def take(match: re.Match[str]) -> str:
        charts.append(match[0])
        return f'<{_MARK} number="{len(charts) - 1}">'

    builder = _Builder()
    builder.feed(_CHART.sub(take, page))
    builder.close()
    return builder.root, charts
