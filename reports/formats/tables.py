"""A typed context as tables: every figure in it, and every list in it, for spreadsheets and machines.

The walk knows no report by name. A tuple of dataclasses is a table; what such a row holds in a tuple of its own is a
table too, whose rows begin with what names the row above. Series and lists that run side by side are a table by
position.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from reports.figures import Figure, Series, field_names
from reports.text import Note
from schemas.reference.columns import Text

Row = dict[str, Any]
_SIMPLE = (Figure, Text, Note, str, bool, int, float, date, type(None))
NAMING = ("id", "member_id", "course_id", "exam_id", "question_id", "knowledge_point_id", "org_id", "title", "name")
"""Fields that name a row: they go before the rows that belong to it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """``columns`` are dotted names of fields, in order; a row may lack some. ``id`` is the field it comes from."""

    id: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def sheets(report: Any) -> list[Sheet]:
    """All tables of a report: ``about`` (its head), ``figures`` (what stands alone), then each list in it."""
    about, alone = _head(report.head)
    lists: dict[str, list[Row]] = {}
    for name in field_names(type(report)):
        value = getattr(report, name)
        if isinstance(value, (Text, Note, str, bool, date)):
            about.append({"field": name, "value": value})
        elif name != "head":
            _collect(value, (name,), {}, alone, lists)
    made = [Sheet("about", ("field", "value"), tuple(about))]
    if alone:
        made.append(Sheet("figures", ("section", "metric", "figure"), tuple(alone)))
    for id_, rows in lists.items():
        made.append(Sheet(id_, tuple(dict.fromkeys(column for row in rows for column in row)), tuple(rows)))
    return made


def _head(head: Any) -> tuple[list[Row], list[Row]]:
    """What the head says, and its figures."""
    pairs = [(name, value) for name, value in _flat(head) if value is not None]
    said: list[Row] = [{"field": name, "value": value} for name, value in pairs if not isinstance(value, Figure)]
    figures = [value for _, value in pairs if isinstance(value, Figure)]
    return said, [{"section": "", "metric": figure.metric_id, "figure": figure} for figure in figures]


def _collect(value: Any, path: tuple[str, ...], above: Row, alone: list[Row], lists: dict[str, list[Row]]) -> None:
    """Puts what is below ``value`` where it belongs. ``above`` names the row that it is part of."""
    if isinstance(value, Figure):
        if not above:
            alone.append({"section": ".".join(path[:-1]), "metric": value.metric_id, "figure": value})
    elif isinstance(value, (tuple, list)) and not isinstance(value, _SIMPLE):
        for number, item in enumerate(value, 1):
            _listed(item, path, above, number, lists)
    elif dataclasses.is_dataclass(value) and not isinstance(value, _SIMPLE):
        names = field_names(type(value))
        if rows := _side_by_side(value, names):
            lists.setdefault("_".join(path), []).extend(rows)
            return
        for name in names:
            _collect(getattr(value, name), (*path, name), above, alone, lists)


def _listed(item: Any, path: tuple[str, ...], above: Row, number: int, lists: dict[str, list[Row]]) -> None:
    id_ = "_".join(path)
    if isinstance(item, _SIMPLE):
        lists.setdefault(id_, []).append({**above, "number": number, "value": item})
        return
    row = dict(_flat(item))
    lists.setdefault(id_, []).append({**above, **row})
    naming = {f"{path[-1]}.{name}": v for name, v in row.items() if name.rpartition(".")[2] in NAMING}
    below = {**above, **(naming or {f"{path[-1]}.number": number})}
    for name, inner in _inner_lists(item, ()):
        _collect(inner, (*path, *name), below, [], lists)


def _flat(item: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Fields of a dataclass and of the dataclasses in it; short lists of text as one text."""
    for name in field_names(type(item)):
        value = getattr(item, name)
        if isinstance(value, _SIMPLE):
            yield prefix + name, value
        elif isinstance(value, tuple):
            if value and all(isinstance(part, (str, Text)) for part in value):
                yield prefix + name, _joined(value)
        elif not isinstance(value, Series):
            yield from _flat(value, f"{prefix}{name}.")


def _joined(parts: tuple[str | Text, ...]) -> Text:
    texts = [Text(part, part) if isinstance(part, str) else part for part in parts]
    return Text("；".join(t.of("zh") for t in texts), "; ".join(t.of("en") for t in texts))


def _inner_lists(item: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Tuples of dataclasses inside of a row, wherever they are."""
    for name in field_names(type(item)):
        value = getattr(item, name)
        if isinstance(value, tuple) and value and not isinstance(value[0], _SIMPLE):
            yield (*path, name), value
        elif dataclasses.is_dataclass(value) and not isinstance(value, (*_SIMPLE, Series)):
            yield from _inner_lists(value, (*path, name))


def _side_by_side(item: Any, names: tuple[str, ...]) -> list[Row]:
    """What a dataclass holds by position: series, and lists of the same length beside them or beside each other;
    with the day where it begins on one. Nothing for other dataclasses."""
    values = {name: getattr(item, name) for name in names}
    series = {name: one for name, one in values.items() if isinstance(one, Series)}
    lists = {
        name: one
        for name, one in values.items()
        if isinstance(one, tuple) and one and not isinstance(one, Text) and all(isinstance(v, _SIMPLE) for v in one)
    }
    lengths = [len(one.values) for one in series.values()] or [len(one) for one in lists.values()]
    beside = {name: one for name, one in lists.items() if len(one) == max(lengths, default=0)}
    if not series and len(beside) < 2:
        return []
    rows = []
    for position in range(max(lengths)):
        row: Row = {"position": position}
        if isinstance(first := values.get("first"), date):
            row["day"] = first + timedelta(days=position)
        row |= {name: one[position] for name, one in beside.items()}
        for name, one in series.items():
            if position < len(one.values):
                row[name] = Figure(one.metric_id, one.values[position])
        rows.append(row)
    return rows
