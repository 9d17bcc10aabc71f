"""The definitions of a report's figures as a table of its own."""

from __future__ import annotations

from typing import Any

from reports.figures import metrics_used
from reports.formats.typed import Column, Typed, label
from schemas.metrics import METRICS

_COLUMNS = (
    ("metric_id", "metric_id", ""),
    ("name", "metric", "zh"),
    ("name_en", "metric", "en"),
    ("unit", "unit", ""),
    ("definition", "definition", "zh"),
    ("definition_en", "definition", "en"),
    ("not_said", "not_said", "zh"),
    ("not_said_en", "not_said", "en"),
    ("formula", "formula", ""),
    ("source", "source", ""),
    ("smallest_n", "smallest_n", ""),
)


def definitions(report: Any) -> Typed:
    """A row for each metric of which the report shows a value."""
    rows = [METRICS[metric].row() for metric in metrics_used(report)]
    return Typed(
        "definitions",
        *label("sheet", "definitions"),
        tuple(_column(id_, name, language) for id_, name, language in _COLUMNS),
        tuple(tuple(row[id_] for id_, _, _ in _COLUMNS) for row in rows),
    )


def _column(id_: str, name: str, language: str) -> Column:
    zh, en = label("column", name)
    if language == "en":
        zh = f"{zh}（英文）"
    elif language == "zh":
        en = f"{en} (Chinese)"
    return Column(id_, zh, en, "integer" if id_ == "smallest_n" else "text")
