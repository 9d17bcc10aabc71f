"""Compares two frames of figures by key and names every difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl


class Difference(NamedTuple):
    """One figure that is not the same: where, which, and both values."""

    table: str
    key: tuple[str, ...]
    figure: str
    recomputed: Any
    stored: Any


def compare(
    table: str, recomputed: pl.DataFrame, stored: pl.DataFrame, key: list[str], figures: list[str]
) -> Iterator[Difference]:
    """Every figure in which the frames differ; a row that one of them lacks counts as zeros."""
    both = recomputed.join(stored, on=key, how="full", coalesce=True, suffix="_stored")
    filled = both.with_columns(pl.col(f, f"{f}_stored").fill_null(0) for f in figures)
    differs = pl.any_horizontal(pl.col(f) != pl.col(f"{f}_stored") for f in figures)
    for row in filled.filter(differs).sort(key).iter_rows(named=True):
        for f in figures:
            if row[f] != row[f"{f}_stored"]:
                yield Difference(table, tuple(str(row[k]) for k in key), f, row[f], row[f"{f}_stored"])
