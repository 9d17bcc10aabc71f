"""Who may stand beside whom: the tree of a period, and which of its organisations' figures may be shown together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from reports.measures.suppression import suppress
from reports.population import Populations


class Beside:
    """The organisations of a period, each where it was last. ``k``: members behind a figure that may be shown."""

    def __init__(self, populations: Populations, k: int) -> None:
        self.populations, self.k = populations, k

    @cached_property
    def nodes(self) -> list[str]:
        """Every organisation of the period: parents before children."""
        return self.populations.nodes()

    @cached_property
    def parents(self) -> Mapping[str, str | None]:
        """The organisation above each when it was last there in the period; None at a root."""
        nodes = frozenset(self.nodes)
        return {node: self._parent(node, nodes) for node in self.nodes}

    def _parent(self, node: str, nodes: frozenset[str]) -> str | None:
        roster = self.populations.roster
        for stretch in reversed(self.populations.stretches):
            above = roster.ancestors(node, stretch.first)
            if above and above[0] in nodes:
                return above[0]
            if roster.organisation(node, stretch.first):
                return None
        return None

    def within(self, node: str) -> frozenset[str]:
        """The organisation and what is below it, added up as ``may_stand`` does."""
        found: set[str] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self._children.get(one, ())
        return frozenset(found)

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for node, parent in self.parents.items():
            if parent is not None:
                found.setdefault(parent, []).append(node)
        return found

    def branches(self, node: str) -> list[str]:
        """What is below a node and has members of its own."""
        children = self.populations.children(node)
        found = [child for child in children if self.populations.has_own_members(child)]
        return found + [branch for child in children for branch in self.branches(child)]

    def may_stand(self, own: Mapping[str, int], k: int | None = None) -> dict[str, bool]:
        """Of every node, whether a figure about these members may stand beside its siblings. ``own``: members behind
        the figure, by the organisation to which they belong themselves; ``k``: another one than that of all figures."""
        parents = self.parents
        inner = self._children.keys()
        sizes = {n: own.get(n, 0) for n in self.nodes if n not in inner}
        leaves: dict[str, str | None] = dict(parents)
        for node in inner:
            if own.get(node):
                leaves[_own(node)] = node
                sizes[_own(node)] = own[node]
        for node in reversed(self.nodes):
            if node in inner:
                sizes[node] = own.get(node, 0) + sum(sizes[child] for child in self._children[node])
        return {n: v == "show" for n, v in suppress(sizes, leaves, k or self.k).items()}


def _own(node: str) -> str:
    """A name that no organisation has, for the members of the node itself."""
    return f"\0{node}"
