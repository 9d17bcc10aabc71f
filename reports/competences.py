"""The competence map of a day: wings, their competences, and the items that show each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from reports.order import natural
from schemas.reference import WINGS, Competence, Text


class Item(NamedTuple):
    """What shows a competence: a knowledge point, or a course whose other questions count."""

    kind: Literal["point", "course"]
    id: str


@dataclass(frozen=True, slots=True)
class Node:
    """A competence, or a wing (``wing`` ''), whose items are its own and those of its competences."""

    id: str
    title: Text
    wing: str
    items: tuple[Item, ...]
    expected: float | None


@dataclass(frozen=True, slots=True)
class CompetenceMap:
    """Wings in order of id, the two that are there by default first, each before its competences. Empty: no map."""

    nodes: tuple[Node, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes)

    @property
    def wings(self) -> tuple[Node, ...]:
        """Wings alone."""
        return tuple(n for n in self.nodes if not n.wing)

    def is_leaf(self, node: Node) -> bool:
        """Whether it is a competence, or a wing without any."""
        return bool(node.wing) or all(other.wing != node.id for other in self.nodes)


def competence_map(rows: Iterable[Competence], day: date) -> CompetenceMap:
    """The map from rows of the table, as it was valid on a local day. Wings that nothing shows are left out."""
    valid = {r.competence_id: r for r in rows if (r.valid_from or date.min) <= day < (r.valid_to or date.max)}
    below: dict[str, list[Competence]] = {}
    for row in valid.values():
        if row.wing:
            below.setdefault(row.wing, []).append(row)
    every = {r.competence_id for r in valid.values() if not r.wing} | below.keys()
    wings = sorted(every, key=lambda w: (list(WINGS).index(w) if w in WINGS else len(WINGS), natural(w)))
    nodes: list[Node] = []
    for wing in wings:
        own = valid.get(wing)
        parts = [_node(r) for r in sorted(below.get(wing, ()), key=lambda r: natural(r.competence_id))]
        parts = [p for p in parts if p.items]
        items = dict.fromkeys([*(_items(own) if own else ()), *(i for p in parts for i in p.items)])
        if items:
            title = _title(own) if own else WINGS.get(wing, Text(wing, wing))
            nodes += [Node(wing, title, "", tuple(items), own.expected if own else None), *parts]
    return CompetenceMap(tuple(nodes))


def _node(row: Competence) -> Node:
    return Node(row.competence_id, _title(row), row.wing, _items(row), row.expected)


def _title(row: Competence) -> Text:
    """Without an English title the one in Chinese; a wing that is there already and keeps its name keeps both."""
    known = WINGS.get(row.competence_id)
    if known is not None and not row.title_en and row.title == known.zh:
        return known
    return Text(row.title, row.title_en or row.title)


def _items(row: Competence) -> tuple[Item, ...]:
    named = [*(Item("point", p) for p in row.knowledge_points), *(Item("course", c) for c in row.course_ids)]
    return tuple(dict.fromkeys(named))
