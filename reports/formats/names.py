"""The formats that reports come in."""

from __future__ import annotations

from typing import Literal, get_args

Format = Literal["html", "pdf", "docx", "xlsx", "csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
DEFAULT: tuple[Format, ...] = ("html", "json")
PRINTED: tuple[Format, ...] = ("pdf", "docx")
"""Made from the page, so one in each language."""
TABLES: tuple[Format, ...] = ("xlsx", "csv", "parquet")
"""Made from the context: one for all languages, with headings in both."""
LABELS: dict[Format, str] = {"pdf": "PDF", "docx": "Word", "xlsx": "Excel", "json": "JSON", "parquet": "Parquet"}
