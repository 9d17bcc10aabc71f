"""Which rows of a printed table must be withheld because too few members are behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.measures.suppression import suppress


def hide_small(sizes: Sequence[int], k: int) -> list[bool]:
    """Rows to withhold from a table whose total is printed and whose rows may share members.

    Rows with fewer than k members, and then the smallest others, until those withheld have k members
    or more between them and are at least two: the total minus the shown rows then gives back nothing.
    Empty rows hide nobody and stay.
    """
    hidden = [0 < size < k for size in sizes]
    while any(hidden) and (sum(hidden) < 2 or sum(s for s, h in zip(sizes, hidden, strict=True) if h) < k):
        spare = [i for i, size in enumerate(sizes) if size > 0 and not hidden[i]]
        if not spare:
            break
        hidden[min(spare, key=lambda i: (sizes[i], i))] = True
    return hidden


def shown_parts(sizes: Mapping[str, int], k: int) -> dict[str, bool]:
    """Of a whole that splits into parts (each member in one), which parts may be printed beside it."""
    whole = ""
    verdicts = suppress({whole: sum(sizes.values()), **sizes}, {whole: None, **dict.fromkeys(sizes, whole)}, k)
    return {part: verdicts[part] == "show" for part in sizes}
