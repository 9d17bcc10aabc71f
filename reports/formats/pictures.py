"""Charts as PNG, for Word: drawn by the typesetter, so that no other library is needed."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import cast

import msgspec

from reports.formats.document import Document
from reports.formats.pdf import compiler, source

DOTS = 200
"""To the inch."""


@lru_cache(maxsize=1)
def _program() -> bytes:
    return files("reports.formats").joinpath("charts.typ").read_bytes()


def pictures(document: Document) -> list[bytes]:
    """A picture of each of ``document.charts``. Raises FormatUnavailable."""
    if not document.charts:
        return []
    text, _ = source(document)
    charts = msgspec.json.decode(text, type=Document).charts
    inputs = {"charts": msgspec.json.encode(charts).decode()}
    made = compiler().compile(_program(), sys_inputs=inputs, format="png", ppi=DOTS)
    return cast("list[bytes]", made if isinstance(made, list) else [made])
