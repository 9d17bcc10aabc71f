"""Contexts as plain values: the same content as the page, for machines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from reports.figures import Figure, Series, field_names, metrics_used
from reports.text import Note, Words
from schemas.metrics import METRICS
from schemas.reference.columns import Text

FORMAT = 1
"""Version of the layout of JSON reports; grows when a field changes its meaning or goes."""


def plain(value: Any, words: Words) -> Any:
    """Dataclasses as dicts, figures with their metric, text and notes in the language of ``words``."""
    if isinstance(value, Figure):
        return _figure(value, words)
    if isinstance(value, Text):
        return value.of(words.language)
    if isinstance(value, Note):
        return words.note(value)
    if isinstance(value, Series):
        return {"metric": value.metric_id, "values": value.values}
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [plain(item, words) for item in value]
    return {name: plain(getattr(value, name), words) for name in field_names(type(value))}


def _figure(figure: Figure, words: Words) -> dict[str, Any]:
    found: dict[str, Any] = {"metric": figure.metric_id, "value": figure.value, "text": words.figure(figure)}
    if figure.hidden:
        found["withheld"] = True
    for name in ("x", "n", "low", "high"):
        if (number := getattr(figure, name)) is not None:
            found[name] = number
    return found


def definitions(used: tuple[str, ...], words: Words) -> dict[str, dict[str, Any]]:
    """The declarations of the metrics that a report shows."""
    language = words.language
    return {
        m: {
            "name": METRICS[m].name.of(language),
            "unit": METRICS[m].unit,
            "definition": METRICS[m].definition.of(language),
            "formula": METRICS[m].formula,
            "source": METRICS[m].source,
            "smallest_n": METRICS[m].smallest_n,
            "direction": METRICS[m].direction,
            "not_said": METRICS[m].not_said.of(language),
        }
        for m in used
    }


def to_json(report: Any, words: Words) -> bytes:
    """A report as JSON: its content, and the definitions of every figure in it."""
    found = {
        "format": FORMAT,
        "language": words.language,
        "report": plain(report, words),
        "definitions": definitions(metrics_used(report), words),
    }
    return msgspec.json.encode(found)
