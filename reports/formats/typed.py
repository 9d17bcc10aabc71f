"""Tables with one type a column and headings in both languages, ready to be written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from reports.figures import Figure
from reports.formats.tables import Sheet
from reports.text import Note, Words
from schemas.metrics import METRICS
from schemas.reference.columns import Text

Kind = Literal["text", "integer", "number", "share", "seconds", "date", "time", "bool"]
_UNITS: Mapping[str, Kind] = {"seconds": "seconds", "share": "share", "count": "integer"}
WITHHELD = "＊"


@dataclass(frozen=True, slots=True)
class Column:
    """``id`` is stable and for machines; ``zh`` and ``en`` are for people. ``metric``: '' if it is no figure."""

    id: str
    zh: str
    en: str
    kind: Kind
    metric: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """Values by column: None where there is none, ``WITHHELD`` where it is not told."""

    id: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


@lru_cache(maxsize=1)
def labels() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Names of columns, sheets and parts of figures: Chinese, English."""
    return tomllib.loads(files("reports.formats").joinpath("labels.toml").read_text("utf-8"))


def label(kind: str, id_: str) -> tuple[str, str]:
    """The name of a column, sheet or part in both languages; the id itself where it has no name."""
    table = labels()[kind]
    last = id_.rpartition("_" if kind == "sheet" else ".")[2]
    found = table.get(id_) or table.get(last)
    return (found[0], found[1]) if found else (id_, id_)


@lru_cache(maxsize=1)
def _both() -> tuple[Words, Words]:
    return Words("zh"), Words("en")


def typed(sheet: Sheet) -> Typed:
    """A table whose columns have types. Shares bring their count, total and limits as columns of their own."""
    zh, en = label("sheet", sheet.id)
    made = [pair for name in sheet.columns for pair in _expanded(name, [row.get(name) for row in sheet.rows])]
    columns = tuple(column for column, _ in made)
    return Typed(sheet.id, zh, en, columns, tuple(zip(*(values for _, values in made), strict=True)))


Pair = tuple[Column, list[Any]]


def _expanded(name: str, cells: list[Any]) -> Iterator[Pair]:
    kinds = {type(cell) for cell in cells if cell is not None}
    if Figure in kinds:
        yield from _figures(name, cells)
        return
    zh, en = label("column", name)
    if name in ("metric", "section", "field"):
        yield from _named(name, cells)
    elif kinds & {Text, Note} or len(kinds) > 1:
        yield from _texts(name, zh, en, cells)
    else:
        only = next(iter(kinds), str)
        kind: Kind = _KINDS.get(only, "text")
        yield Column(name, zh, en, kind), cells


_KINDS: Mapping[type, Kind] = {bool: "bool", int: "integer", float: "number", date: "date", datetime: "time"}


def _named(name: str, cells: list[Any]) -> Iterator[Pair]:
    """A metric, part or field: its id, and what it is called."""
    zh, en = label("column", name)
    texts = [_called(name, cell) for cell in cells]
    yield Column(name, *label("column", f"{name}_id"), "text"), cells
    yield Column(f"{name}_zh", zh, f"{en} (zh)", "text"), [text.zh for text in texts]
    yield Column(f"{name}_en", f"{zh}（英文）", en, "text"), [text.en for text in texts]


def _called(name: str, id_: str) -> Text:
    if name == "metric":
        return METRICS[id_].name
    if name == "field":
        return Text(*label("column", id_))
    parts = [label("sheet", part) for part in id_.split(".")]
    return Text(" · ".join(zh for zh, _ in parts), " · ".join(en for _, en in parts))


def _texts(name: str, zh: str, en: str, cells: list[Any]) -> Iterator[Pair]:
    chinese, english = ([_worded(cell, words) for cell in cells] for words in _both())
    yield Column(name, zh, en, "text"), chinese
    if chinese != english:
        yield Column(f"{name}_en", f"{zh}（英文）", f"{en} (English)", "text"), english


def _worded(cell: Any, words: Words) -> str | None:
    if isinstance(cell, Note):
        return words.note(cell)
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, (Text, Figure, date)):
        return words.value(cell)
    return str(cell)


def _figures(name: str, cells: list[Any]) -> Iterator[Pair]:
    figures = [cell if isinstance(cell, Figure) else None for cell in cells]
    metrics = {figure.metric_id for figure in figures if figure}
    metric = metrics.pop() if len(metrics) == 1 else ""
    if metric:
        zh, en = METRICS[metric].name.zh, METRICS[metric].name.en
        kind = _UNITS.get(METRICS[metric].unit, "number")
        if kind == "integer" and any(f and f.value is not None and f.value != int(f.value) for f in figures):
            kind = "number"
    else:
        (zh, en), kind = label("column", name), "number"
    yield Column(name, zh, en, kind, metric), [_value(figure, kind) for figure in figures]
    if not metric:
        units = [METRICS[figure.metric_id].unit if figure else None for figure in figures]
        yield Column(f"{name}.unit", *label("column", "unit"), "text"), units
    for part, of in _PARTS.items():
        values = [getattr(figure, part) if figure else None for figure in figures]
        if any(value is not None for value in values):
            part_zh, part_en = label("part", part)
            yield Column(f"{name}.{part}", f"{zh}{part_zh}", f"{en}{part_en}", of(kind), metric), values


_PARTS: Mapping[str, Callable[[Kind], Kind]] = {
    "x": lambda _: "number",
    "n": lambda _: "number",
    "low": lambda kind: kind,
    "high": lambda kind: kind,
}


def _value(figure: Figure | None, kind: Kind) -> Any:
    if figure is None:
        return None
    if figure.hidden:
        return WITHHELD
    if figure.value is None:
        return None
    return int(figure.value) if kind == "integer" else float(figure.value)
