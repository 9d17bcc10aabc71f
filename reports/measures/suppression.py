"""Small cells: which figures of an organisation tree must be hidden so that no group below k can be seen.

Hiding the small cells alone is not enough: total minus the shown siblings gives a single hidden one back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

from reports.measures.errors import MeasureError

DEFAULT_K = 5
Verdict = Literal["show", "primary", "complementary"]


def _children(sizes: Mapping[str, int], parents: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Parent → children by (size, id), deepest parents first; raises where the sizes don't add up."""
    if sizes.keys() != parents.keys():
        raise MeasureError("sizes and parents name different nodes", hint="give every node in both")
    below: dict[str, list[str]] = defaultdict(list)
    depth: dict[str, int] = {}
    for node in parents:
        path, above = [node], parents[node]
        while above is not None:
            if above not in parents or above in path:
                raise MeasureError(f"{path[-1]} lies below {above}, which is missing or below itself")
            path.append(above)
            above = parents[above]
        depth[node] = len(path)
        if len(path) > 1:
            below[path[1]].append(node)
    for parent, nodes in below.items():
        if sum(sizes[n] for n in nodes) != sizes[parent]:
            raise MeasureError(
                f"the children of {parent} have {sum(sizes[n] for n in nodes)} members, not {sizes[parent]}",
                hint="give members that belong to the parent itself as a child of their own",
            )
    order = sorted(below, key=lambda n: (-depth[n], n))
    return {parent: sorted(below[parent], key=lambda n: (sizes[n], n)) for parent in order}


def suppress(sizes: Mapping[str, int], parents: Mapping[str, str | None], k: int = DEFAULT_K) -> dict[str, Verdict]:
    """Verdict for every node of a table in which a parent's figure is the sum over its children.

    ``sizes``: members behind each node's figure; ``parents``: node → parent (``None`` at a root).

    Primary: 0 < size < k (a size of 0 hides nobody). Complementary, until every equation "parent = sum of
    children" is safe: below a hidden parent at least one child is hidden; below a shown parent none, or at
    least two with k members or more behind the hidden leaves together, since their sum can be worked out.
    Hidden next is the smallest shown, non-empty child (ties by id); where none is left, the parent.
    Every hidden cell then leads down to a hidden leaf, and each sum over shown figures leaves at least two
    of those open, so none can be computed. Print one mark for both verdicts: to say which cells are
    primary gives away an upper bound on them.
    Source: Willenborg & de Waal 2001, Elements of Statistical Disclosure Control, chapter 8; Hundepool et
    al. 2012, Statistical Disclosure Control, section 4.4.
    """
    if k < 1:
        raise MeasureError(f"k = {k} hides nothing", hint="k is at least 1")
    children = _children(sizes, parents)
    verdict: dict[str, Verdict] = {n: "primary" if 0 < size < k else "show" for n, size in sizes.items()}

    def hidden_below(node: str) -> list[str]:
        return [n for n in children[node] if verdict[n] != "show"]

    def leaves_behind(node: str) -> int:
        return sum(leaves_behind(n) for n in hidden_below(node)) if node in children else sizes[node]

    def safe(parent: str) -> bool:
        hidden = hidden_below(parent)
        if verdict[parent] != "show":
            return bool(hidden)
        return not hidden or (len(hidden) > 1 and sum(map(leaves_behind, hidden)) >= k)

    # Deepest first, from the start after each change: a newly hidden parent hides a child before the sum
    # above it is judged. Every turn hides one cell more, so it ends.
    while (parent := next((p for p in children if not safe(p)), None)) is not None:
        spare = [n for n in children[parent] if verdict[n] == "show" and sizes[n] > 0]
        verdict[spare[0] if spare else parent] = "complementary"
    return verdict
