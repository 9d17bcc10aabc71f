"""PDF: blocks, set by typst. Tagged for screen readers (PDF/UA-1), fonts embedded, the same bytes each time."""

from __future__ import annotations

import threading
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

import msgspec

from reports.errors import ReportError
from reports.formats.chart_style import FAMILY
from reports.formats.document import Document
from reports.formats.fonts import Families, book, families, installed, needs_chinese
from reports.formats.layout import numbers

if TYPE_CHECKING:
    import typst

DOTS = 200
"""Of charts as pictures, to the inch."""


_local = threading.local()


def compiler() -> typst.Compiler:
    """One for all documents of a thread: it keeps what documents have in common, and can't be shared."""
    fonts = book()
    import typst

    if not hasattr(_local, "compiler"):
        _local.compiler = typst.Compiler(font_paths=fonts)
    found: typst.Compiler = _local.compiler
    return found


@lru_cache(maxsize=1)
def layout() -> bytes:
    """The program that sets blocks."""
    return files("reports.formats").joinpath("report.typ").read_bytes()


def source(document: Document) -> tuple[bytes, Families]:
    """Everything that the look of a document depends on: its blocks, and the fonts. Raises FormatUnavailable."""
    text = msgspec.json.encode(document)
    chinese = document.language == "zh"
    found = families(chinese or needs_chinese(text.decode()), installed())
    if not chinese:
        found = {role: (*families(False, installed())[role], *chain) for role, chain in found.items()}
    family = ", ".join(f"'{name}'" for name in found["heading"][:3])
    return text.replace(FAMILY.encode(), family.encode()), found


def to_pdf(document: Document, moment: datetime) -> bytes:
    """The document as PDF; ``moment`` is the date that the file carries. Raises FormatUnavailable, ReportError."""
    text, fonts = source(document)
    inputs = {
        "document": text.decode(),
        "fonts": msgspec.json.encode(fonts).decode(),
        "numbers": msgspec.json.encode(numbers(document.language == "zh")).decode(),
    }
    compile_ = compiler().compile
    import typst

    try:
        made = compile_(
            layout(), sys_inputs=inputs, format="pdf", pdf_standards="ua-1", timestamp=int(moment.timestamp())
        )
    except typst.TypstError as error:
        raise ReportError(
            f"typesetting failed: {error.message}", where=document.name, hint="; ".join(error.hints)
        ) from error
    return cast("bytes", made)
