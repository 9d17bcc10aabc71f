"""Parquet: every figure of a report as a row of one schema, so that the files of all reports are one table."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from reports.figures import Figure, metrics_used
from reports.formats.tables import NAMING, Row, sheets
from reports.text import Note
from schemas.metrics import METRICS
from schemas.reference.columns import Text

FORMAT = 1
"""Version of this schema; grows when a column changes its meaning or goes."""
SCHEMA = pa.schema(
    [
        pa.field("report", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("content_id", pa.string(), nullable=False),
        pa.field("first", pa.date32(), nullable=False),
        pa.field("last", pa.date32(), nullable=False),
        pa.field("as_of", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("part", pa.string(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("item", pa.string()),
        pa.field("field", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("x", pa.float64()),
        pa.field("n", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("withheld", pa.bool_(), nullable=False),
    ]
)
"""``part``: the table of the report; ``row``: from 1; ``item``: what names the row (JSON). Times are seconds."""


def to_parquet(report: Any) -> bytes:
    """All figures of a report, with the definitions of their metrics and the versions behind them as metadata."""
    head = report.head
    common = {
        "report": head.kind,
        "subject": head.id,
        "content": head.content,
        "content_id": head.content_id,
        "first": head.first,
        "last": head.last,
        "as_of": head.as_of,
    }
    rows = [common | row for sheet in sheets(report) for row in _rows(sheet.id, sheet.rows)]
    table = pa.Table.from_pylist(rows, SCHEMA.with_metadata(_metadata(report)))
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _rows(part: str, rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    found = []
    for number, row in enumerate(rows, 1):
        item = _item(row)
        for field, figure in row.items():
            if isinstance(figure, Figure):
                name = f"{row['section']}.{row['metric']}".lstrip(".") if part == "figures" else field
                found.append(
                    {
                        "part": part,
                        "row": number,
                        "item": item,
                        "field": name,
                        "metric": figure.metric_id,
                        "unit": METRICS[figure.metric_id].unit,
                        "value": figure.value,
                        "x": figure.x,
                        "n": figure.n,
                        "low": figure.low,
                        "high": figure.high,
                        "withheld": figure.hidden,
                    }
                )
    return found


def _item(row: Row) -> str | None:
    """What names a row, as JSON; None where nothing does."""
    names = {
        name: str(value.zh if isinstance(value, Text) else value)
        for name, value in row.items()
        if not isinstance(value, (Figure, Note)) and value is not None and name.rpartition(".")[2] in _NAMING
    }
    return msgspec.json.encode(names).decode() if names else None


_NAMING = frozenset(NAMING) | {
    "number", "position", "day", "starts", "reason", "question_id", "quarter", "survey_id", "item_id", "choice",
}  # fmt: skip


def _metadata(report: Any) -> dict[str, str]:
    head = report.head
    definitions = {metric: METRICS[metric].row() for metric in metrics_used(report)}
    return {
        "xuejing.format": str(FORMAT),
        "xuejing.rules": head.rules,
        "xuejing.timezone": head.timezone,
        "xuejing.definitions": msgspec.json.encode(definitions).decode(),
        "xuejing.data_hash": head.provenance.data_hash if head.provenance else "",
        "xuejing.made_by": (head.provenance.made_by if head.provenance else None) or "",
        "xuejing.purpose": (head.provenance.purpose if head.provenance else None) or "",
    }
